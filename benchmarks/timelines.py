"""Timelines held against foreign readers, over all rates and start timecodes; writes docs/results/timelines.md.

    PYTHONPATH=. python benchmarks/timelines.py

Clips and noise are made here; real clips and music are read from ../shared/data, and left out where that is absent.
Needs `melt`, `ges-launch-1.0` (Debian: ges1.0-tools) and OpenTimelineIO (extra `dev`).
"""

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
import opentimelineio as otio  # noqa: E402

from recommender import timelines  # noqa: E402
from recommender.editing.export import find_beats, find_cuts  # noqa: E402
from recommender.editing.placement import Placement, Stretch, duck_under  # noqa: E402
from recommender.editing.stem import write_stem  # noqa: E402
from recommender.media import write_audio  # noqa: E402
from recommender.timelines import TIMELINES  # noqa: E402
from recommender.timelines.build import build  # noqa: E402
from recommender.timelines.timeline import Mark, Timeline, slide  # noqa: E402
from recommender.timelines.xml import Element, add, add_properties, save  # noqa: E402
from timeline_samples import CASES, HZ, ODD, RATES, fcpxml_clips, film, found_in, ges, heard, melt, noise  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
OUT = ROOT / "docs" / "results" / "timelines.md"
PIECES = (Stretch(1.0123, 2.5123), Stretch(5.0, 6.5))
CLIPS = (
    "clips/chaplin.mp4",
    "clips/bigbuckbunny.mp4",
    "activity/tav__rabbit-watermelon.mp4",
    "activity/thnak__football3.mp4",
)
MUSIC = ("04 - Sanctuary.ogg", "Karissa_Hobbs_-_Lets_Go_Fishin.ogg", "JRPG_town_loop.ogg", "19 - Courtesan.ogg")
IN_S = 12.3456
SEED = 0


def main() -> None:
    with TemporaryDirectory() as folder:
        tables = (HEAD, _matrix), (REAL, _real), (JOINTS, _mixes), (SPEED, _speed)
        lines = []
        for words, table in tables:
            lines.append(words)
            for line in table(Path(folder)):
                print(line, file=sys.stderr)
                lines.append(line)
    lines.append(TAIL)
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _matrix(folder: Path) -> Iterator[str]:
    yield "| rate | start | xmeml, EDL, FCPXML | otio in GES | Shotcut in melt | Kdenlive in melt | stem |"
    yield "|---|---|---|---|---|---|---|"
    track = noise(folder / f"{ODD}.wav", seed=SEED)
    source = heard(track)
    for number, (name, start) in enumerate(CASES):
        rate, here = RATES[name], folder / str(number)
        here.mkdir()
        clip = film(here / f"{ODD}.mov", rate, round(3 * rate), start)
        ducks = duck_under([Stretch(1.0, 1.4)], 9.0)
        placed = Placement(clip, 3.0, track, PIECES, gain_db=-3.0, fade_in_s=0.2, fade_out_s=0.3, ducks=ducks)
        placed = slide(placed, rate)
        line = build(clip, [placed, Placement(clip, 3.0, track, (Stretch(0.5, 3.5),))])
        paths = dict(zip(TIMELINES, timelines.write(line, list(TIMELINES.values()), here), strict=True))
        write_stem(placed, here / "stem.wav")
        read = max(_xmeml_off(line, paths["xmeml"]), _edl_off(line, paths["edl"]), _fcpxml_off(line, paths["fcpxml"]))
        sounds = (
            ges(paths["otio"], here / "ges.wav"),
            *(melt(paths[n], here / f"{n}.wav") for n in ("shotcut", "kdenlive")),
        )
        exact = _off_s(source, sounds[0], placed)
        frames = [(_off_s(source, sound, placed) * float(rate), _gain_off_db(source, sound)) for sound in sounds[1:]]
        stem = _off_s(source, heard(here / "stem.wav"), placed) * HZ
        melted = " | ".join(f"{off:.2f} frames, {db:.2f} dB" for off, db in frames)
        yield f"| {name} | {start} | {read:.0f} frames | {1e3 * exact:.3f} ms | {melted} | {stem:.1f} samples |"


def _off_s(source: np.ndarray, sound: np.ndarray, placed: Placement) -> float:
    """The largest error of where music sounds, over the pieces of a placement, in seconds."""
    found, at = [], placed.at_s
    for piece in placed.pieces:
        for since_s in (0.3, 0.7, 1.1):
            place_s, _ = found_in(source, sound, at + since_s)
            found.append(abs(place_s - piece.start_s - since_s))
        at += piece.end_s - piece.start_s
    return max(found)


def _gain_off_db(source: np.ndarray, sound: np.ndarray) -> float:
    """The largest error of the gain: before speech, under it, after it."""
    return max(abs(found_in(source, sound, at)[1] - db) for at, db in ((0.4, -3.0), (1.15, -12.0), (2.4, -3.0)))


def _frames(track: otio.schema.Track, rate: float) -> list[tuple[float, ...]]:
    clips = ((clip.range_in_parent(), clip.source_range) for clip in track.find_clips())
    return [
        (b.start_time.rescaled_to(rate).value, s.start_time.rescaled_to(rate).value, s.duration.value) for b, s in clips
    ]


def _expected(line: Timeline) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Clip and music as (start, first frame of the source, frames)."""
    parts = [(float(p.start), float(p.first), float(p.frames)) for p in line.music[0].parts]
    return [(0.0, float(line.start), float(line.frames))], parts


def _off(line: Timeline, found: otio.schema.Timeline) -> float:
    tracks = list(found.tracks)
    clip, music = _expected(line)
    at = next(i for i, track in enumerate(tracks) if i and len(track.find_clips()) == len(music))
    pairs = [(clip, _frames(tracks[0], float(line.rate))), (music, _frames(tracks[at], float(line.rate)))]
    return max(float(np.abs(np.array(a) - np.array(b)).max()) for a, b in pairs)


def _xmeml_off(line: Timeline, path: Path) -> float:
    return _off(line, otio.adapters.read_from_file(str(path), adapter_name="fcp_xml"))


def _edl_off(line: Timeline, path: Path) -> float:
    return _off(line, otio.adapters.read_from_file(str(path), rate=float(line.rate)))


def _fcpxml_off(line: Timeline, path: Path) -> float:
    """By a reader of our own: OpenTimelineIO's knows whole rates only."""
    clip, *music = ([float(v * line.rate) for v in one[1:]] for one in fcpxml_clips(path))
    expected = _expected(line)
    found = np.array([clip, *music[: len(expected[1])]])
    return float(np.abs(found - np.array([*expected[0], *expected[1]])).max())


def _real(folder: Path) -> Iterator[str]:
    yield "| clip | track | otio in GES | Shotcut in melt | stem | moved to lie on frames |"
    yield "|---|---|---|---|---|---|"
    if not DATA.is_dir():
        print(f"{DATA} is absent: real clips are left out", file=sys.stderr)
        return
    for number, (clip, name) in enumerate(zip(CLIPS, MUSIC, strict=True)):
        here, track = folder / f"real{number}", DATA / "music" / name
        here.mkdir()
        source = heard(track)
        free = Placement(DATA / clip, 4.0, track, (Stretch(IN_S, IN_S + 4.0),), gain_db=-6.0, clip_gain_db=None)
        line = build(DATA / clip, [free])
        placed = slide(free, line.rate)
        line = build(DATA / clip, [placed])
        otio_path, mlt_path = timelines.write(line, [TIMELINES["otio"], TIMELINES["shotcut"]], here)
        write_stem(placed, here / "stem.wav")
        rendered: list[Callable[[], np.ndarray]] = [
            lambda path=otio_path, at=here: ges(path, at / "ges.wav"),
            lambda path=mlt_path, at=here: melt(path, at / "melt.wav"),
            lambda at=here: heard(at / "stem.wav"),
        ]
        offs = [_real_off_s(source, make(), placed) for make in rendered]
        moved = 1e3 * abs(placed.pieces[0].start_s - IN_S)
        rate = f"{float(line.rate):.5g}"
        cells = f"{1e3 * offs[0]:.3f} ms | {offs[1] * float(line.rate):.2f} frames | {offs[2] * HZ:.1f} samples"
        yield f"| {Path(clip).name} ({rate}) | {name} | {cells} | {moved:.1f} ms |"


def _real_off_s(source: np.ndarray, sound: np.ndarray, placed: Placement) -> float:
    """The largest error over two seconds; the music is compared near to where it should be, since it repeats itself."""
    found = []
    for at in (0.7, 1.5, 2.3):
        start = round((placed.pieces[0].start_s + at - 0.2) * HZ)
        near = source[start : start + round(0.8 * HZ)]
        place_s, _ = found_in(near, sound, at, 0.3)
        found.append(abs(place_s + start / HZ - placed.pieces[0].start_s - at))
    return max(found)


def _mixes(folder: Path) -> Iterator[str]:
    """What MLT makes of its own transition between two clips of a track, of some frames at 25 a second."""
    yield "| frames of the mix | level of what ends, at the beginning and end of each frame | of what begins |"
    yield "|---|---|---|"
    files = [folder / f"{level}.wav" for level in (1, 0)]
    for path, level in zip(files, (0.5, 0.0), strict=True):
        write_audio(path, np.full((2, 4 * HZ), level, np.float32), HZ)
    for frames in (1, 2, 3):
        told = [_mixed(folder, *pair, frames=frames) for pair in (files, files[::-1])]
        cells = (", ".join(f"{a:.2f} to {b:.2f}" for a, b in levels) for levels in told)
        yield f"| {frames} | {' | '.join(cells)} |"


def _mixed(folder: Path, ends: Path, begins: Path, *, frames: int) -> list[tuple[float, float]]:
    """Levels at the beginning and end of each frame of a mix, of the file that has any."""
    root = Element("mlt", LC_NUMERIC="C")
    add(root, "profile", frame_rate_num=25, frame_rate_den=1, width=64, height=48)
    for name, path in (("ends", ends), ("begins", begins)):
        add_properties(add(root, "producer", id=name, in_=0, out=99), mlt_service="avformat", resource=str(path))
    mix = add(root, "tractor", id="mix", in_=0, out=frames - 1)
    for name in ("ends", "begins"):
        add(mix, "track", producer=name, in_=25, out=25 + frames - 1)
    transition = add(mix, "transition", in_=0, out=frames - 1)
    add_properties(transition, a_track=0, b_track=1, mlt_service="mix", start=-1, accepts_blanks=0)
    track = add(root, "playlist", id="track")
    for name, first, last in (("ends", 0, 24), ("mix", 0, frames - 1), ("begins", 25 + frames, 99)):
        add(track, "entry", producer=name, in_=first, out=last)
    add(add(root, "tractor", id="all", in_=0, out=98), "track", producer="track")
    save(root, folder / "mix.mlt")
    y = np.abs(melt(folder / "mix.mlt", folder / "mix.wav")) / 0.5
    at = [HZ + k * HZ // 25 for k in range(frames)]
    return [(float(y[first]), float(y[first + HZ // 25 - 1])) for first in at]


def _speed(folder: Path) -> Iterator[str]:
    """CPU seconds of exports and of what they wait for."""
    rate, tracks = Fraction(25), [noise(folder / f"speed{n}.wav", 70.0, seed=n) for n in range(4)]
    clip = film(folder / "speed.mov", rate, 1500)
    placements = [Placement(clip, 60.0, track, (Stretch(1.0, 61.0),), fade_out_s=1.5) for track in tracks]
    every = list(TIMELINES.values())

    def export(marks: list) -> None:
        timelines.write(build(clip, placements, marks=marks), every, folder / "speed", overwrite=True)

    marks = [Mark(at / 2, "beat", "beat") for at in range(120)]
    rows = {
        f"{len(every)} timelines of a minute with three alternatives, files read": lambda: export([]),
        f"the same with {len(marks)} beats, found before": lambda: export(marks),
        "its stem, decoded and written": lambda: write_stem(placements[0], folder / "speed.wav"),
        "looking for beats in its track of 70 s": lambda: find_beats(tracks[0]),
        "looking for cuts in its 1,500 small frames": lambda: find_cuts(clip),
    }
    yield "| what | CPU |"
    yield "|---|---|"
    for name, job in rows.items():
        yield f"| {name} | {median(_cpu_s(job) for _ in range(5)):.2f} s |"


def _cpu_s(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


HEAD = f"""# Timelines, read by other programs

`PYTHONPATH=. python benchmarks/timelines.py` makes clips of each rate and start timecode (64 x 48 pixels, 3 s) and
noise, all called `{ODD}`, lays two pieces of the noise under each clip (slid to frames, -3 dB, 9 dB
less under speech, fades), and exports them with an alternative on a muted track. Noise is found in what other programs
render by correlation to the sample; each cell is the largest error of six places (gains: of three levels), seed {SEED}.

- xmeml and EDL are read by OpenTimelineIO 0.18; FCPXML by a reader of our own, since OpenTimelineIO's takes 23.976 for
  23 (at whole rates it agrees: tests). The error is that of clip and music.
- `.otio` is read by OpenTimelineIO, handed to GStreamer Editing Services 1.22 and rendered.
- Projects are rendered by `melt` 7.12. Two pieces that do not lie on frames together are off by the same part of a
  frame, half of one at most; one piece is not off at all.
"""
REAL = """
Real clips and music, which every program decodes by itself; the music is free to slide. What is left in MLT is how it
seeks in Ogg (5 ms at most here):
"""
JOINTS = """
Joints are crossfades of 30 ms in preview and stem, and hard cuts in Shotcut and Kdenlive: MLT's own transition between
two clips of a track (`mix`) is silent for a frame, or steps, at lengths as short as that. Levels in MLT:
"""
SPEED = """
A minute of a clip of small pictures, in CPU (medians of five):
"""
TAIL = """
A project of a real clip (29.97 frames per second, music in two pieces, two alternatives, beats) was opened once in
Shotcut 22.12 and Kdenlive 22.12 under a virtual screen. Seen: the clip on V1; in Shotcut both pieces of music on A1;
all sources in playlist and bin; beats as markers and guides. The tracks below did not fit on the screen; Kdenlive's
log says that it loaded their clips, in their places. Playing, and changing gain there, was not tried.

**Not proved.** No commercial editor was here: Premiere Pro, Final Cut Pro, DaVinci Resolve and Vegas have opened none
of these files. What is known of them is kept to (rational times, `<format>`, linked stereo pairs, timecode in `start`),
but that is reading, not proof; the `transitionitem` of xmeml, which counts in frames too, is not written for that
reason: joints are hard cuts there. Gain in `.otio` and EDL is told as metadata and comment alone."""

if __name__ == "__main__":
    main()
