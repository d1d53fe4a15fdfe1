"""VGMIDI: piano versions of video game music (MIDI) with valence and arousal in [-1, 1], 30 raters each."""

from pathlib import Path

from training.datasets.source import Dataset, Ratings, numbers, present, read_rows


def load(folder: Path) -> Ratings:
    """The rated pieces of `folder` (ratings.csv, midi/), grouped by game series."""
    table = folder / "ratings.csv"
    rows = read_rows(table, ("piece", "series", "valence", "arousal"))
    return Ratings(
        ids=tuple(r["piece"] for r in rows),
        groups=tuple(r["series"] for r in rows),
        affect=numbers(table, rows, ("valence", "arousal")),
        paths=present(table, (folder / "midi" / f"{r['piece']}.mid" for r in rows)),
    )


VGMIDI = Dataset(
    name="vgmidi",
    folder="vgmidi",
    licence="research use; cite",
    citation=(
        "Ferreira, L. N., & Whitehead, J. (2019). Learning to Generate Music with Sentiment. Proceedings of "
        "the 20th International Society for Music Information Retrieval Conference (ISMIR), 384-390."
    ),
    url="https://github.com/lucasnfe/vgmidi",
    load=load,
)
