"""A film of some ten minutes, and one of feature length: what `recommend film` takes for each part of its work.

    python benchmarks/feature_film.py ../shared SILERO [--films FOLDER] [--library LIBRARY] [--out FILE]

SILERO: the unpacked sources of silero-vad (PyPI), whose two recordings of people speaking lie under some scenes. The
films (`feature_films.py`) need FFmpeg's `ffmpeg`. Music: `data/music` and `data/macleod`, indexed where no library of
them is given. The long film is the short one so many times: it is read once, and what was read is repeated.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import measuring

# isort: split
import feature_films as films

from indexing.library import Library
from recommender import Recommender, media
from recommender.extractors.video import parts
from recommender.films import delivery, laying, scenes, score
from recommender.films.rules import Rules
from recommender.page.cue_sheet import write_cue_sheet
from recommender.timelines import formats_in

SEED, MINUTES, TIMES, NEAR_S = 0, 10.0, 10, 1.0
FORMATS = "otio,fcpxml,xmeml,edl"


class Told(NamedTuple):
    """Of a film, by part of the work its CPU seconds and the most memory of the process until then in MB; what came."""

    costs: dict[str, tuple[float, float]]
    film: scenes.Film
    music: int


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    options.add_argument("silero", type=Path, help="the unpacked sources of silero-vad")
    options.add_argument("--films", type=Path, help="keep the films in this folder")
    options.add_argument("--library", type=Path, help="a library of the music")
    args = options.parse_args()
    speech = [args.silero / "examples/c++/aepyx.wav", args.silero / "tests/data/test.wav"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        kept = args.films or out
        kept.mkdir(parents=True, exist_ok=True)
        engine = Recommender(Library.open(str(args.library or _indexed(args.shared / "data", out))))
        short = films.feature(kept, args.shared / "data", MINUTES, speech=speech, seed=SEED)
        long = films.repeat(short, TIMES)
        decoding, reading = {}, {}
        _timed(decoding, "decoding", lambda: sum(1 for _ in media.frames(short.path, 0.5, 16)))
        read = _timed(reading, "reading", lambda: parts.read(short.path))
        told = [_score(engine, short, read, out / "short")]
        told.append(_score(engine, long, films.tile(read, films.length_s(short.path), TIMES), out / "long"))
    measuring.publish("\n".join(_page([short, long], told, (decoding["decoding"], reading["reading"]))), args.out)


def _indexed(data: Path, folder: Path) -> Path:
    library = folder / "library"
    command = [sys.executable, "-m", "cli", "index", "add", str(data / "music"), str(data / "macleod")]
    subprocess.run([*command, "--library", str(library), "--workers", "1"], check=True)
    return library


def _timed(costs: dict[str, tuple[float, float]], name: str, call: Callable[[], Any]) -> Any:
    began = time.process_time()
    found = call()
    costs[name] = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(name, costs[name], file=sys.stderr, flush=True)
    return found


def _score(engine: Recommender, film: films.Feature, read: parts.Reading, out: Path) -> Told:
    costs: dict[str, tuple[float, float]] = {}
    cut = _timed(costs, "scenes, speech", lambda: scenes.cut_film(engine, film.path, read))
    every = _timed(costs, "searching", lambda: [engine.recommend(scene.query, 200, 200) for scene in cut.scenes])
    made = _timed(costs, "choosing", lambda: score.compose_from(engine, cut.scenes, every, rules=Rules()))
    laid = _timed(costs, "laying", lambda: laying.lay(film.path, made))
    where: dict[str, Any] = {"out": out, "cuts_s": cut.cut_s}
    _timed(costs, "timelines, stem", lambda: delivery.export_film(film.path, laid, formats_in(FORMATS), **where))
    sheets = [out / f"cues.{ending}" for ending in ("csv", "html")]
    _timed(costs, "cue sheets", lambda: [write_cue_sheet(film.path, laid, sheet) for sheet in sheets])
    _timed(costs, "preview", lambda: delivery.preview_film(film.path, laid, out / f"heard{film.path.suffix}"))
    return Told(costs, cut, sum(cue.chosen is not None for cue in laid))


def _page(made: list[films.Feature], told: list[Told], read: tuple[Any, Any]) -> Iterator[str]:
    """The results."""
    environment = measuring.environment("numpy", "opencv-python-headless", "av")
    lasts = [one.film.duration_s / 60 for one in told]
    yield DOC.format(environment=environment, seed=SEED, looks=films.LOOKS, times=TIMES)
    yield f"| CPU seconds (and the most memory until then, MB) | {' | '.join(f'{one:.0f} min' for one in lasts)} |"
    yield "|---|---|---|"
    for name, (cpu_s, peak_mb) in (("decoding alone", read[0]), ("reading", read[1])):
        yield f"| {name} | {cpu_s:.1f} ({peak_mb:.0f}) | {TIMES} times as much |"
    for name in told[0].costs:
        cells = (f"{one.costs[name][0]:.1f} ({one.costs[name][1]:.0f})" for one in told)
        yield f"| {name} | {' | '.join(cells)} |"
    whole = [
        times * read[1][0] + sum(cpu_s for cpu_s, _ in one.costs.values())
        for times, one in zip((1, TIMES), told, strict=True)
    ]
    yield f"| all but decoding alone | {' | '.join(f'{one:.0f}' for one in whole)} |"
    speed = (f"{minutes / (cpu_s / 60):.1f}" for minutes, cpu_s in zip(lasts, whole, strict=True))
    yield f"| minutes of film per CPU minute | {' | '.join(speed)} |"
    yield "\n| film | cuts | scenes made | scenes found | with music | made ones met within 1 s |"
    yield "|---|---|---|---|---|---|"
    for film, one, minutes in zip(made, told, lasts, strict=True):
        found = [scene.start_s for scene in one.film.scenes]
        met = sum(any(abs(at - other) <= NEAR_S for other in found) for at in film.starts_s)
        counts = f"{len(one.film.cut_s)} | {len(film.starts_s)} | {len(found)} | {one.music}"
        yield f"| {minutes:.0f} min | {counts} | {met} |"


DOC = """# Films of feature length

Made by `python benchmarks/feature_film.py ../shared SILERO --out docs/results/feature_film.md` (seed {seed}).
{environment}.

A film of 960 x 540, 24 frames per second (H.264, AAC), of shots of 2 to 6 s that FFmpeg joined from {looks} looks: real
clips, each with a part of the picture, a light and a colour of its own. Scenes last 10 s to 5 minutes, some follow
upon black, text on black is the end; under them somebody speaks, a place sounds, or nearly nothing. The long film is
this one {times} times, a file of its own; it is not read again, what was read is repeated, all else is done anew. The
library: 115 tracks, none of which comes twice. Nothing here was acted or edited by a person.
"""


if __name__ == "__main__":
    main()
