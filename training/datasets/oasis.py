"""OASIS: pictures with mean valence and arousal ratings (1-7) from an online sample of 822 adults."""

from pathlib import Path

from training.datasets.source import Dataset, Ratings, numbers, present, read_rows


def load(folder: Path) -> Ratings:
    """The rated pictures of `folder` (ratings.csv, images/), grouped by theme (Cat 1, Cat 2)."""
    table = folder / "ratings.csv"
    rows = read_rows(table, ("file", "theme", "valence_mean", "arousal_mean"))
    return Ratings(
        ids=tuple(r["file"] for r in rows),
        groups=tuple(r["theme"] for r in rows),
        affect=numbers(table, rows, ("valence_mean", "arousal_mean")),
        paths=present(table, (folder / "images" / r["file"] for r in rows)),
    )


OASIS = Dataset(
    name="oasis",
    folder="oasis",
    licence="research use; cite",
    citation=(
        "Kurdi, B., Lozano, S., & Banaji, M. R. (2017). Introducing the Open Affective Standardized Image "
        "Set (OASIS). Behavior Research Methods, 49(2), 457-470."
    ),
    url="https://www.benedekkurdi.com/#oasis",
    load=load,
)
