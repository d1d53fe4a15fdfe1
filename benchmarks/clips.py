"""Every clip of some folders against every track of another: how it is read and why, its top 3, and the pairs.

    python benchmarks/clips.py ../shared/data/clips ../shared/data/activity --music ../shared/data/music \\
        --music ../shared/data/macleod --out docs/results/clips.md

The built-in model learnt activity from these clips: what it does with clips of other sources is in its card.

The pairs (tests/data/calm_action_pairs.csv) were chosen by eye: those marked `first` before any feature existed; for
`all` every clip was sorted into calm or action from a sheet of its frames, and each calm one stands against each action
one (test patterns, black, and further versions of the same footage left out). A pair counts when the calm clip's top 5
have a lower mean predicted arousal than the action clip's. Chance is 50 % of the pairs. Clips recur in
many pairs, so p is the share of deals of the clips' values to the clips at random that order as many or more.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np

from indexing import ingest
from indexing.ingest.scan import expand_clips
from indexing.library import Library
from recommender import Model, Recommender
from recommender.affect.words import mood
from recommender.errors import CliptuneError
from recommender.outputs.table import clock

PAIRS = Path(__file__).resolve().parents[1] / "tests" / "data" / "calm_action_pairs.csv"
TOP = 5
DEALS, SEED = 10_000, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--music", type=Path, action="append", required=True)
    parser.add_argument("--model", default="builtin", help="model name or folder")
    parser.add_argument("--out", type=Path, help="markdown report (printed otherwise)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(args.clips, args.music, Path(folder) / "library", Model.load(args.model))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, encoding="utf-8")
    print(text)


def report(clips: list[Path], music: list[Path], place: Path, model: Model) -> str:
    """The report in markdown."""
    library = Library.create(place, model.space)
    failed = [e for e in ingest.add(library, music, model, modality="music") if isinstance(e, ingest.Failed)]
    engine = Recommender(library, model)
    answers, errors = {}, {}
    for clip in expand_clips(clips, print):
        try:
            query = engine.clip(clip)
            answers[clip.name] = (query, engine.recommend(query, top=TOP))
        except CliptuneError as error:
            errors[clip.name] = str(error)
    lines = [
        "# Every clip against every track",
        "",
        f"Model `{model.name}`, revision `{model.revision}`; {library.count('music')} tracks, "
        f"{len(failed)} failed; {len(answers)} clips answered, {len(errors)} refused. Seed {SEED}, for p only.",
        "",
        "Made by `python benchmarks/clips.py ../shared/data/clips ../shared/data/activity --music ../shared/data/music",
        "--music ../shared/data/macleod --out docs/results/clips.md`.",
        "Valence and arousal (v, a) lie in [-1, 1]; the section is where the track fits best. The model learnt",
        "activity from these clips; what it does with sources that it never saw is in its card.",
        "",
        "| clip | feels (v, a) | because | 1 | 2 | 3 |",
        "|---|---|---|---|---|---|",
    ]
    for name, (query, found) in answers.items():
        cells = " | ".join(
            f"{Path(r.track.path).stem} ({r.score:.2f}, {clock(r.in_s)}-{clock(r.out_s)})" for r in found[:3]
        )
        v, a = query.affect.valence, query.affect.arousal
        why = "; ".join(cue.text for cue in query.cues)
        lines.append(f"| {name} | {mood(query.affect)} ({v:+.2f}, {a:+.2f}) | {why} | {cells} |")
    lines += [f"| {name} | refused: {error} | | | | |" for name, error in errors.items()]
    return "\n".join([*lines, "", *pairs(answers)]) + "\n"


def pairs(answers: dict) -> list[str]:
    """The calm/action section: each pair with the mean arousal of both top fives, and the clips' own arousal."""
    lines = [
        f"## Calm and action pairs: mean predicted arousal of the top {TOP}",
        "",
        "| calm clip | action clip | chosen | calm | action | ordered |",
        "|---|---|---|---|---|---|",
    ]
    with PAIRS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["calm"] in answers and row["action"] in answers]
    aroused = {name: np.mean([r.affect.section.arousal for r in found]) for name, (_, found) in answers.items()}
    for row in rows:
        calm, action = aroused[row["calm"]], aroused[row["action"]]
        verdict = "yes" if calm < action else "**no**"
        lines.append(f"| {row['calm']} | {row['action']} | {row['chosen']} | {calm:+.3f} | {action:+.3f} | {verdict} |")
    own = {name: query.affect.arousal for name, (query, _) in answers.items()}
    first = [row for row in rows if row["chosen"] == "first"]
    lines += [""]
    for label, some in (("First list", first), ("All pairs", rows)):
        for of, values in (("top fives", aroused), ("the clips' own arousal", own)):
            lines.append(f"- {label}, {of}: {summary(some, values)}")
    return lines


def summary(rows: list[dict[str, str]], values: dict[str, float]) -> str:
    """How many pairs are ordered, against values dealt to the clips at random, and by how much."""
    names = sorted({row[side] for row in rows for side in ("calm", "action")})
    calm, action = (np.array([names.index(row[side]) for row in rows]) for side in ("calm", "action"))
    given, rng = np.array([values[name] for name in names]), np.random.default_rng(SEED)
    difference = given[action] - given[calm]
    ordered, n = int((difference > 0).sum()), len(rows)
    deals = (rng.permutation(given) for _ in range(DEALS))
    chance = sum(int((dealt[calm] < dealt[action]).sum()) >= ordered for dealt in deals)
    return (
        f"{ordered} of {n} pairs ordered ({100 * ordered / max(n, 1):.0f} %; chance 50 %, p = "
        f"{(1 + chance) / (1 + DEALS):.4f}). Mean difference {difference.mean():+.3f} ± "
        f"{difference.std(ddof=1):.3f} (SD over pairs)."
    )


if __name__ == "__main__":
    main()
