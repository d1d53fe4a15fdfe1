"""Retrieval models as folders: read back, tied to their numbers, refused when damaged, used by the engine."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save

from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from recommender import Model, Recommender
from recommender.errors import InputError, ModelError
from recommender.model.retrieval import revision_of
from running import refused

EMOTIONS = ("exciting", "fearful", "tense", "sad", "relaxing")


def write_model(folder, **changes):
    """A model whose five features of either side are the logits of the emotions."""
    folder.mkdir(exist_ok=True)
    numbers = {"log_prior": np.log(np.full(5, 0.2, np.float32))}
    for side in ("video", "music"):
        numbers |= {f"{side}.weights": np.eye(5, dtype=np.float32), f"{side}.bias": np.zeros(5, np.float32)}
    data = save(numbers)
    (folder / "model.safetensors").write_bytes(data)
    sides = {m: {"name": f"Toy{m}", "revision": "7", "columns": 5} for m in ("video", "music")}
    manifest = {
        "format": 1,
        "kind": "retrieval",
        "name": "toy-retrieval",
        "system": "posterior",
        "inputs": sides,
        "encoder": {"kind": "emotion", "settings": {"score": "posterior", "softness": 1.0}},
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "weights": "model.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "trained_on": {"dataset": "none"},
    } | changes
    manifest = {"revision": revision_of(manifest)} | manifest
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_model(tmp_path / "model")


def sure_of(emotion):
    return 9.0 * np.eye(5)[EMOTIONS.index(emotion)]


def test_a_folder_read_back(folder):
    model = Model.load(folder)
    assert model.space.model == "toy-retrieval"
    assert model.space.dim == 7
    assert model.inputs("music") == tuple(f"emotion_{e}" for e in EMOTIONS)
    assert model.library_columns("video")[:2] == ("Toyvideo_0", "Toyvideo_1")
    vectors, inputs = model.encode("music", np.vstack([sure_of("sad"), sure_of("tense")]))
    assert inputs.argmax(axis=1).tolist() == [3, 2]
    assert float(vectors[0] @ vectors[0]) == pytest.approx(1, abs=1e-6)
    assert model.match(sure_of("sad")[None], sure_of("sad")[None])[0] > 0.7


def test_whether_emotions_are_predicted_is_found_out_once(folder, monkeypatch):
    model, asked = Model.load(folder), []
    monkeypatch.setattr(type(model), "emotions", lambda self, *row: asked.append(row))
    for _ in range(3):
        assert model.inputs("music") == model.inputs("video") == ()
    assert len(asked) == 2


def test_the_revision_names_the_numbers_and_the_features(tmp_path):
    one = Model.load(write_model(tmp_path / "a"))
    assert Model.load(write_model(tmp_path / "b")).revision == one.revision
    assert (
        Model.load(write_model(tmp_path / "c", calibration={"slope": 2.0, "intercept": 0.0})).revision != one.revision
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": "../model.safetensors"}, "only plain names"),
        ({"weights": "absent.safetensors"}, "cannot be read"),
        ({"kind": "oracle"}, "a model of kind 'oracle'; this program knows affect, retrieval"),
        ({"inputs": {}}, "incomplete"),
        ({"encoder": {"kind": "emotion"}}, "incomplete"),
        ({"calibration": {"slope": "steep"}}, "incomplete"),
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        ({"revision": "0" * 16}, "changed after it was written"),
        ({"format": 2}, "model format 2, this program reads 1"),
        (
            {"inputs": {m: {"name": "Toy", "revision": "", "columns": 4} for m in ("video", "music")}},
            "the encoder's video numbers are not for 4 Toy",
        ),
        (
            {
                "inputs": {
                    m: {"name": f"Builtin{m.title()}", "revision": "old", "columns": 5} for m in ("video", "music")
                }
            },
            "made for video features 'old'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, change, message):
    with pytest.raises(ModelError, match=message) as error:
        Model.load(write_model(tmp_path / "bad", **change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [0, 5, 100])
def test_weights_cut_short_are_refused(folder, keep):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ModelError, match="no whole safetensors file"):
        Model.load(folder)


def test_media_need_an_extractor(folder, tmp_path):
    with refused(InputError, r"reads Toyvideo features of video.*--features"):
        Model.load(folder).analyse(tmp_path / "clip.mp4", "video")


@pytest.fixture
def library(folder, tmp_path):
    """Three tracks: one sad all along, one that turns from tense to sad, one exciting."""
    rows = [sure_of(e) for e in ("sad", "tense", "sad", "exciting")]
    np.save(tmp_path / "m.npy", np.array(rows, np.float32))
    (tmp_path / "ids.csv").write_text("id,start_s,end_s\na,0,10\nb,0,10\nb,10,20\nc,0,10\n")
    made = import_vectors(tmp_path / "lib", tmp_path / "m.npy", tmp_path / "ids.csv", space=Model.load(folder))
    assert (made.tracks, made.windows, made.dim) == (3, 4, 7)
    with Library.open(tmp_path / "lib") as library:
        yield library


def test_features_are_searched_by_features(library, folder):
    engine = Recommender(library, Model.load(folder))
    query = engine.features(sure_of("tense"))
    (best, *_) = engine.recommend(query, top=3)
    assert best.track.title == "b"
    assert (best.in_s, best.out_s) == (0, 10)
    assert query.emotions["tense"] == best.emotions.query["tense"] > 0.99
    assert best.emotions.section["tense"] > 0.99
    assert best.affect == (None, None)
    # agreement gained over the library's median: .99 * (.99 - median)
    assert best.reasons[0].feature == "emotion_tense"
    median = library.medians("music")[2]
    assert best.reasons[0].change == pytest.approx(query.emotions["tense"] * (best.emotions.section["tense"] - median))
    assert best.reasons[0].text.startswith("tense: 100% likely here, 100% in the query")
    assert best.reasons[0].words == "tense"


def test_the_library_keeps_the_features(library):
    """What a newer model will encode again."""
    import pyarrow.parquet as pq

    (part,) = (library.folder / "parts").glob("*.parquet")
    stored = pq.read_table(part)["features"].to_pylist()
    assert [row["Toymusic_3"] for row in stored] == [9, 0, 9, 0]
    assert [round(row["emotion_sad"], 2) for row in stored] == [1, 0, 1, 0]


def test_wrong_features_are_refused(library, folder, tmp_path):
    engine = Recommender(library, Model.load(folder))
    with pytest.raises(InputError, match=r"shape \[1, 4\]; the model 'toy-retrieval' needs Toyvideo: \[n, 5\]"):
        engine.features(np.ones(4))
    with pytest.raises(InputError, match="not finite"):
        engine.features(np.array([1, np.nan, 0, 0, 0]))
    np.save(tmp_path / "narrow.npy", np.ones((1, 3), np.float32))
    (tmp_path / "one.csv").write_text("id\nx\n")
    with pytest.raises(InputError, match="needs Toymusic"):
        import_vectors(tmp_path / "new", tmp_path / "narrow.npy", tmp_path / "one.csv", space=Model.load(folder))
    assert not (tmp_path / "new").exists()


def test_a_library_that_analyses_media_takes_no_features(tmp_path):
    model = Model.load()
    with (
        Library.create(tmp_path / "media", model.space) as library,
        pytest.raises(InputError, match="reads no features"),
    ):
        Recommender(library, model).features(np.ones(5))


def test_when_nothing_fits_the_answer_says_so(run, folder, tmp_path):
    surely_not = write_model(tmp_path / "strict", calibration={"slope": 1.0, "intercept": -9.0})
    np.save(tmp_path / "one.npy", sure_of("sad")[None])
    (tmp_path / "one.csv").write_text("id\na\n")
    np.save(tmp_path / "clip.npy", sure_of("exciting"))
    import_vectors(tmp_path / "strict-lib", tmp_path / "one.npy", tmp_path / "one.csv", space=Model.load(surely_not))
    query = ("--features", tmp_path / "clip.npy", "--library", tmp_path / "strict-lib", "--model", surely_not)
    table = run(*query)
    assert "nothing in this library fits well" in table.out
    assert "  1  0.000" in table.out
    ran = run(*query, "--format", "json")
    assert "nothing in this library fits well" in ran.err
    assert json.loads(ran.out)[0]["fits"] is False


def test_the_command_line(run, folder, library, tmp_path):
    np.save(tmp_path / "clip.npy", sure_of("exciting"))
    ran = run("--features", tmp_path / "clip.npy", "--library", library.folder, "--model", folder, "--format", "json")
    found = json.loads(ran.out)
    assert found[0]["title"] == "c"
    assert found[0]["section_emotions"]["exciting"] > 0.99
    table = run("--features", tmp_path / "clip.npy", "--library", library.folder, "--model", folder).out
    assert "feels exciting 100 %" in table
    csv = run(
        "--features", tmp_path / "clip.npy", "--library", library.folder, "--model", folder, "--format", "csv"
    ).out
    assert ",True," in csv.splitlines()[1]
    assert ",exciting," in csv.splitlines()[1]
    ran = run("index", "add", tmp_path, "--model", folder, "--library", tmp_path / "media")
    assert ran.code == 2
    assert "reads Toymusic features of music, which are not measured from media here" in ran.err
    assert not (tmp_path / "media").exists()
    ran = run("--features", tmp_path / "clip.npy", "--library", library.folder)
    assert ran.code == 1
    assert "pass its folder with --model" in ran.err
    ran = run("index", "import", tmp_path / "m.npy", "--ids", tmp_path / "ids.csv", "--library", tmp_path / "other")
    assert ran.code == 2
    assert "--space NAME" in ran.err
    ran = run("index", "import", tmp_path / "m.npy", "--model", "builtin", "--library", tmp_path / "other")
    assert "analyses media itself" in ran.err
    ran = run("--features", tmp_path / "clip.npy", "--vector", tmp_path / "clip.npy")
    assert ran.code == 2
    assert "different queries" in ran.err
