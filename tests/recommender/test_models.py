"""One contract for every kind of model: what is said agrees with what is done, and nobody asks which kind it is."""

import ast
import json
import shutil
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from recommender import Model, Recommender
from recommender.affect.relative import Scale
from recommender.errors import InputError, ModelError, SpaceMismatch
from recommender.extractors.audio import music
from recommender.model.imported import ImportedVectors
from toy import ToyLibrary

MODELS = {name: Model.load(name) for name in ("builtin", "emomv-c", "emomv-net")} | {
    "imported": ImportedVectors("theirs", 3)
}
SCALE = Scale(20, np.zeros(2), np.ones(2))


@pytest.fixture(params=MODELS)
def model(request) -> Model:
    return MODELS[request.param]


@pytest.mark.parametrize("modality", ["music", "video"])
def test_what_is_kept_of_features_is_what_the_model_says_it_keeps(model, modality):
    width = len(model.source_columns(modality)) or model.space.dim
    kept = model.code(modality, np.full((2, width), 0.5, np.float32), np.zeros(2, bool))
    assert kept.features.shape == (2, len(model.library_columns(modality)))
    assert kept.vectors.shape == (2, model.space.dim)
    assert np.linalg.norm(kept.vectors, axis=1) == pytest.approx(1)
    assert model.library_columns(modality)[: len(model.source_columns(modality))] == model.source_columns(modality)
    assert set(model.inputs(modality)) <= set(model.library_columns(modality))


def test_a_model_travels_to_other_processes(model):
    again = ForkingPickler.loads(ForkingPickler.dumps(model))
    assert (again.space, again.ranker, again.reads) == (model.space, model.ranker, model.reads)


def test_only_models_that_read_features_take_them_as_a_query(model):
    row = np.full((1, len(model.source_columns("video"))), 0.5)
    if model.reads_features:
        assert model.encode_features(row, "video").vectors.shape == (1, model.space.dim)
        with pytest.raises(InputError, match="not finite"):
            model.encode_features(row * np.nan, "video")
    else:
        with pytest.raises(InputError, match="this library's model reads no features"):
            model.encode_features(row, "video")


def test_only_models_that_predict_affect_move_to_another_scale(model):
    if model.code("music", np.full((1, len(model.source_columns("music")) or 3), 0.5), np.zeros(1, bool)).affect.size:
        assert model.affect_encoder(np.array([[0.1, 0.2, 0.3, 0.3]])).shape == (1, model.space.dim)
        assert model.relative_to(SCALE).scoring.reranker is None
    else:
        for refused in (lambda: model.affect_encoder, lambda: model.relative_to(SCALE)):
            with pytest.raises(InputError, match="does not predict"):
                refused()


def test_imported_vectors_have_a_model_that_knows_their_space_alone():
    theirs = MODELS["imported"]
    library = ToyLibrary({"/m/a.mp3": [[1, 1]]})
    library.space = theirs.space
    engine = Recommender(library)
    assert engine.model == theirs
    assert engine.ranker == "cosine"
    assert theirs.reasons(np.ones(3), np.ones((1, 0)), np.ones(0), modality="music") == []
    with pytest.raises(SpaceMismatch, match=r"imported vectors of the space 'theirs': .* not with 'clip\.mp4'"):
        engine.clip("clip.mp4")
    with pytest.raises(InputError, match="reads no features"):
        engine.features(np.ones(3))


def test_no_code_of_queries_and_ingestion_asks_which_kind_a_model_is():
    kinds = {"Model", "AffectModel", "RetrievalModel", "ImportedVectors"}
    asked = []
    for layer in ("recommender", "indexing"):
        for path in (Path(__file__).parents[2] / layer).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id="isinstance"), args=[_, which]):
                        named = {part.id for part in ast.walk(which) if isinstance(part, ast.Name)}
                        asked += [f"{path}:{node.lineno}"] if named & kinds else []
    assert not asked


def test_a_model_of_the_former_music_features_still_loads(tmp_path):
    """Ordinary files have the same values; features of any other revision are refused."""
    folder = tmp_path / "mine"
    shutil.copytree(MODELS["builtin"].folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["features"]["music"] = music.FORMER[-1]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert Model.load(folder).space != MODELS["builtin"].space
    manifest["features"]["music"] = "music-0"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ModelError, match="made for music features 'music-0'"):
        Model.load(folder)
