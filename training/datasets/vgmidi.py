"""VGMIDI: piano versions of video game music (MIDI) with valence and arousal in [-1, 1], 30 raters each."""

from functools import partial

from training.datasets.source import Dataset, load_media

# Grouped by game series.
VGMIDI = Dataset(
    name="vgmidi",
    folder="vgmidi",
    licence="research use; cite",
    citation=(
        "Ferreira, L. N., & Whitehead, J. (2019). Learning to Generate Music with Sentiment. Proceedings of "
        "the 20th International Society for Music Information Retrieval Conference (ISMIR), 384-390."
    ),
    url="https://github.com/lucasnfe/vgmidi",
    load=partial(load_media, item="piece", group="series", affect=("valence", "arousal"), path="midi/{}.mid"),
)
