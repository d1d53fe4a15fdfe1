"""PMEmo-320: librosa summaries of 320 pop songs with valence and arousal in [0, 1]; no audio."""

from pathlib import Path

from training.datasets.source import Dataset, Ratings, numbers, read_rows

TABLE = "pmemo_support_songs_334features.csv"


def load(folder: Path) -> Ratings:
    """The songs of `folder`, each its own group, with all feature columns of the table as values [n, 334]."""
    table = folder / TABLE
    rows = read_rows(table, ("song_id", "valence", "arousal"))
    columns = tuple(c for c in rows[0] if c not in ("song_id", "valence", "arousal"))
    ids = tuple(r["song_id"] for r in rows)
    affect, values = numbers(table, rows, ("valence", "arousal")), numbers(table, rows, columns)
    return Ratings(ids, groups=ids, affect=affect, columns=columns, values=values)


PMEMO = Dataset(
    name="pmemo",
    folder="pmemo320",
    licence="MIT (feature table)",
    citation=(
        "Zhang, K., Zhang, H., Li, S., Yang, C., & Sun, L. (2018). The PMEmo Dataset for Music Emotion "
        "Recognition. Proceedings of the 2018 ACM International Conference on Multimedia Retrieval, 135-142."
    ),
    url="https://github.com/HuiZhangDB/PMEmo",
    load=load,
)
