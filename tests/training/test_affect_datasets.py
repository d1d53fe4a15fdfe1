"""The rated corpora: tables in, ratings out, and one line when something is missing."""

from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InputError
from training import datasets
from training.datasets import DATASETS

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def write_oasis(root: Path) -> Path:
    folder = root / "oasis"
    (folder / "images").mkdir(parents=True)
    (folder / "ratings.csv").write_text(
        "file,theme,category,valence_mean,valence_sd,arousal_mean,arousal_sd\n"
        "cat_1.jpg,Cat,Animal,5.5,1,3.25,1\ncat_2.jpg,Cat,Animal,5,1,3,1\nfire_1.jpg,Fire,Scenery,2,1,6,1\n"
    )
    for name in ("cat_1.jpg", "cat_2.jpg", "fire_1.jpg"):
        (folder / "images" / name).touch()
    return root


def test_pictures_of_one_theme_share_a_group(tmp_path):
    ratings = datasets.load("oasis", write_oasis(tmp_path))
    assert ratings.ids == ("cat_1.jpg", "cat_2.jpg", "fire_1.jpg")
    assert ratings.groups == ("Cat", "Cat", "Fire")
    np.testing.assert_array_equal(ratings.affect, [[5.5, 3.25], [5, 3], [2, 6]])
    assert ratings.paths[2].name == "fire_1.jpg"


def test_take_keeps_rows_together(tmp_path):
    some = datasets.load("oasis", write_oasis(tmp_path)).take([2, 0])
    assert (some.ids, some.groups, len(some)) == (("fire_1.jpg", "cat_1.jpg"), ("Fire", "Cat"), 2)
    np.testing.assert_array_equal(some.affect, [[2, 6], [5.5, 3.25]])
    assert [p.name for p in some.paths] == list(some.ids)


def test_pieces_are_grouped_by_series(tmp_path):
    folder = tmp_path / "vgmidi"
    (folder / "midi").mkdir(parents=True)
    (folder / "ratings.csv").write_text('piece,series,valence,arousal,n_raters\n"A, b",Zelda,-0.5,0.25,30\n')
    (folder / "midi" / "A, b.mid").touch()
    ratings = datasets.load("vgmidi", tmp_path)
    assert (ratings.ids, ratings.groups) == (("A, b",), ("Zelda",))
    np.testing.assert_array_equal(ratings.affect, [[-0.5, 0.25]])


def test_songs_come_as_a_table_without_media(tmp_path):
    (tmp_path / "pmemo320").mkdir()
    table = tmp_path / "pmemo320" / "pmemo_support_songs_334features.csv"
    table.write_text("song_id,valence,arousal,tempo,zcr_mean\n7,0.5,0.25,120,0.5\n9,1,0,90,0.25\n")
    ratings = datasets.load("pmemo", tmp_path)
    assert (ratings.columns, ratings.paths, ratings.groups) == (("tempo", "zcr_mean"), (), ("7", "9"))
    np.testing.assert_array_equal(ratings.take([1]).values, [[90, 0.25]])


def test_unknown_name_lists_the_known():
    with pytest.raises(InputError, match=r"unknown data set 'deam'; known: macleod, oasis, pmemo, vgmidi"):
        datasets.load("deam", Path())


def test_missing_table_names_the_path(tmp_path):
    with pytest.raises(InputError, match=r"oasis/ratings.csv: cannot be read"):
        datasets.load("oasis", tmp_path)


def test_missing_picture_is_named(tmp_path):
    root = write_oasis(tmp_path)
    (root / "oasis" / "images" / "cat_2.jpg").unlink()
    with pytest.raises(InputError, match=r"cat_2.jpg: listed in ratings.csv but not there"):
        datasets.load("oasis", root)


def test_missing_column_is_named(tmp_path):
    root = write_oasis(tmp_path)
    (root / "oasis" / "ratings.csv").write_text("file,theme,valence_mean\ncat_1.jpg,Cat,3\n")
    with pytest.raises(InputError, match="no rows or no column 'arousal_mean'"):
        datasets.load("oasis", root)


@pytest.mark.parametrize("cell", ["", "nan", "high"])
def test_a_rating_that_is_no_number_is_located(tmp_path, cell):
    root = write_oasis(tmp_path)
    table = root / "oasis" / "ratings.csv"
    table.write_text(table.read_text().replace("cat_2.jpg,Cat,Animal,5,1,3,1", f"cat_2.jpg,Cat,Animal,{cell},1,3,1"))
    with pytest.raises(InputError, match=r"line 3, column 'valence_mean'.*is not a number"):
        datasets.load("oasis", root)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the rated corpora are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "items", "groups", "low", "high"),
    [("oasis", 588, 172, 1, 7), ("vgmidi", 185, 11, -1, 1), ("pmemo", 320, 320, 0, 1), ("macleod", 83, 7, -1, 1)],
)
def test_real_corpora_have_the_known_size(name, items, groups, low, high):
    ratings = datasets.load(name, SHARED)
    assert (len(ratings), len(set(ratings.groups))) == (items, groups)
    assert low <= np.nanmin(ratings.affect) < np.nanmax(ratings.affect) <= high


def test_every_corpus_states_licence_and_citation():
    for dataset in DATASETS.values():
        assert dataset.licence
        assert len(dataset.citation) > 20
        assert dataset.url.startswith("https://")
