"""The clip predictors on planted readings: scales, spreads, stated uncertainty; and the tables they are learnt from."""

import numpy as np
import pytest

from recommender.extractors.video import video
from recommender.extractors.video.clip import SIGHT
from training.affect.activity import (
    ALIKE,
    LIGHTS,
    MOTION,
    SHARES,
    USED,
    Mixture,
    Scenes,
    auc,
    correlation,
    figures,
    most_chosen,
    out_of_source,
)
from training.affect.activity_labels import CLIPS, Labelled, read_labelled_clips
from training.affect.picture_copies import COPIES, extract, network_features
from training.affect.picture_families import TABLE, activity, families
from training.affect.video import residual_sd


def test_residual_sd_by_hand():
    # Spread 1, r .5: 1 + 1 - 2 * .5 = 1. Spread r: the shrunken prediction, sqrt(1 - r²) = .8. No skill: sqrt(1 + 1).
    found = residual_sd(np.array([0.5, 0.6, 0.0]), np.array([1.0, 0.6, 1.0]))
    assert found == pytest.approx([1.0, 0.8, np.sqrt(2)])


@pytest.mark.parametrize("spread", [0.5, 1.0])
@pytest.mark.parametrize(("level", "half"), [(0.8, 1.2816), (0.9, 1.6449)])
def test_stated_intervals_cover_what_they_say(spread, level, half):
    rng, r = np.random.default_rng(0), 0.3
    truth = rng.normal(size=100_000)
    prediction = spread * (r * truth + np.sqrt(1 - r * r) * rng.normal(size=100_000))
    inside = np.abs(prediction - truth) <= half * residual_sd(np.array(r), np.array(spread))
    assert inside.mean() == pytest.approx(level, abs=0.01)


def test_auc_by_hand_and_what_r_it_stands_for():
    busy = np.array([True, True, False, False])
    assert auc(np.array([3.0, 1.0, 2.0, 0.0]), busy) == 0.75
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), busy) == 0.5
    assert auc(np.array([1.0, 2.0]), np.array([True, True])) == 0.5
    rng = np.random.default_rng(0)
    for distance in (0.5, 1.0, 2.0):
        score = np.concatenate([rng.normal(distance, 1, 200_000), rng.normal(0, 1, 200_000)])
        label = np.repeat([1.0, 0.0], 200_000)
        found = auc(score[::40], label[::40] > 0)
        assert correlation(found) == pytest.approx(np.corrcoef(score, label)[0, 1], abs=0.02)
    assert correlation(0.4) == 0.0


def planted(seed: int = 0, sources: int = 20) -> tuple[Scenes, Labelled]:
    """Clips and pictures of 20 columns: 0 tells activity, 1 the source, 2 the light; object motion tells activity."""
    rng = np.random.default_rng(seed)
    busy = np.arange(3 * sources) % 2 == 0
    names = tuple(f"s{i % sources}" for i in range(len(busy)))
    y, label = np.where(busy, 1.0, -1.0), np.resize([1.0, -1.0, 0.0], 60)
    clips, pictures = rng.normal(size=(len(y), 20)), rng.normal(size=(60, 20))
    clips[:, 0] += 1.2 * y
    clips[:, 1] += np.array([7 * (int(name[1:]) % 3) for name in names])
    pictures[:, 0] += 1.5 * label
    motion = rng.normal(size=(len(y), len(MOTION)))
    motion[:, 0] += 0.6 * y
    motion = (motion - motion.mean(axis=0)) / motion.std(axis=0)
    shift = np.eye(20)[2]
    lights = {copy: np.tile((k + 1) * shift, (len(y), 1)) for k, copy in enumerate(LIGHTS)}
    picture_lights = {copy: np.tile((k + 1) * shift, (60, 1)) for k, copy in enumerate(LIGHTS)}
    scenes = Scenes(clips, busy, names, motion, pictures, label, lights, picture_lights)
    return scenes, Labelled((), busy, names, np.arange(len(y)) < 30)


def test_a_planted_activity_is_found_in_sources_never_seen():
    scenes, labelled = planted()
    found = out_of_source(scenes)
    told = figures(scenes, labelled, found)
    assert told["alone"]["activity"] > 0.65
    assert told["all"]["auc"] > max(told["alone"]["activity"], told["alone"][USED[0]])
    assert told["all"]["low_95"] < told["all"]["auc"] < told["all"]["high_95"]
    assert {mixture.columns for mixture in found.chosen} == {USED}
    assert most_chosen(found).share in SHARES
    assert (told["clips"], told["busy"], told["sources"]) == (60, 30, 20)


def test_dealt_labels_are_not_found():
    areas = []
    for seed in range(6):
        scenes, _ = planted(seed)
        dealt = np.random.default_rng(seed).permutation(scenes.busy)
        blind = scenes.__class__(**{**vars(scenes), "busy": dealt, "label": np.zeros(60)})
        areas.append(auc(out_of_source(blind).score, dealt))
    assert np.mean(areas) < 0.6


def test_a_head_is_deaf_to_what_only_the_light_changes():
    scenes, _ = planted()
    scenes.clips[:, 2] += 1.5 * np.where(scenes.busy, 1, -1)  # what light changes happens to tell activity too
    every = np.ones(len(scenes.busy), bool)
    still = {copy: np.zeros_like(rows) for copy, rows in scenes.clip_lights.items()}
    unaware = scenes.__class__(
        **{**vars(scenes), "clip_lights": still, "picture_lights": {c: 0 * v for c, v in scenes.picture_lights.items()}}
    )
    aware, plain = scenes.head(every), unaware.head(every)
    assert ALIKE > 1
    assert abs(aware[2]) < 0.3 * abs(plain[2])


def test_a_mixture_weighs_its_columns_alike():
    weights = Mixture(USED, 0.4).weights()
    assert weights[0] == pytest.approx(0.6)
    assert (weights[1:] ** 2).sum() == pytest.approx(0.16)
    assert [bool(w) for w in weights[1:]] == [column in USED for column in MOTION]
    assert set(MOTION) <= {c.name for c in video.COLUMNS}


def test_every_theme_has_one_family_and_some_an_activity():
    themes = [line.split(",")[0] for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(set(themes)) == len(themes) == 172
    assert 12 <= len(set(families(themes))) <= 18
    told = activity(themes)
    assert set(told) == {-1.0, 0.0, 1.0}
    assert (told == 1).sum() >= 30
    assert (told == -1).sum() >= 60
    assert families(["Lake", "Beach", "nowhere"]) == ("water", "water", "nowhere")
    assert activity(["Lake", "Skier", "nowhere"]).tolist() == [-1, 1, 0]


def test_every_theme_of_oasis_is_in_the_table(shared_data):
    from training import datasets

    themes = set(datasets.load("oasis", shared_data).groups)
    assert set(families(sorted(themes))).isdisjoint(themes)


def test_labelled_clips_have_sources_and_both_labels(shared_data):
    found = read_labelled_clips(shared_data)
    assert len(found.paths) == len(CLIPS) + 26
    assert found.apart.sum() == 26
    assert all(path.is_file() for path in found.paths)
    assert len(set(found.sources)) > 20
    davis = {s for p, s in zip(found.paths, found.sources, strict=True) if p.name.startswith("davis")}
    assert davis == {"davis"}


def test_copies_are_seen_beside_the_picture(tmp_path):
    import media_samples

    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    path = media_samples.still(tmp_path / "a.png", picture)
    found = extract(path)
    width = len(SIGHT.columns)
    assert found.values.shape[1] == len(video.COLUMNS) + (1 + len(COPIES)) * width
    from training.affect.feature_table import extract_all

    table = extract_all([path], extract, lambda *_: None)
    np.testing.assert_array_equal(network_features(table)[0], SIGHT.features(picture))
    np.testing.assert_array_equal(network_features(table, "grey")[0], SIGHT.features(COPIES["grey"](picture)))
