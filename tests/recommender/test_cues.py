"""What moved a clip's affect most, in words; and the readings of the picture network."""

import json

import numpy as np
import pytest

import media_samples
from recommender import Model, Recommender, blend
from recommender.affect.cues import MOST, SIGHT, WORDS, cues, together
from recommender.affect.heads import READINGS, Heads
from recommender.affect.linear import LinearAffect
from recommender.errors import ModelError
from recommender.extractors.networks import efficientnet
from recommender.outputs.records import Answer
from recommender.outputs.table import block
from recommender.types import Affect, Cue, Features
from toy import ToyLibrary

COLUMNS = ("picture_valence", "activity", "local_motion_widths_per_s", "cut_rate_per_min")
PREDICTOR = LinearAffect(
    COLUMNS,
    ("identity", "identity", "identity", "root"),
    np.array([0.0, 0.0, 0.1, 1.0]),
    np.ones(4),
    np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.6, 0.3, 0.2]]),
    np.array([0.5, 1.0]),
    np.ones(2),
)


def measured(seen: np.ndarray, shots: int, duration_s: float) -> Features:
    columns = tuple(column.name for column in efficientnet.COLUMNS)
    facts = {"shots": shots, "still": False}
    return Features(columns, np.array([[0.0, duration_s]]), seen[None], seen, duration_s, facts)


def towards(name: str) -> np.ndarray:
    """Features that the network names so."""
    weight, _ = efficientnet._classifier()
    return np.maximum(30 * weight[efficientnet.names().index(name)], 0).astype(np.float32)


def test_the_strongest_come_first_with_what_they_moved():
    found = cues(
        PREDICTOR,
        np.array([-2.0, 1.0, 1.6, 9.0]),
        {"cut_rate_per_min": "1/min"},
        features=measured(np.zeros(1280), 4, 10.0),
    )
    # Shifts: valence .4 * .5 * -2; arousal .4 * (.6, .3 * 1.5, .2 * 2).
    assert [cue.feature for cue in found] == ["picture_valence", "activity", "local_motion_widths_per_s"]
    assert [round(cue.valence, 3) for cue in found] == [-0.4, 0, 0]
    assert [round(cue.arousal, 3) for cue in found] == [0, 0.24, 0.18]
    assert [cue.text for cue in found] == ["an unpleasant sight", "something going on", "quick object motion"]


@pytest.mark.parametrize(
    ("shots", "duration_s", "words"),
    [
        (4, 10.2, "3 cuts in 10 s"),
        (2, 31.0, "1 cut in 31 s"),
        (1, 12.0, "one shot of 12 s"),
        (1, 0.2, "one shot of 1 s"),
    ],
)
def test_cuts_are_counted(shots, duration_s, words):
    found = cues(PREDICTOR, np.array([0.0, 0.0, 0.1, 100.0]), {}, features=measured(np.zeros(1280), shots, duration_s))
    assert [cue.text for cue in found] == [words]


def test_what_is_seen_is_named_once_with_its_share():
    values = np.array([2.0, -2.0, 0.1, 1.0])
    first, second = cues(PREDICTOR, values, {}, features=measured(towards("seashore"), 1, 10.0))
    assert first.text.startswith("seen: seashore ")
    assert first.text.endswith("(nothing going on)")
    assert first.seen["seashore"] > 0.5
    assert second.text == "a pleasant sight"
    assert not second.seen


def test_an_average_clip_has_nothing_to_say():
    assert cues(PREDICTOR, np.array([0.0, 0.0, 0.1, 1.0]), {}, features=measured(np.zeros(1280), 1, 5.0)) == ()


def test_cues_of_several_are_the_strongest_of_each_column():
    a = (Cue("x", 1, "", 0.5, 0, "a"), Cue("y", 1, "", 0.1, 0, "a"))
    b = (Cue("x", 1, "", -0.9, 0, "b"), Cue("z", 1, "", 0.3, 0, "b"), Cue("w", 1, "", 0.01, 0, "b"))
    found = together([a, b], [0.5, 0.5])
    assert [(cue.feature, cue.text) for cue in found] == [("x", "b"), ("z", "b"), ("y", "a")]
    assert len(found) == MOST
    assert together([a, ()], [1.0, 0.0]) == a


def test_every_column_of_the_packaged_predictors_has_words():
    model = Model.load()
    read = {*model.affect["video"].columns, *model.still.columns}
    assert read <= set(WORDS)
    assert set(SIGHT) == set(READINGS)
    assert set(model.heads.names) == set(READINGS)


def test_a_clip_says_why_in_table_json_and_python(tmp_path):
    model = Model.load()
    library = ToyLibrary({"/m/a.mp3": [[0, 0]] * 3})
    library.space = model.space
    rng = np.random.default_rng(0)
    wall = np.kron(rng.integers(0, 255, (12, 40, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = [wall[:, 12 * k % 160 : 12 * k % 160 + 128] for k in range(40)]
    query = Recommender(library, model).clip(media_samples.clip(tmp_path / "a.mp4", frames, fps=8))
    assert 1 <= len(query.cues) <= MOST
    total = model.affect["video"]
    assert all(cue.feature in total.columns for cue in query.cues)
    table = block(Answer("a.mp4", [], affect=Affect(0, 0, 1, 1), cues=query.cues))
    assert f"because: {', '.join(cue.text for cue in query.cues)}" in table
    both = blend([query, query], [1, 1])
    assert both.cues == query.cues


def test_json_has_the_cues(run, indexed, clip_folder):
    ran = run("--video", clip_folder / "wild.mp4", "--library", indexed, "--format", "json", "--top", 1)
    (row,) = json.loads(ran.out)
    assert row["query_cues"]
    for cue in row["query_cues"]:
        assert set(cue) == {"feature", "value", "unit", "valence", "arousal", "text", "seen"}


def test_readings_are_linear_and_survive_the_folder():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 2)).astype(np.float32).astype(float)
    heads = Heads(("picture_valence", "activity"), weights, np.array([0.5, -1.0]))
    rows = rng.normal(size=(7, 5))
    np.testing.assert_allclose(heads(rows), rows @ weights + [0.5, -1.0])
    assert heads(rows[2:3]).tobytes() == heads(rows)[2:3].tobytes()
    again = Heads.of(heads.tensors(), 5, "here")
    assert again.names == heads.names
    np.testing.assert_array_equal(again(rows), heads(rows))
    assert Heads.of({}, 5, "here").names == ()


def test_damaged_readings_are_refused():
    tensors = Heads(("activity",), np.ones((5, 1)), np.zeros(1)).tensors()
    with pytest.raises(ModelError, match="here: readings of the wrong size"):
        Heads.of(tensors, 6, "here")
    with pytest.raises(ModelError, match="here: readings of the wrong size"):
        Heads.of({"heads.activity.weights": np.ones(5)}, 5, "here")
    with pytest.raises(ModelError, match="not finite"):
        Heads.of(tensors | {"heads.activity.weights": np.full(5, np.nan)}, 5, "here")
