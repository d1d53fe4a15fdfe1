"""`recommend train afclnet`: from a table of rated pairs of media to a query that its AFCLNet rescores."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import media_samples
from pieces import SR_HZ, chords
from recommender import Model
from recommender.errors import InputError
from training.learning.targets import Scored
from training.retrieval.train_rated import assemble_model, check_learnable, out_of_fold, recipe


def planted(n: int = 120, affect: int = 2) -> Scored:
    """Pairs whose score falls with the distance of two hidden values, which features and affect show with noise."""
    rng = np.random.default_rng(0)
    v, m = rng.uniform(-1, 1, (2, n, 2))
    m[::2] = v[::2] + rng.normal(0, 0.1, (n // 2, 2))
    score = np.clip(1 - np.linalg.norm(v - m, axis=1), 0, 1)
    features = [(x @ rng.normal(size=(2, 9)) + rng.normal(0, 0.2, (n, 9))).astype(np.float32) for x in (v, m)]
    return Scored(*features, score, v[:, :affect], m[:, :affect], np.arange(n))


def test_affect_is_used_where_the_table_has_it():
    assert recipe(planted()).shape.inputs == "both"
    without = recipe(planted(affect=0))
    assert without.shape.inputs == "objective"
    assert not without.shape.auxiliary


@pytest.mark.parametrize("affect", [2, 0])
def test_planted_scores_are_found_and_the_best_ranker_is_the_default(affect):
    data = planted(affect=affect)
    config = recipe(data)
    held = out_of_fold(data, config, 0, tick=lambda done: None)
    parts, default, figures = assemble_model(data, config, held, seed=0)
    assert set(figures) == {"cosine", "afclnet", "fusion"}
    best = figures[default]  # fusion may be one of its parts
    assert best["MSE"]["mean"] == pytest.approx(min(each["MSE"]["mean"] for each in figures.values()))
    assert best["AUC"]["low_95"] > 0.6
    assert best["MSE"]["mean"] < best["MSE"]["chance"] == pytest.approx(np.var(data.score))
    assert parts.reranking.fusion.weight in np.arange(11) / 10
    if affect:
        assert figures["afclnet"]["R2"]["mean"] > 0.2


def test_too_little_is_refused(tmp_path):
    with pytest.raises(InputError, match="10 usable pairs in 10 groups that share no file; at least 20"):
        check_learnable(planted(10), tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"pairs match .*both kinds are needed"):
        check_learnable(_all_matched(), tmp_path / "t.csv")


def _all_matched() -> Scored:
    from dataclasses import replace

    return replace(planted(), score=np.ones(120))


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Busy and slow clips with busy and slow music; what agrees is rated 5, the rest 1; one file is broken."""
    folder = tmp_path_factory.mktemp("rated")
    rng, lines = np.random.default_rng(0), ["video,music,score"]
    for i in range(24):
        clip_busy, music_busy = bool(i % 2), bool((i // 2) % 2)
        shade = rng.integers(160, 250) if clip_busy else rng.integers(5, 60)
        pictures = [np.full((48, 64, 3), shade + (40 * (j % 2) if clip_busy else 0), np.uint8) for j in range(8)]
        media_samples.clip(folder / f"{i}.mp4", pictures, fps=4)
        notes = ((0, 4, 7), 0.2) if music_busy else ((0, 3, 7), 1.0)
        media_samples.sound(folder / f"{i}.wav", chords(*notes, 2.0, i), SR_HZ)
        lines.append(f"{i}.mp4,{i}.wav,{5 if clip_busy == music_busy else 1}")
    (folder / "broken.wav").write_bytes(b"nothing")
    lines.append("0.mp4,broken.wav,3")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_from_rated_pairs_to_a_rescored_query(run, rated, tmp_path):
    model, library = tmp_path / "own", tmp_path / "library"
    ran = run("train", "afclnet", "--pairs", rated / "pairs.csv", "--out", model)
    assert ran.code == 0, ran.err
    assert "failed: " in ran.err
    assert "broken.wav" in ran.err
    assert "24 usable pairs in 24 groups" in ran.out
    assert "ratings of 1 to 5" in ran.out
    loaded = Model.load(model)
    assert loaded.scoring.rankers == ("cosine", "afclnet", "fusion")
    files = [rated / f"{i}.wav" for i in range(6)]
    ran = run("index", "add", *files, "--model", model, "--library", library, "--workers", 1)
    assert ran.code == 0, ran.err
    scores = {}
    for ranker in ("cosine", "afclnet", "fusion", None):
        how = ("--ranker", ranker) if ranker else ()
        ran = run("--video", rated / "1.mp4", "--library", library, "--model", model, "--format", "json", *how)
        assert ran.code == 0, ran.err
        found = json.loads(ran.out)
        assert len(found) >= 3  # some of these plain pieces are copies of each other
        assert [r["score"] for r in found] == sorted((r["score"] for r in found), reverse=True)
        assert all(r["fits"] == (r["score"] >= 0.5) for r in found)
        scores[ranker] = [(r["title"], r["score"]) for r in found]
    assert scores[None] == scores[loaded.ranker]
    assert scores["afclnet"] != scores["cosine"]
    # What is served is what was trained: the same clip and song through the model's own pair score.
    clip, song = (loaded.analyse(rated / name, kind) for name, kind in (("1.mp4", "video"), ("3.wav", "music")))
    own = [len(loaded.needs[kind].columns) for kind in ("video", "music")]
    video, music = clip.features.item[None, : own[0]], song.features.values[:1, : own[1]]
    expected = loaded.reranking.match(video, music, ranker="afclnet", matcher=loaded.matcher)[0]
    assert dict(scores["afclnet"])["3"] == pytest.approx(expected, abs=1e-4)
    ran = run("--vector", _vector(tmp_path, loaded), "--library", library, "--model", model, "--ranker", "afclnet")
    assert ran.code == 2
    assert "bare vector, a blend and --like have none" in ran.err


def _vector(folder, model):
    np.save(folder / "q.npy", np.ones(model.space.dim, np.float32))
    return folder / "q.npy"


def test_a_library_of_imported_vectors_is_ranked_by_cosine_alone(run, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "v.npy", rng.normal(size=(3, 8)).astype(np.float32))
    np.save(tmp_path / "q.npy", rng.normal(size=8).astype(np.float32))
    (tmp_path / "ids.csv").write_text("id\na\nb\nc\n")
    library = tmp_path / "lib"
    given = "--ids", tmp_path / "ids.csv", "--space", "s"
    assert run("index", "import", tmp_path / "v.npy", *given, "--library", library).code == 0
    assert run("--vector", tmp_path / "q.npy", "--library", library).code == 0
    ran = run("--vector", tmp_path / "q.npy", "--library", library, "--ranker", "fusion")
    assert ran.code == 2
    assert "needs a library of a model with AFCLNet" in ran.err
