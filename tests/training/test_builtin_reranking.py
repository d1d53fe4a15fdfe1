"""AFCLNet for an affect model: what training sees, folds of both sides, and the model that is served."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import media_samples
from recommender import Model
from recommender.affect.linear import LinearAffect, unbound
from recommender.errors import ModelError
from recommender.extractors.audio import music as music_features
from recommender.extractors.video import clip as video_features
from recommender.extractors.video import video
from recommender.types import Features
from training.affect import picture_affect, picture_copies
from training.affect.cross_validation import Problem
from training.affect.feature_table import FeatureTable
from training.learning.model_folder import as_json
from training.learning.second_stage import choose_ranker
from training.reranking import train
from training.reranking.card import HEADING
from training.reranking.crossed import RECIPE, Crossed, cross_fit, fit, fuse_out_of_fold, fusion
from training.reranking.rated import Rated, deal_pairs, distances, nearness
from training.reranking.train import assemble_reranking

COLUMNS = {
    "video": ("lightness_lstar", "saturation", "motion_widths_per_s"),
    "music": ("mode_major", "onset_rate_hz", "top_pitch_midi"),
}
STILL = np.eye(2), np.array([0.5, 1.0]), np.ones(2), np.array([0.0, -0.2])
SPREAD = {"video": np.array([0.5, 1.0]), "music": np.ones(2)}
SHORT = replace(RECIPE, epochs=20)


def write_base(folder):
    """A small affect model of real columns: the first speaks for valence, the second for arousal."""
    folder.mkdir()
    for modality, columns in COLUMNS.items():
        weights = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.3]])
        ones = np.ones(3), weights, np.ones(2), np.ones(2)
        predictor = LinearAffect(columns, ("identity",) * 3, np.zeros(3), *ones)
        (folder / f"affect-{modality}.json").write_text(as_json(predictor.to_json()))
    still = LinearAffect(COLUMNS["video"][:2], ("identity",) * 2, np.zeros(2), np.ones(2), *STILL)
    (folder / "affect-still.json").write_text(as_json(still.to_json()))
    manifest = {
        "format": 1,
        "name": "small",
        "features": {"music": music_features.REVISION, "video": video_features.REVISION},
        "affect": {name: f"affect-{name}.json" for name in (*COLUMNS, "still")},
        "space": {"side": 8, "reach": 1.5, "bandwidth": 0.2},
    }
    (folder / "manifest.json").write_text(as_json(manifest))
    (folder / "card.md").write_text("# Affect model `small`\n")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_base(tmp_path_factory.mktemp("models") / "small")


def rated(base, modality, n, groups, seed):
    """Items whose features show their ratings with noise, in groups."""
    rng = np.random.default_rng(seed)
    ratings = rng.normal(size=(n, 2))
    ratings = (ratings - ratings.mean(axis=0)) / ratings.std(axis=0)
    x = np.column_stack([ratings + rng.normal(0, 0.7, (n, 2)), rng.normal(size=n)])
    names = tuple(f"group {i % groups}" for i in range(n))
    table = FeatureTable(COLUMNS[modality], x, x, np.arange(n))
    problems = tuple(Problem.of(table, ratings[:, axis], (1, 1, 1), groups=names) for axis in (0, 1))
    model = Model.load(base)
    spread, offset = SPREAD[modality], np.zeros(2)
    values = np.zeros((n, len(model.source_columns(modality))))
    values[:, [model.source_columns(modality).index(name) for name in COLUMNS[modality]]] = x
    return Rated(modality, model, problems, values, ratings, names, spread, offset, np.array([spread, offset + 0.5]))


@pytest.fixture(scope="module")
def sides(base):
    return rated(base, "video", 72, 12, 0), rated(base, "music", 40, 10, 1)


@pytest.fixture(scope="module")
def run_of(sides):
    return cross_fit(*sides, nearness(*sides), config=SHORT, folds=2, seed=0, tick=lambda: None)


def test_every_item_is_dealt_as_often_as_can_be():
    video, music = deal_pairs((7, 3), np.random.default_rng(0))
    assert sorted(video) == list(range(7))
    assert np.bincount(music).tolist() in ([2, 2, 3], [2, 3, 2], [3, 2, 2])


def test_half_of_all_combinations_match(sides):
    rule, distance = nearness(*sides), distances(sides[0].ratings, sides[1].ratings)
    assert np.median(distance) == pytest.approx(rule.reach / 2)
    assert (1 - distance / rule.reach >= 0.5).mean() == pytest.approx(0.5, abs=0.001)


def test_held_out_ratings_are_never_seen(sides):
    video = sides[0]
    inside, held = np.arange(0, 48), np.arange(48, 72)
    before = video.see(inside, held, 0)
    changed = [replace(p, y=np.where(np.arange(72) < 48, p.y, -p.y)) for p in video.problems]
    after = replace(video, problems=tuple(changed)).see(inside, held, 0)
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.affect, two.affect)
        assert np.corrcoef(one.affect[:, 0], one.ratings[:, 0])[0, 1] > 0.5
    # As the model states means: the clip's valence is spread half as wide as its arousal.
    assert unbound(before[0].affect).std(axis=0) == pytest.approx([0.2, 0.4], rel=0.05)
    assert before[0].objective.shape == (48, 5)


def test_a_planted_match_is_found_on_unseen_groups_of_both_sides(sides, run_of):
    distance = distances(sides[0].ratings, sides[1].ratings)
    cosine, read, logit = (
        np.corrcoef(scores.ravel(), -distance.ravel())[0, 1] for scores in (run_of.cosine, run_of.read, run_of.logit)
    )
    assert min(cosine, logit) > 0.3
    assert 0 < read < cosine  # music that lies to one side of the pictures, not measured against its own kind
    for side, fold in zip(sides, (run_of.video_fold, run_of.music_fold), strict=True):
        of = {}
        for name, number in zip(side.groups, fold, strict=True):
            assert of.setdefault(name, number) == number
    again = cross_fit(*sides, nearness(*sides), config=SHORT, folds=2, seed=0, tick=lambda: None)
    np.testing.assert_array_equal(again.logit, run_of.logit)


def test_fusion_leaves_out_what_says_nothing(sides):
    distance = distances(sides[0].ratings, sides[1].ratings)
    noise = np.random.default_rng(0).normal(size=distance.shape)
    folds = np.arange(72) % 3, np.arange(40) % 3
    run = Crossed(-distance, noise, noise, noise, *folds)
    assert fusion([run], distance).weight == 0
    assert np.corrcoef(fuse_out_of_fold(run, distance).ravel(), -distance.ravel())[0, 1] > 0.99
    assert fusion([run._replace(cosine=noise, logit=-distance)], distance).weight == 1


@pytest.mark.parametrize(
    ("gains", "chosen"),
    [
        ({"afclnet": (0.02, -0.01), "fusion": (0.01, -0.004)}, "cosine"),
        ({"afclnet": (0.02, -0.01), "fusion": (0.001, -0.002)}, "fusion"),
        ({"afclnet": (0.02, 0.01), "fusion": (0.01, 0.001)}, "afclnet"),
    ],
)
def test_the_default_is_the_best_of_what_does_no_harm(gains, chosen):
    assert choose_ranker({name: {"mean": mean, "low_95": low} for name, (mean, low) in gains.items()}) == chosen


def test_what_is_served_is_what_was_trained(sides, run_of, base, tmp_path):
    video, music = sides
    rule, distance = nearness(video, music), distances(video.ratings, music.ratings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "RECIPE", SHORT)
        reranking = assemble_reranking(video, music, rule, runs=[run_of], distance=distance, seed=0)
    folder = tmp_path / "own"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "section", lambda facts: HEADING)
        files = train._files(video.model, "own", reranking, {"ranker": "fusion"})
    train.write(folder, files)
    model = Model.load(folder)
    assert (model.name, model.ranker) == ("own", "fusion")
    assert model.revision != video.model.revision
    assert model.scoring.rankers == ("cosine", "afclnet", "fusion")
    rows = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    inputs = {m: _described(model, m, rows) for m in COLUMNS}
    for modality in COLUMNS:
        assert inputs[modality].shape == (4, len(model.inputs(modality)))
        # The affect and the vectors are those of the model it was made from, whatever follows the features.
        mine, theirs = (one.encode(modality, x) for one, x in ((model, inputs[modality]), (video.model, rows)))
        np.testing.assert_array_equal(mine[0], theirs[0])
        np.testing.assert_array_equal(mine[1], theirs[1])
    logits = model.reranking.reranker.logits(inputs["video"][:1, 3:], inputs["music"][:, 3:])
    seen = {m: model.objective(m, _values(model, m, rows), model.encode(m, rows)[0]) for m in COLUMNS}
    pair = [side.see(np.arange(len(side)), np.arange(0), 0)[0] for side in sides]
    network = fit(*pair, rule, config=SHORT, seed=0)
    some = [side.features[np.unique(np.linspace(0, len(side.ratings) - 1, 32).round().astype(int))] for side in pair]
    of_clip = network.similarity(seen["video"][:1], some[1]).mean()
    of_tracks = network.similarity(some[0], seen["music"]).mean(axis=0)
    expected = network.similarity(seen["video"][:1], seen["music"])[0] - of_clip - of_tracks
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    still = _described(model, "video", rows, still=True)
    assert not np.allclose(still[:, 3:], inputs["video"][:, 3:])
    (folder / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="no whole safetensors file"):
        Model.load(folder)


def _values(model, modality, rows):
    """Measured features of which all but `COLUMNS` are 0."""
    values = np.zeros((len(rows), len(model.source_columns(modality))), np.float32)
    values[:, [model.source_columns(modality).index(name) for name in COLUMNS[modality]]] = rows
    return values


def _described(model, modality, rows, still=False):
    """What a library stores of windows with these features."""
    bounds = np.array([[i, i + 10.0] for i in range(len(rows))])
    columns, values = model.source_columns(modality), _values(model, modality, rows)
    features = Features(columns, bounds, values, values[0], float(len(rows)), {"still": still})
    found = model.describe(features, modality).features
    return found.values[:, [found.columns.index(name) for name in model.inputs(modality)]]


def test_a_model_without_affect_is_refused(run, tmp_path):
    ran = run("train", "afclnet", "--data", tmp_path, "--model", "emomv-c", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "'emomv-c' predicts no affect" in ran.err
    ran = run("train", "afclnet", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "either --pairs TABLE" in ran.err


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Small rated corpora: grey pictures, pieces that are rendered below."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    rows = {"oasis": ["file,theme,valence_mean,arousal_mean"], "vgmidi": ["piece,series,valence,arousal"]}
    (folder / "oasis" / "images").mkdir(parents=True)
    (folder / "vgmidi" / "midi").mkdir(parents=True)
    for i in range(24):
        media_samples.still(folder / "oasis" / "images" / f"{i}.png")
        (folder / "vgmidi" / "midi" / f"{i}.mid").write_bytes(bytes([i]))
        v, a = rng.uniform(-1, 1, 2)
        rows["oasis"].append(f"{i}.png,t{i % 12},{4 + v},{4 + a}")
        rows["vgmidi"].append(f"{i},s{i % 12},{a},{v}")
    for name, lines in rows.items():
        (folder / name / "ratings.csv").write_text("\n".join(lines) + "\n")
    return folder


def _measured(paths, extract, tick):
    """Features that tell something of the item's number, without decoding anything."""
    pictures = (*video.COLUMNS, *picture_copies.sight(picture_affect.COPIES).columns)
    columns = tuple(c.name for c in (music_features.COLUMNS if extract is music_features.extract else pictures))
    rng = np.random.default_rng(len(columns))
    x = rng.normal(size=(len(paths), len(columns)))
    return FeatureTable(columns, x, x, np.arange(len(paths)))


def test_from_rated_corpora_to_a_rescored_query(run, corpora, base, music_folder, clip_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("training.reranking.rated.extract_all", _measured)
    monkeypatch.setattr("training.affect.music.extract_all", _measured)
    monkeypatch.setattr("training.affect.music.render_all", lambda paths, *_, **__: list(paths))
    monkeypatch.setattr(train, "find_synth", lambda soundfont: _Synth)
    monkeypatch.setattr(train, "RECIPE", replace(RECIPE, epochs=3))
    monkeypatch.setattr(train, "FOLDS", 2)
    monkeypatch.setattr(train, "RESAMPLES", 10)
    out, library = tmp_path / "mine", tmp_path / "library"
    ran = run("train", "afclnet", "--data", corpora, "--model", base, "--out", out, "--seeds", 1)
    assert ran.code == 0, ran.err
    card, facts = (out / "card.md").read_text(), json.loads((out / "rescoring.json").read_text())
    assert card.startswith("# Affect model `small`")
    assert "24 rated pictures (OASIS, 12 themes)" in card
    for name in ("cosine", "afclnet", "fusion", "same"):
        assert f"{facts['rankers'][name]['AUC']['mean']:.3f} [" in card
    model = Model.load(out)
    assert model.name == "mine"
    assert sum(f.stat().st_size for f in out.iterdir()) < 1 << 20
    # Again, onto the model itself: the section is replaced, not repeated.
    ran = run("train", "afclnet", "--data", corpora, "--model", out, "--out", out, "--seeds", 1)
    assert (out / "card.md").read_text().count(HEADING) == 1
    assert Model.load(out).revision == model.revision
    ran = run("index", "add", music_folder, "--model", out, "--library", library, "--workers", 1)
    assert ran.code == 0, ran.err
    scores = {}
    for ranker in ("cosine", "afclnet", "fusion"):
        query = ("--video", clip_folder / "wild.mp4", "--library", library, "--model", out, "--format", "json")
        ran = run(*query, "--ranker", ranker)
        assert ran.code == 0, ran.err
        found = json.loads(ran.out)
        assert len(found) == 4
        assert all((r["fits"] is None) == (ranker == "cosine") for r in found)
        assert all(not reason["feature"].startswith("afclnet_") for r in found for reason in r["reasons"])
        scores[ranker] = {r["title"]: r["score"] for r in found}
    assert scores["afclnet"] != scores["cosine"] != scores["fusion"]


class _Synth:
    name = "none.sf2"
