"""Clips in HDR are felt as their SDR originals are, by the model that ships (all that was measured:
`docs/results/looks.md`; a pale clip whose encoding takes detail may move by more)."""

from pathlib import Path

import pytest

from benchmarks.reencodings import ENCODINGS, ORIGINAL, encode
from recommender import Model
from recommender.extractors.video import clip
from recommender.types import Array

HDR = [encoding for encoding in ENCODINGS if encoding.transfer]


def felt(path: Path) -> Array:
    return Model.load().describe(clip.extract(path), "video").item_affect[:2]


@pytest.mark.parametrize("name", ["clips/bikes.mp4", "clips/carphone_pristine.mp4"])
def test_a_clip_in_hdr_is_felt_as_its_original(name: str, shared_data: Path, tmp_path: Path):
    sdr, hdr = tmp_path / "sdr.mp4", tmp_path / "hdr.mp4"
    encode(shared_data / name, ORIGINAL, sdr)
    original = felt(sdr)
    for encoding in HDR:
        encode(sdr, encoding, hdr)
        assert felt(hdr) == pytest.approx(original, abs=0.1), encoding.name
