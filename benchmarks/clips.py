"""Every clip of a folder against every track of another: a top-3 table and the calm/action pairs.

    python benchmarks/clips.py ../shared/data/clips ../shared/data/music --out docs/results/clips.md

The pairs (tests/data/calm_action_pairs.csv) were chosen by eye before any feature existed. A pair counts when the
calm clip's top 5 have a lower mean predicted arousal than the action clip's. Chance is 50 % of the pairs.
"""

import argparse
import csv
import math
import tempfile
from pathlib import Path

import numpy as np

from indexing import ingest
from indexing.files import expand_clips
from indexing.library import Library
from recommender import Model, Recommender
from recommender.affect.words import emotion
from recommender.errors import CliptuneError
from recommender.outputs.table import clock

PAIRS = Path(__file__).resolve().parents[1] / "tests" / "data" / "calm_action_pairs.csv"
TOP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("music", type=Path)
    parser.add_argument("--out", type=Path, help="markdown report (printed otherwise)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(args.clips, args.music, Path(folder) / "library")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, encoding="utf-8")
    print(text)


def report(clips: Path, music: Path, place: Path) -> str:
    """The report in markdown."""
    model = Model.load()
    library = Library.create(place, model.space)
    failed = [e for e in ingest.add(library, [music], model, "music") if isinstance(e, ingest.Failed)]
    engine = Recommender(library, model)
    answers, errors = {}, {}
    for clip in expand_clips([clips]):
        try:
            query = engine.clip(clip)
            answers[clip.name] = (query, engine.recommend(query, top=TOP))
        except CliptuneError as error:
            errors[clip.name] = str(error)
    lines = [
        "# Every clip against every track",
        "",
        f"Model `{model.name}`, revision `{model.revision}`; {library.count('music')} tracks, "
        f"{len(failed)} failed; {len(answers)} clips answered, {len(errors)} refused. Deterministic: no seed.",
        "",
        "Made by `python benchmarks/clips.py ../shared/data/clips ../shared/data/music --out docs/results/clips.md`.",
        "Valence and arousal (v, a) lie in [-1, 1]; the section is where the track fits best.",
        "",
        "| clip | feels (v, a) | 1 | 2 | 3 |",
        "|---|---|---|---|---|",
    ]
    for name, (query, found) in answers.items():
        cells = " | ".join(
            f"{Path(r.track.path).stem} ({r.score:.2f}, {clock(r.in_s)}-{clock(r.out_s)})" for r in found[:3]
        )
        v, a = query.affect.valence, query.affect.arousal
        lines.append(f"| {name} | {emotion(query.affect)} ({v:+.2f}, {a:+.2f}) | {cells} |")
    lines += [f"| {name} | refused: {error} | | | |" for name, error in errors.items()]
    return "\n".join([*lines, "", *pairs(answers)]) + "\n"


def pairs(answers: dict) -> list[str]:
    """The calm/action section: each pair with the mean arousal of both top fives."""
    lines = [
        f"## Calm and action pairs: mean predicted arousal of the top {TOP}",
        "",
        "| calm clip | action clip | calm | action | ordered |",
        "|---|---|---|---|---|",
    ]
    ordered, differences = 0, []
    with PAIRS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["calm"] in answers and row["action"] in answers]
    for row in rows:
        calm, action = (
            np.mean([r.affect.section.arousal for r in answers[row[side]][1]]) for side in ("calm", "action")
        )
        ordered += bool(calm < action)
        differences.append(action - calm)
        verdict = "yes" if calm < action else "**no**"
        lines.append(f"| {row['calm']} | {row['action']} | {calm:+.3f} | {action:+.3f} | {verdict} |")
    n = len(rows)
    p = sum(math.comb(n, k) for k in range(ordered, n + 1)) / 2**n
    spread = np.std(differences, ddof=1) if n > 1 else float("nan")
    lines += [
        "",
        f"{ordered} of {n} pairs ordered ({100 * ordered / max(n, 1):.0f} %; chance 50 %, "
        f"p = {p:.4f} by the sign test, clips recur in several pairs). "
        f"Mean difference {np.mean(differences):+.3f} ± {spread:.3f} (SD over pairs).",
    ]
    return lines


if __name__ == "__main__":
    main()
