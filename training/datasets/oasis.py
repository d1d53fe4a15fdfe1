"""OASIS: pictures with mean valence and arousal ratings (1-7) from an online sample of 822 adults."""

from functools import partial

from training.datasets.source import Dataset, load_media

# Grouped by theme (Cat 1, Cat 2).
OASIS = Dataset(
    name="oasis",
    folder="oasis",
    licence="research use; cite",
    citation=(
        "Kurdi, B., Lozano, S., & Banaji, M. R. (2017). Introducing the Open Affective Standardized Image "
        "Set (OASIS). Behavior Research Methods, 49(2), 457-470."
    ),
    url="https://www.benedekkurdi.com/#oasis",
    load=partial(load_media, item="file", group="theme", affect=("valence_mean", "arousal_mean"), path="images/{}"),
)
