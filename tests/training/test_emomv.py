"""EmoMV in its published layout: what is there is checked, what is not is named, folds keep sources whole."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from recommender.errors import InputError
from training.datasets import PAIRED, load_pairs
from training.datasets.emomv import extra_music, load_emomv
from training.datasets.emomv_labels import read_pairs
from training.datasets.emomv_layout import LAYOUTS, before_count, before_number, itself
from training.datasets.h5 import matrix_bytes, read_matrix

C = LAYOUTS["emomv-c"]
TRAIN = (
    ("f/", "aaa_00", 1, "Exciting", "Exciting", 0, 0),
    ("f/", "_b-b_02", 1, "fear", "Fear", 1, 1),
    ("f/", "_b-b_01_PAIR__c_c_03", 0, "Tense", "Sad", 2, 3),
    ("f/", "_c_c_03_PAIR__b-b_01", 0, "Sad", "Tense", 3, 2),
)
VAL = (("f/", "x_00", 1, "relax", "Relax", 4, 4),)
CORPUS = (("f/", "x_00", "Relax", 4), ("f/", "y_00", "Exciting", 0))


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def matrix(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, columns), np.float32)


def write_set(root: Path, name: str = "emomv-c", train=TRAIN, val=VAL, corpus=CORPUS) -> Path:
    """A small set in the published layout, with other names of the matrices as published; gives its own folder."""
    layout = LAYOUTS[name]
    folder = root / layout.folder
    for split, rows in (("train", train), ("validation", val)):
        put(folder / layout.labels(split), csv_bytes(rows))
        put(folder / layout.features(layout.video, split), matrix_bytes(matrix(len(rows), 2304), "default"))
        put(folder / layout.features(layout.music, split), matrix_bytes(matrix(len(rows), 128, 1)))
    put(folder / layout.corpus_labels(), csv_bytes(corpus))
    put(folder / layout.corpus_features(layout.video), matrix_bytes(matrix(len(corpus), 2304, 2), "default"))
    put(folder / layout.corpus_features(layout.music), matrix_bytes(matrix(len(corpus), 128, 3)))
    return folder


# What is read


def test_rows_are_in_the_order_of_the_table(tmp_path):
    write_set(tmp_path)
    found = load_emomv(tmp_path, "emomv-c")
    train = found.pairs["train"]
    assert train.ids == tuple(row[1] for row in TRAIN)
    assert train.match.tolist() == [1, 1, 0, 0]
    assert train.video_emotion.tolist() == [0, 1, 2, 3]
    assert train.music_emotion.tolist() == [0, 1, 3, 2]
    np.testing.assert_array_equal(train.video, matrix(4, 2304))
    np.testing.assert_array_equal(train.music, matrix(4, 128, 1))
    assert found.corpus is not None
    assert (found.corpus.ids, found.corpus.emotion.tolist()) == (("x_00", "y_00"), [4, 0])
    np.testing.assert_array_equal(found.corpus.music, matrix(2, 128, 3))
    assert found.missing == ()
    assert found.licence.startswith("MIT; EmoMV")


def test_the_first_id_is_the_video_the_second_the_music_and_sources_have_no_number(tmp_path):
    write_set(tmp_path)
    train = load_emomv(tmp_path, "emomv-c").pairs["train"]
    a, b, c = train.video_source[0], train.video_source[1], train.video_source[3]
    assert len({a, b, c}) == 3
    assert train.video_source.tolist() == [a, b, b, c]
    assert train.music_source.tolist() == [a, b, c, b]
    assert train.groups().tolist()[1:] == [train.groups()[1]] * 3  # b-c and c-b hang together with b


@pytest.mark.parametrize(
    ("rule", "segment", "source"),
    [
        (before_number, "8_c-_11_07", "8_c-_11"),
        (before_number, "plain", "plain"),
        (before_count, "exciting_TEST_MV(14)-18-of-21", "exciting_TEST_MV(14)"),
        (before_count, "relax_35", "relax_35"),
        (before_count, "x-1-of-2_y", "x-1-of-2_y"),
        (itself, "-efZL0rijv_01", "-efZL0rijv_01"),
    ],
)
def test_sources_by_set(rule, segment, source):
    assert rule(segment) == source


def test_the_sets_own_folder_will_do_too(tmp_path):
    folder = write_set(tmp_path)
    assert load_emomv(folder, "emomv-c").revision == load_emomv(tmp_path, "emomv-c").revision


def test_the_revision_tells_the_files_not_where_they_lie(tmp_path):
    first, second = (load_emomv(write_set(tmp_path / d), "emomv-c").revision for d in ("a", "b"))
    assert first == second
    assert len(first) == 64
    put(tmp_path / "b" / C.folder / C.labels("validation"), csv_bytes([("other/", *VAL[0][1:])]))
    assert load_emomv(tmp_path / "b", "emomv-c").revision != first


def test_counts_unlike_the_papers_are_told(tmp_path):
    write_set(tmp_path)
    told = load_emomv(tmp_path, "emomv-c").notes["counts"]
    assert "train: 2 matched + 2 mismatched, the paper has 180 + 180" in told
    assert "retrieval: 2 segments, the paper has 96" in told


def test_a_source_in_two_splits_and_repeated_music_are_told(tmp_path):
    val = (*VAL, ("f/", "aaa_07", 1, "Sad", "sad", 3, 3))
    folder = write_set(tmp_path, val=val)
    assert load_emomv(tmp_path, "emomv-c").notes["sources in several splits"].startswith("1 of the 2 sources")
    put(folder / C.features(C.music, "validation"), matrix_bytes(np.ones((2, 128))))
    assert (
        load_emomv(tmp_path, "emomv-c").notes["equal music"]
        == "validation: 2 pairs have the very music of another source"
    )


# What is missing


def test_missing_features_have_no_columns_and_are_named(tmp_path):
    folder = write_set(tmp_path)
    (folder / C.features(C.video, "train")).unlink()
    (folder / C.corpus_features(C.music)).unlink()
    found = load_emomv(tmp_path, "emomv-c")
    assert found.pairs["train"].video.shape == (4, 0)
    assert found.pairs["train"].music.shape == (4, 128)
    assert found.corpus is not None
    assert found.corpus.music.shape == (2, 0)
    assert found.missing == (
        "train: no video features (extracted_features/SlowFast_DS3_TRAIN_MATCH_MISMATCH.h5)",
        "retrieval: no music features (for_retrieval/VGGish_DS3_VAL_for_retrieval.h5)",
    )


def test_a_missing_split_and_corpus_are_named(tmp_path):
    folder = write_set(tmp_path)
    (folder / C.labels("validation")).unlink()
    (folder / C.corpus_labels()).unlink()
    found = load_emomv(tmp_path, "emomv-c")
    assert list(found.pairs) == ["train"]
    assert found.corpus is None
    assert [line.split(" (")[0] for line in found.missing] == ["validation: no labels", "retrieval: no labels"]


@pytest.mark.parametrize("name", ["emomv-a", "emomv-b", "emomv-c"])
def test_nothing_there_tells_what_was_expected(tmp_path, name):
    with pytest.raises(InputError, match=f"nothing of {name} is there; expected annotation/DS._TRAIN.*csv.*SlowFast"):
        load_pairs(name, tmp_path / "nowhere")


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="unknown data set 'emomv-d'; there are: emomv-a, emomv-b, emomv-c"):
        load_emomv(tmp_path, "emomv-d")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown data set 'deam'; there are: .*built"):
        load_pairs("deam", tmp_path)
    assert set(LAYOUTS) < set(PAIRED)


# What is wrong


def bad_line(**cells: object) -> tuple[object, ...]:
    """A good mismatched line with some cells changed."""
    good = dict(
        zip(
            ("folder", "id", "match", "ve", "me", "vl", "ml"),
            ("f/", "q_00_PAIR_r_00", 0, "sad", "fear", 3, 1),
            strict=True,
        )
    )
    return tuple((good | cells).values())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (bad_line(ve="sadd"), r"unknown emotion 'sadd' \(known: exciting, .*fear, relax\)"),
        (bad_line(vl=7), "unknown emotion '7'"),
        (bad_line(vl=2), "emotion sad and label 2 contradict each other"),
        (bad_line(match=2), "match is '2', which is neither 0 nor 1"),
        (bad_line(match=1), "match is 1 but the emotions sad and fear"),
        (bad_line(me="sad", ml=3), "match is 0 but the emotions sad and sad"),
        (bad_line(id="q_00"), "id 'q_00' does not name two segments joined by _PAIR_"),
        (bad_line(id="q_00_PAIR_"), "id .* does not name two segments"),
        (bad_line(id="a_PAIR_b_PAIR_c"), "id .* does not name two segments"),
        (bad_line(match=1, me="sad", ml=3), "id 'q_00_PAIR_r_00' does not name one segment"),
        (bad_line(id="_b-b_01_PAIR__c_c_03"), "id '_b-b_01_PAIR__c_c_03' is already in line 3"),
        (bad_line()[:6], "6 columns where a pair has 7"),
        (bad_line(ve=""), "unknown emotion ''"),
    ],
)
def test_a_wrong_line_is_located(tmp_path, line, told):
    write_set(tmp_path, train=(*TRAIN, line))
    with pytest.raises(InputError, match=rf"DS3_TRAIN_MATCH_MISMATCH_labels.csv, line 5: {told}"):
        load_emomv(tmp_path, "emomv-c")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("f/", "z_00", "Relax", 3), "emotion Relax and label 3 contradict each other"),
        (("f/", "x_00", "Relax", 4), "id 'x_00' is already in line 1"),
        (("f/", "", "Relax", 4), "the id is empty"),
        (("f/",), "1 columns where a segment has 4"),
    ],
)
def test_a_wrong_line_of_the_corpus_is_located(tmp_path, line, told):
    write_set(tmp_path, corpus=(*CORPUS, line))
    with pytest.raises(InputError, match=rf"labels_for_retrieval.csv, line 3: {told}"):
        load_emomv(tmp_path, "emomv-c")


def test_the_corpus_may_have_the_label_alone(tmp_path):
    folder = write_set(tmp_path)
    put(folder / C.corpus_labels(), b"f/,x_00,4\nf/,y_00,exciting\n")
    found = load_emomv(tmp_path, "emomv-c").corpus
    assert found is not None
    assert found.emotion.tolist() == [4, 0]


@pytest.mark.parametrize(("text", "told"), [(b"", "no labels in it"), (b"\n\n", "no labels in it"), (b'"a', "not CSV")])
def test_a_table_without_labels(tmp_path, text, told):
    table = tmp_path / "t.csv"
    table.write_bytes(text)
    with pytest.raises(InputError, match=f"t.csv.*{told}"):
        read_pairs(table)


def feature_file(data: object, name: str = "data") -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file[name] = data
    return buffer.getvalue()


def holed(value: float) -> np.ndarray:
    values = matrix(4, 128)
    values[2, 5] = value
    return values


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (matrix_bytes(matrix(3, 128)), "3 rows of features for 4 lines of labels"),
        (matrix_bytes(matrix(4, 100)), r"a matrix of shape \(4, 100\) where 128 columns are expected"),
        (feature_file(np.ones((4, 128, 1))), r"a matrix of shape \(4, 128, 1\)"),
        (feature_file(3.0), r"a matrix of shape \(\)"),
        (feature_file([["x"] * 128] * 4), "values of type object are no numbers"),
        (matrix_bytes(holed(np.nan)), "NaN or infinite values in 1 rows, first in row 3"),
        (matrix_bytes(holed(np.inf)), "NaN or infinite values in 1 rows, first in row 3"),
        (matrix_bytes(matrix(4, 128))[:2000], "not a whole HDF5 file .*truncated"),
        (b"", "not a whole HDF5 file"),
        (b"<html>not found</html>", "not a whole HDF5 file"),
        (feature_file(np.ones((4, 128)), "group/data"), r"holds 0 matrices instead of one \(it holds: group\)"),
    ],
)
def test_wrong_features_are_one_clear_line(tmp_path, data, told):
    folder = write_set(tmp_path)
    put(folder / C.features(C.music, "train"), data)
    with pytest.raises(InputError, match=rf"VGGish_DS3_TRAIN_MATCH_MISMATCH.h5: {told}") as caught:
        load_emomv(tmp_path, "emomv-c")
    assert "\n" not in str(caught.value)


def test_two_matrices_in_a_file_are_ambiguous(tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = np.ones((2, 3)), np.ones((2, 3))
    with pytest.raises(InputError, match=r"holds 2 matrices instead of one \(it holds: a, b\)"):
        read_matrix(tmp_path / "two.h5", 2, 3)


def test_equal_matrices_are_equal_files():
    assert matrix_bytes(matrix(5, 7)) == matrix_bytes(matrix(5, 7))


# Extra music


def test_extra_music_is_the_training_music_of_a_and_b(tmp_path):
    write_set(tmp_path, "emomv-a")
    write_set(tmp_path, "emomv-b")
    a, b, both = (extra_music(tmp_path, which) for which in ("a", "b", "both"))
    assert a.emotion.tolist() == b.emotion.tolist() == [0, 1, 3, 2]
    assert len(both.music) == 8
    assert not set(both.source[:4]) & set(both.source[4:])
    np.testing.assert_array_equal(both.music[4:], b.music)
    rest = extra_music(tmp_path, "a", apart_from=3 * a.music[[1]])
    assert rest.emotion.tolist() == [0, 3, 2]
    assert len(rest.source) == len(rest.music) == 3


def test_extra_music_that_is_missing_is_named(tmp_path):
    folder = write_set(tmp_path, "emomv-b")
    with pytest.raises(InputError, match=r"no music of emomv-a: train: no labels \(annotation/DS1_TRAIN"):
        extra_music(tmp_path, "both")
    (folder / LAYOUTS["emomv-b"].features(C.music, "train")).unlink()
    with pytest.raises(InputError, match=r"no music of emomv-b: train: no music features \(.*VGGish_DS2_TRAIN"):
        extra_music(tmp_path, "b")
    with pytest.raises(InputError, match="no extra music 'c'; there are: a, b, both"):
        extra_music(tmp_path, "c")  # type: ignore[arg-type]
