"""The list of extractors: costs nothing, says the truth about each, and a new one is a file and a line."""

import importlib
import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import MediaError, ModelError
from recommender.extractors import EXTRACTORS, Extractor, find_extractor
from recommender.model.retrieval import FeatureSet
from recommender.types import Features
from recommender.weights import CHECKPOINTS
from training.construction.batch import extract_folder
from training.construction.extractors import KNOWN, find_pair

NETWORKS = {"vggish": "vggish", "slowfast": "slowfast", "slowfast-r101": "slowfast", "timesformer": "timesformer"}

NOVEL = """
from pathlib import Path

import numpy as np

from recommender.errors import MediaError
from recommender.types import Column, Features

REVISION = "1"
COLUMNS = (Column("length", "bytes", "size of the file"),)


def extract(path):
    if path.stat().st_size > 1000:
        raise MediaError("too long")
    item = np.array([path.stat().st_size], np.float32)
    return Features(("length",), np.zeros((1, 2)), item[None], item, 0.0)
"""


def test_the_list_imports_no_extractor_and_columns_need_no_torch() -> None:
    code = (
        "import sys; from recommender.extractors import EXTRACTORS\n"
        "assert not {'torch', 'cv2', 'av', 'scipy'} & set(sys.modules), sorted(sys.modules)\n"
        "assert all(one.columns for one in EXTRACTORS.values()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("one", KNOWN.values(), ids=lambda one: one.name)
def test_every_entry_is_what_its_module_is(one: Extractor) -> None:
    module = importlib.import_module(one.home)
    assert one.described == module.COLUMNS
    assert len(set(one.columns)) == len(one.columns)
    assert one.revision == module.REVISION
    assert bool(one.revision) == (one.weights is None)  # published networks do not change
    assert ForkingPickler.loads(ForkingPickler.dumps(one)) == one
    assert {name for name, other in KNOWN.items() if {one.name, one.label} & {other.name, other.label}} == {one.name}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_published_network_gives_as_many_numbers_as_its_entry_has_columns(name: str) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    one, network = EXTRACTORS[name], importlib.import_module(f"recommender.extractors.networks.{NETWORKS[name]}")
    assert one.columns == tuple(f"{one.label}_{i}" for i in range(network.DIM))
    assert one.weights in CHECKPOINTS
    assert importlib.import_module(one.home).EXTRACTOR.checkpoint == one.weights
    assert {one.weights for one in EXTRACTORS.values()} - {None} == set(CHECKPOINTS)


def test_what_a_published_network_needs_is_said_before_anything_is_measured(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="recommend models pull slowfast-r101"):
        EXTRACTORS["slowfast-r101"].require()
    EXTRACTORS["builtin-clip"].require()
    assert not EXTRACTORS["builtin-clip"].shares


def test_one_thing_goes_by_its_name_and_by_its_label() -> None:
    assert find_extractor("vggish") is find_extractor("VGGish") is EXTRACTORS["vggish"]
    assert find_extractor("VggIsh") is None
    assert FeatureSet.of({"name": "vggish", "revision": "", "columns": 128}) == FeatureSet.by(EXTRACTORS["vggish"])


def test_a_new_extractor_is_a_file_and_a_line(tmp_path, monkeypatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "novel_sound.py").write_text(NOVEL)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setitem(EXTRACTORS, "novel", Extractor("novel", "Novel", "music", "novel_sound"))
    monkeypatch.setitem(KNOWN, "novel", EXTRACTORS["novel"])
    media = tmp_path / "media"
    media.mkdir()
    (media / "a.wav").write_bytes(b"12345")
    (media / "long.wav").write_bytes(bytes(2000))
    found, none = EXTRACTORS["novel"].each([media / "a.wav", media / "long.wav"])
    assert isinstance(found, Features)
    assert isinstance(none, MediaError)
    done = extract_folder(media, ["novel"], tmp_path / "f.npy", workers=1, tick=lambda *_: None)
    assert np.load(done.written[0], allow_pickle=False).tolist() == [[5]]
    assert done.failed == {str(media / "long.wav"): "too long"}
    assert find_pair("efficientnet,novel").music.columns == ("length",)
