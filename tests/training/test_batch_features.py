"""Features of a folder in one table: every format, resumed, with what fails told."""

import csv

import h5py
import numpy as np
import pytest
from pyarrow import parquet

from recommender.errors import InputError, ModelError
from recommender.extractors import EXTRACTORS
from recommender.extractors.audio import music
from recommender.extractors.video import video
from training.construction.batch import extract_folder
from training.construction.extractors import PAIRS


@pytest.fixture
def folder(tmp_path, music_folder, clip_folder):
    place = tmp_path / "media"
    (place / "in").mkdir(parents=True)
    for source, name in ((music_folder / "slow minor.wav", "in/sad, slow.wav"), (clip_folder / "calm.mp4", "calm.mp4")):
        (place / name).write_bytes(source.read_bytes())
    (place / "broken.wav").write_bytes(b"no sound")
    return place


def test_parquet_has_a_row_per_file_and_nothing_where_nothing_can_be_measured(folder, tmp_path):
    ticks = []
    out = tmp_path / "f.parquet"
    done = extract_folder(folder, ["builtin-music", "builtin-video"], out, workers=1, tick=lambda *at: ticks.append(at))
    assert done.written == (out,)
    assert done.rows == {"builtin-music": 1, "builtin-video": 1}
    assert list(done.failed) == [str(folder / "broken.wav")]
    table = parquet.read_table(out).to_pydict()
    assert table["path"] == ["calm.mp4", "in/sad, slow.wav"]
    assert table["builtin-music"][0] is None
    np.testing.assert_array_equal(
        np.array(table["builtin-music"][1], np.float32), music.extract(folder / "in/sad, slow.wav").item
    )
    np.testing.assert_array_equal(
        np.array(table["builtin-video"][0], np.float32), video.extract(folder / "calm.mp4").item
    )
    assert ticks[-1] == ("builtin-video", 1, 1)
    again = extract_folder(folder, ["builtin-music", "builtin-video"], out, workers=1, tick=lambda *_: None)
    assert (done.computed, again.computed) == (2, 0)


@pytest.mark.parametrize("suffix", [".h5", ".npy"])
def test_matrices_with_their_ids_beside_them(folder, tmp_path, suffix):
    roundabout = folder / "in" / ".."
    done = extract_folder(roundabout, ["builtin-music"], tmp_path / f"f{suffix}", workers=1, tick=lambda *_: None)
    matrix, table = done.written
    assert matrix.name == f"f-builtin-music{suffix}"
    if suffix == ".h5":
        with h5py.File(matrix) as file:
            values = file["data"][()]
    else:
        values = np.load(matrix, allow_pickle=False)
    assert values.shape == (1, len(music.NAMES))
    with table.open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"id": "in/sad, slow.wav", "path": str(folder / "in/sad, slow.wav")}]


def test_what_makes_no_sense_is_said(folder, tmp_path):
    with pytest.raises(InputError, match="no features are called 'mfcc'; there are: builtin-music"):
        extract_folder(folder, ["mfcc"], tmp_path / "f.h5", workers=1, tick=lambda *_: None)
    with pytest.raises(InputError, match=r"f\.txt: features are written to \.parquet, \.h5, \.npy"):
        extract_folder(folder, ["builtin-music"], tmp_path / "f.txt", workers=1, tick=lambda *_: None)
    with pytest.raises(InputError, match="no such folder"):
        extract_folder(folder / "gone", ["builtin-music"], tmp_path / "f.h5", workers=1, tick=lambda *_: None)
    (folder / "in" / "sad, slow.wav").unlink()
    with pytest.raises(InputError, match=r"no file that builtin-music can measure: .*broken\.wav"):
        extract_folder(folder, ["builtin-music"], tmp_path / "f.h5", workers=1, tick=lambda *_: None)


def test_features_whose_network_was_never_fetched_say_how_to_fetch_it(folder, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    with pytest.raises(ModelError, match="recommend models pull vggish"):
        extract_folder(folder, ["vggish"], tmp_path / "f.h5", workers=1, tick=lambda *_: None)


def test_the_older_names_of_extractors_and_of_the_option_still_work(folder, tmp_path, run):
    for words in (["--encoder", "BuiltinMusic"], ["--extractor", "builtin-music"]):
        out = tmp_path / f"{words[0]}.npy"
        assert run("features", "extract", folder, *words, "--out", out).code == 0
        assert (tmp_path / f"{words[0]}-builtin-music.npy").exists()


def test_help_names_every_extractor_and_pair_and_no_older_word(run):
    for command, names in ((("features", "extract"), EXTRACTORS), (("dataset", "build"), PAIRS)):
        told = " ".join(run(*command, "--help").out.split())
        assert [name for name in names if name not in told] == []
        assert "--encoder" not in told
