"""The published EmoMV files: counts, what ids mean, leaks; the evidence for how they are read."""

from pathlib import Path

import numpy as np
import pytest

from training.datasets import load_pairs
from training.datasets.emomv import COPY, extra_music, load_emomv, nearest
from training.datasets.emomv_labels import JOIN
from training.datasets.emomv_layout import LAYOUTS

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "emomv"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/emomv, which is not beside this checkout")


@real
@pytest.mark.parametrize(
    ("name", "sizes", "missing", "sources"),
    [
        ("emomv-a", {"train": (2208, 1902), "validation": (310, 246)}, 4, 3637),
        ("emomv-b", {"train": (248, 248), "validation": (60, 60)}, 1, 496),
        ("emomv-c", {"train": (180, 180), "validation": (48, 48)}, 0, 222),
    ],
)
def test_the_published_sets_have_the_papers_counts(name, sizes, missing, sources):
    found = load_pairs(name, SHARED)
    assert {s: (int(p.match.sum()), int((1 - p.match).sum())) for s, p in found.pairs.items()} == sizes
    assert "counts" not in found.notes
    assert len(found.missing) == missing
    train = found.pairs["train"]
    assert len(np.union1d(train.video_source, train.music_source)) == sources
    assert all(p.music.shape[1] == 128 for p in found.pairs.values())


@real
def test_mismatched_ids_name_the_video_first():
    """Evidence for `VIDEO_PAIR_MUSIC`: of all 96 segments of the corpus, a mismatched pair's picture is nearest to
    the one its first id names and its sound to the one its second id names, in 48 of 48 pairs; never the reverse.
    """
    found = load_emomv(SHARED, "emomv-c")
    assert found.corpus is not None
    row = {name: i for i, name in enumerate(found.corpus.ids)}
    pairs = found.pairs["validation"].take(found.pairs["validation"].match == 0)
    named = np.array([[row[part] for part in name.split(JOIN)] for name in pairs.ids])
    assert len(named) == 48
    for side, features, corpus in ((0, pairs.video, found.corpus.video), (1, pairs.music, found.corpus.music)):
        hits = np.abs(features[:, None] - corpus[None]).sum(axis=2).argmin(axis=1)
        np.testing.assert_array_equal(hits, named[:, side])
        assert not (hits == named[:, 1 - side]).any()


@real
def test_matched_pairs_are_the_corpus_segments_row_by_row():
    """Evidence that features follow the order of the tables."""
    found = load_emomv(SHARED, "emomv-c")
    assert found.corpus is not None
    pairs = found.pairs["validation"].take(found.pairs["validation"].match == 1)
    rows = [found.corpus.ids.index(name) for name in pairs.ids]
    np.testing.assert_array_equal(pairs.music, found.corpus.music[rows])
    np.testing.assert_array_equal(pairs.video, found.corpus.video[rows])


@real
def test_every_published_mismatched_pair_comes_with_its_reverse():
    for name in LAYOUTS:
        for pairs in load_pairs(name, SHARED).pairs.values():
            swaps = {tuple(i.split(JOIN)) for i, match in zip(pairs.ids, pairs.match, strict=True) if not match}
            assert all((b, a) in swaps for a, b in swaps)


@real
def test_leaks_of_the_published_sets():
    assert load_emomv(SHARED, "emomv-a").notes == {
        "sources in several splits": "104 of the 548 sources of validation are also in train",
        "equal music": "train: 74 pairs have the very music of another source",
    }
    assert load_emomv(SHARED, "emomv-b").notes == load_emomv(SHARED, "emomv-c").notes == {}


@real
def test_how_near_copies_are():
    """Where `COPY` lies: music of one C source reaches it at times, music of different sources never."""
    train = load_emomv(SHARED, "emomv-c").pairs["train"]
    unit = train.music / np.linalg.norm(train.music, axis=1, keepdims=True)
    upper = np.triu_indices(len(unit), 1)
    cosine = (unit @ unit.T)[upper]
    same = (train.music_source[:, None] == train.music_source)[upper]
    assert (int((~same).sum()), int((cosine[~same] >= COPY).sum())) == (64481, 0)
    assert (cosine[same] >= COPY).mean() == pytest.approx(0.06, abs=0.01)
    a = extra_music(SHARED, "a")
    evaluated = load_emomv(SHARED, "emomv-c").pairs["validation"].music
    assert int((nearest(a.music, evaluated) >= COPY).sum()) == 1
    assert len(extra_music(SHARED, "a", apart_from=evaluated).music) == len(a.music) - 1
