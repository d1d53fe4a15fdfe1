"""Generated pairs: the shape that was asked for, and every effect visible to whoever knows what lies behind it."""

import numpy as np
import pytest

from recommender.errors import InputError
from training.datasets.generated import EFFECTS, TERMS, GeneratedConfig, World, generate, world

SMALL = GeneratedConfig(pairs=2000)


def explained(columns: np.ndarray, score: np.ndarray) -> float:
    """R2 of least squares on the second half of the pairs, fitted on the first."""
    half = len(score) // 2
    x = np.column_stack([np.ones(len(score)), columns])
    found = np.linalg.lstsq(x[:half], score[:half], rcond=None)[0]
    rest = score[half:]
    return float(1 - np.mean((x[half:] @ found - rest) ** 2) / rest.var())


def oracle(found: World, effect: str) -> np.ndarray:
    """What of the hidden values an effect shows in, written down anew."""
    v, m = found.video, found.music
    if effect == "perceptual":
        return np.linalg.norm(found.data.video_affect - found.data.music_affect, axis=1)[:, None]
    if effect == "objective":
        return np.linalg.norm(v["content"] - m["content"], axis=1)[:, None]
    if effect == "state":
        turned = v["form"] @ np.kron(np.eye(2), [[0, -1], [1, 0]])
        return np.tanh([((v["form"] - turned) * m["form"]).sum(axis=1)]).T
    if effect == "channels":
        return (v["style"][:, 0] * v["style"][:, 1])[:, None]
    return (np.where(v["style"][:, 0] > 0, 1, -1) * v["factors"][:, 0])[:, None]


def test_shapes_ranges_and_labels_are_the_papers():
    data = generate(TERMS, 0)
    assert data.video.shape == (2200, 60)
    assert data.music.shape == (2200, 40)
    assert data.video_affect.shape == data.music_affect.shape == (2200, 16)
    assert data.score.min() >= 0
    assert data.score.max() <= 1
    assert np.allclose(data.score * 20, np.round(data.score * 20))  # ratings in steps of .2, over 4
    assert 0.4 < np.mean(data.score >= 0.5) < 0.65
    assert data.score.std() == pytest.approx(0.21, abs=0.03)
    assert data.rule is None
    assert not data.classes


def test_groups_are_the_pairs_of_one_video():
    found = world((), 0, SMALL)
    assert np.bincount(found.data.group).tolist() == [2] * 1000
    assert np.array_equal(found.video["content"][::2], found.video["content"][1::2])
    assert not np.array_equal(found.music["content"][::2], found.music["content"][1::2])


def test_the_same_seed_gives_the_same_pairs_and_another_gives_others():
    a, b, c = (generate(("state", "gate"), seed, SMALL) for seed in (3, 3, 4))
    for name in ("video", "music", "score", "video_affect", "music_affect", "group"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
    assert not np.array_equal(a.score, c.score)


@pytest.mark.parametrize("effect", TERMS)
def test_a_planted_term_explains_the_score_and_one_left_out_does_not(effect):
    planted, left = world((effect,), 5, SMALL), world((), 5, SMALL)
    assert explained(oracle(planted, effect), planted.data.score) > 0.6
    assert abs(explained(oracle(left, effect), left.data.score)) < 0.02


def test_terms_have_mean_0_and_variance_1_and_share_the_score_equally():
    found = world(EFFECTS, 6, SMALL)
    for term in found.terms.values():
        assert abs(term.mean()) < 0.05
        assert term.std() == pytest.approx(1, abs=0.05)
    correlations = [np.corrcoef(found.terms[name], found.data.score)[0, 1] for name in TERMS]
    assert np.allclose(correlations, np.sqrt(0.7 / 5), atol=0.08)


def test_without_an_effect_nothing_explains_the_score():
    found = world((), 7, SMALL)
    d = found.data
    seen = np.column_stack([d.video[:, :5], d.music[:, :5], d.video_affect[:, :5] * d.music_affect[:, :5]])
    assert explained(seen, d.score) < 0.01
    assert all(abs(np.corrcoef(term, d.score)[0, 1]) < 0.08 for term in found.terms.values())


def test_form_is_shared_in_other_directions_by_unmatched_pairs():
    found = world(("state",), 8, SMALL)
    cross = [
        found.video["form"][rows].T @ found.music["form"][rows] / rows.sum()
        for rows in (found.terms["state"] > 0, found.terms["state"] < 0)
    ]
    assert np.allclose(cross[0], 0.95 * np.eye(4), atol=0.12)
    assert np.allclose(cross[1], 0.95 * np.kron(np.eye(2), [[0, -1], [1, 0]]), atol=0.12)


def test_clutter_adds_columns_that_show_nothing():
    plain, wide = world((), 9, SMALL), world(("clutter",), 9, SMALL)
    assert (plain.data.video.shape, plain.data.music.shape) == ((2000, 60), (2000, 40))
    assert (wide.data.video.shape, wide.data.music.shape) == ((2000, 180), (2000, 120))
    assert np.array_equal(plain.data.video, wide.data.video[:, :60])
    assert np.array_equal(plain.data.score, wide.data.score)
    content = wide.video["content"][:, 0]
    assert explained(wide.data.video[:, :60], content) > 0.8  # all columns together
    assert max(abs(np.corrcoef(x, content)[0, 1]) for x in wide.data.video[:, :60].T) < 0.75  # and no one alone
    assert explained(wide.data.video[:, 60:], content) < 0


def test_an_unknown_effect_is_refused():
    with pytest.raises(InputError, match="no effect is called magic; there are: perceptual, objective"):
        generate(("magic",), 0)


@pytest.mark.parametrize("wrong", [{"pairs": 1}, {"form": 3}, {"style": 1}])
def test_sizes_that_no_effect_fits_into_are_refused(wrong):
    with pytest.raises(InputError, match="at least 2 pairs, an even number and at least 2 are needed"):
        GeneratedConfig(**wrong)
