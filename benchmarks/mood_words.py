"""Agreement of the predicted feeling of music with the mood words in its file names.

    python benchmarks/mood_words.py ../shared/data/music --out docs/results/mood_words.md

Which word says what was fixed before any prediction of these tracks was looked at. A composer's title is a weak
label: chance is what the same predictions reach when they are dealt to the same titles at random.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexing.ingest.suffixes import SUFFIXES
from recommender import Model
from recommender.affect.words import emotion, mood
from recommender.types import Affect

DEALS = 10_000
SEED = 0


class Word(NamedTuple):
    """What a title says: the sign of valence and of arousal (0: nothing), and the emotions that would agree."""

    valence: int
    arousal: int
    emotions: tuple[str, ...]


DRIVEN = ("exciting", "fearful", "tense")
WORDS = {
    "danger": Word(-1, +1, ("fearful", "tense")),
    "dungeon": Word(-1, 0, ("fearful", "tense", "sad")),
    "battle": Word(0, +1, DRIVEN),
    "barbarian": Word(-1, +1, ("fearful", "tense")),
    "rebels": Word(0, +1, DRIVEN),
    "victory": Word(+1, +1, ("exciting",)),
    "fanfare": Word(+1, +1, ("exciting",)),
    "happy": Word(+1, +1, ("exciting",)),
    "allegro": Word(0, +1, DRIVEN),
    "gameover": Word(-1, -1, ("sad",)),
    "sanctuary": Word(+1, -1, ("relaxing",)),
    "inn": Word(+1, -1, ("relaxing",)),
    "town": Word(+1, 0, ("relaxing", "exciting")),
    "temple": Word(0, -1, ("relaxing", "sad")),
    "pagoda": Word(0, -1, ("relaxing", "sad")),
    "mystic": Word(0, -1, ("relaxing", "sad")),
    "nighttide": Word(0, -1, ("relaxing", "sad")),
    "sweet": Word(+1, -1, ("relaxing",)),
    "comrade": Word(+1, 0, ("relaxing", "exciting")),
}
"""By the conventions of role-playing games and of tempo marks. Titles without one of these say nothing here."""


class Piece(NamedTuple):
    """A track whose title says something, and what was predicted of the whole of it."""

    title: str
    says: Word
    affect: Affect

    def agreement(self, affect: Affect) -> tuple[float, float, float, float]:
        """Whether `affect` has the valence, the arousal, both signs and the emotion of the title; NaN: not said."""
        signs = [(self.says.valence, affect.valence), (self.says.arousal, affect.arousal)]
        valence, arousal = (float(said * value > 0) if said else np.nan for said, value in signs)
        both = valence * arousal  # NaN where either is
        return valence, arousal, both, float(emotion(affect) in self.says.emotions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path)
    parser.add_argument("--model", default="builtin", help="model name or folder")
    parser.add_argument("--out", type=Path, help="markdown report (printed otherwise)")
    args = parser.parse_args()
    text = report(args.music, Model.load(args.model))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, encoding="utf-8")
    print(text)


def said(title: str) -> Word | None:
    """What the words of `title` say; None where none of them is in `WORDS`."""
    parts = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title).lower())
    compact = "".join(parts)
    return next((w for name, w in WORDS.items() if name in parts or (name == "gameover" and name in compact)), None)


def report(folder: Path, model: Model) -> str:
    """The report in markdown."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES["music"]]
    kept = [(p, word) for p in files if (word := said(p.stem)) is not None]
    pieces = [Piece(p.stem, word, Affect(*model.analyse(p, "music").item_affect.tolist())) for p, word in kept]
    silent = ", ".join(p.stem for p in files if said(p.stem) is None)
    found = table([piece.agreement(piece.affect) for piece in pieces])
    dealt = chance(pieces)
    lines = [
        "# Mood words in titles against the predicted feeling",
        "",
        f"Model `{model.name}`, revision `{model.revision}`; {len(pieces)} of {len(files)} titles say something.",
        "",
        "Made by `python benchmarks/mood_words.py ../shared/data/music --out docs/results/mood_words.md`.",
        "The words and what they mean (`WORDS` in that script) were fixed before these predictions were looked at. "
        "A title is a weak label: one word of its maker, not a rating.",
        "",
        f"Chance: the same predictions dealt to the same titles at random, {DEALS} times (seed {SEED}).",
        "",
        "| agreement in | titles | agree | chance | 95th percentile of deals | p |",
        "|---|---|---|---|---|---|",
    ]
    for label, hits, deals in zip(("valence", "arousal", "both", "emotion"), found.T, dealt.T, strict=True):
        n, agree = int(np.isfinite(hits).sum()), float(np.nansum(hits))
        p = (1 + int((deals >= agree).sum())) / (1 + DEALS)
        lines.append(
            f"| {label} | {n} | {agree:.0f} ({100 * agree / max(n, 1):.0f} %) | {100 * deals.mean() / max(n, 1):.0f} % "
            f"| {np.quantile(deals, 0.95):.0f} | {p:.4f} |"
        )
    lines += ["", "| title | says (valence, arousal, emotions) | feels | named | misses |", "|---|---|---|---|---|"]
    lines += [row(piece) for piece in pieces]
    lines += ["", f"No mood word: {silent}."]
    return "\n".join(lines) + "\n"


def table(rows: Sequence[tuple[float, ...]]) -> np.ndarray:
    """Agreements as float64 [n, 4]."""
    return np.array(rows, np.float64).reshape(-1, 4)


def chance(pieces: Sequence[Piece]) -> np.ndarray:
    """Agreements float64 [DEALS, 4] in total, the predictions dealt out at random."""
    each = np.array([[piece.agreement(other.affect) for other in pieces] for piece in pieces])
    rng, rows = np.random.default_rng(SEED), np.arange(len(pieces))
    return np.array([np.nansum(each[rows, rng.permutation(len(pieces))], axis=0) for _ in range(DEALS)])


def row(piece: Piece) -> str:
    """One line of the table of titles."""
    sign = {-1: "-", 0: "?", 1: "+"}
    v, a, _, e = piece.agreement(piece.affect)
    misses = [name for name, hit in (("valence", v), ("arousal", a), ("emotion", e)) if hit == 0]
    says = f"{sign[piece.says.valence]} {sign[piece.says.arousal]}, {'/'.join(piece.says.emotions)}"
    feels = f"{emotion(piece.affect)} ({piece.affect.valence:+.2f}, {piece.affect.arousal:+.2f})"
    return f"| {piece.title} | {says} | {feels} | {mood(piece.affect)} | {', '.join(misses) or '-'} |"


if __name__ == "__main__":
    main()
