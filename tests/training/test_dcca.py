"""The DCCA loss against closed forms, and reductions that are stable or say what is wrong."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import InputError  # noqa: E402
from training.learning.losses import (  # noqa: E402
    affect_loss,
    canonical_correlation,
    canonical_directions,
    consistency,
    match_score,
)
from training.systems.afclnet.reduction import (  # noqa: E402
    REDUCTIONS,
    Clusters,
    Corresponding,
    LinearReducer,
    Name,
    ReductionConfig,
    reduce,
)
from training.systems.cca import ridge_cca  # noqa: E402

QUICK = ReductionConfig(components=4, hidden=16, epochs=5, learning_rate=1e-2)


def pairs(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Video [n, 12] and music [n, 9] that share two hidden variables in matched pairs, and the score [n]."""
    rng = np.random.default_rng(seed)
    maps = np.random.default_rng(50)
    shared, score = rng.normal(size=(n, 2)), (np.arange(n) % 2).astype(float)
    other = np.where(score[:, None] == 1, shared, rng.normal(size=(n, 2)))
    video = np.tanh(shared @ maps.normal(size=(2, 12))) + 0.1 * rng.normal(size=(n, 12))
    music = np.tanh(other @ maps.normal(size=(2, 9))) + 0.1 * rng.normal(size=(n, 9))
    return video.astype(np.float32), music.astype(np.float32), score


def test_correlation_worked_by_hand() -> None:
    u = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    v = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    # Sxx = 4/3, Syy = (.8^2 + .6^2) 4/3, Sxy = .8 * 4/3: correlation .8; a ridge of 4/3 halves it
    y = 0.8 * u + 0.6 * v
    assert float(canonical_correlation(u, y, 1e-12)) == pytest.approx(-0.8)
    assert float(canonical_correlation(u, y, 4 / 3)) == pytest.approx(-0.4)
    assert float(canonical_correlation(u, v, 1e-12)) == pytest.approx(0)
    assert float(canonical_correlation(torch.cat([u, v], 1), torch.cat([v, 3 * u], 1), 1e-9)) == pytest.approx(-2)


def test_the_loss_is_minus_the_sum_of_ridge_cca() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 6)), rng.normal(size=(50, 4))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    _, _, correlation = ridge_cca(x.T @ x / 49, y.T @ y / 49, x.T @ y / 49, ridge=0.1, components=6)
    loss = canonical_correlation(torch.as_tensor(x), torch.as_tensor(y), 0.1)
    assert float(loss) == pytest.approx(-correlation.sum())


def test_directions_give_the_correlations_on_the_diagonal_and_nothing_off_it() -> None:
    rng = np.random.default_rng(0)
    x, y = torch.as_tensor(rng.normal(size=(50, 5))), torch.as_tensor(rng.normal(size=(50, 3)))
    y = y + x[:, :3]
    a, b = canonical_directions(x, y, 1e-9)
    u, v = ((z - z.mean(dim=0)) @ w for z, w in ((x, a), (y, b)))
    cross = (u.T @ v / 49).numpy()
    np.testing.assert_allclose(cross, np.diag(np.diag(cross)), atol=1e-7)
    assert float(np.trace(cross)) == pytest.approx(-float(canonical_correlation(x, y, 1e-9)))
    np.testing.assert_allclose((u.T @ u / 49).numpy(), np.eye(3), atol=1e-6)


def test_dcca_gives_canonical_coordinates() -> None:
    video, music, _ = pairs(200)
    config = ReductionConfig("dcca", components=3, hidden=16, epochs=10, learning_rate=1e-2)
    reducer = reduce(video, music, np.ones(200), config=config, seed=0)
    a, b = reducer.video(video), reducer.music(music)
    correlation = np.corrcoef(a.T, b.T)
    across = correlation[:3, 3:]
    # the ridge leaves a little off the diagonal
    assert np.diag(across).min() > 5 * np.abs(across - np.diag(np.diag(across))).max()
    assert np.all(np.diff(np.diag(across)) < 1e-3)


@pytest.mark.parametrize("case", ["few rows", "constant", "rank one", "one row", "twins"])
def test_the_gradient_is_finite_where_covariances_are_singular(case: str) -> None:
    x = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    y = torch.randn(30, 40, generator=torch.Generator().manual_seed(1))
    if case == "constant":
        x = torch.ones(30, 40)
    elif case == "rank one":
        x = x[:, :1] @ torch.ones(1, 40)
    elif case == "one row":
        x, y = x[:1], y[:1]
    elif case == "twins":
        y = x.clone()
    x.requires_grad_()
    loss = canonical_correlation(x, y, 1e-3)
    loss.backward()
    assert -40 <= float(loss.detach()) <= 1e-9
    assert bool(torch.isfinite(x.grad).all())


def test_score_losses_worked_by_hand() -> None:
    logit, score = torch.zeros(2), torch.tensor([0.25, 1.0])
    assert float(match_score(logit, score, "mae")) == pytest.approx((0.25 + 0.5) / 2)
    assert float(match_score(logit, score, "mse")) == pytest.approx((0.0625 + 0.25) / 2)
    assert float(match_score(logit, score, "bce")) == pytest.approx(np.log(2))


def test_affect_and_consistency_count_matched_pairs_alone() -> None:
    score = torch.tensor([1.0, 0.5, 0.4])
    predicted, affect = (
        torch.tensor([[1.0, 0.0], [0.0, 0.0], [9.0, 9.0]]),
        torch.tensor([[0.5, 0.0], [0.0, 0.2], [0, 0]]),
    )
    assert float(affect_loss(predicted, affect, score)) == pytest.approx((0.25 + 0.1) / 2)
    video, music = torch.tensor([[1.0, 1.0], [0.0, 0.0], [9.0, 9.0]]), torch.zeros(3, 2)
    assert float(consistency(video, music, score)) == pytest.approx((1 + 0) / 2)
    assert float(affect_loss(predicted, affect, torch.zeros(3))) == 0
    assert float(consistency(video, music, torch.zeros(3))) == 0


@pytest.mark.parametrize("name", get_args(Name))
def test_every_reduction_is_centred_scaled_and_repeatable(name: Name) -> None:
    video, music, score = pairs()
    config = replace(QUICK, name=name)
    reducer, again = (reduce(video, music, score, config=config, seed=3) for _ in range(2))
    for side, features in ((reducer.video, video), (reducer.music, music)):
        reduced = side(features)
        np.testing.assert_allclose(reduced.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(reduced.std(axis=0), 1, atol=1e-3)
        assert reduced.dtype == np.float32
        with pytest.raises(InputError, match="fitted on"):
            side(features[:, :-1])
    np.testing.assert_array_equal(reducer.video(video), again.video(video))
    size = {"dcca-matched-unmatched": 8, "none": 12}.get(name, 4)
    assert reducer.video(video).shape == (40, size)
    if isinstance(reducer, LinearReducer):
        by_hand = video.astype(float) @ reducer.video.weights + reducer.video.bias
        np.testing.assert_allclose(by_hand, reducer.video(video), atol=1e-5)


def test_dcca_finds_what_matched_pairs_share() -> None:
    video, music, score = pairs(300)
    config = ReductionConfig("dcca", components=2, hidden=32, epochs=60, learning_rate=3e-3)
    matched = score == 1
    reducer = reduce(video[matched], music[matched], score[matched], config=config, seed=0)
    other_video, other_music, other = pairs(200, seed=5)
    a, b = reducer.video(other_video[other == 1]), reducer.music(other_music[other == 1])
    assert abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1]) > 0.7


@pytest.mark.parametrize("name", ["dcca", "dcca-matched-unmatched"])
@pytest.mark.parametrize("case", ["small batch", "constant", "few pairs"])
def test_dcca_is_stable_on_poor_data(name: Name, case: str) -> None:
    video, music, score = pairs()
    config = replace(QUICK, name=name, components=10)
    if case == "small batch":
        config = replace(config, batch=3)
    elif case == "constant":
        video = np.ones_like(video)
    else:
        video, music, score = video[:4], music[:4], score[:4]
    reducer = reduce(video, music, score, config=config, seed=0)
    assert np.isfinite(reducer.video(video)).all()
    assert np.isfinite(reducer.music(music)).all()


def test_what_cannot_be_learnt_is_said() -> None:
    video, music, score = pairs()
    both = replace(QUICK, name="dcca-matched-unmatched")
    with pytest.raises(InputError, match="learns from unmatched pairs and the training set has 0"):
        reduce(video, music, np.ones(40), config=both, seed=0)
    with pytest.raises(InputError, match="learns from matched pairs and the training set has 1"):
        reduce(video, music, np.eye(40)[0], config=both, seed=0)
    with pytest.raises(InputError, match="linear CCA learns from matched pairs"):
        reduce(video, music, np.zeros(40), config=replace(QUICK, name="cca"), seed=0)
    with pytest.raises(InputError, match="nothing that varies together"):
        reduce(np.ones_like(video), music, score, config=replace(QUICK, name="cca"), seed=0)
    with pytest.raises(InputError, match="at least 2 pairs"):
        reduce(video[:1], music[:1], score[:1], config=replace(QUICK, name="dcca"), seed=0)
    with pytest.raises(InputError, match="NaN or infinite"):
        reduce(np.full_like(video, np.nan), music, score, config=QUICK, seed=0)
    with pytest.raises(InputError, match="no reduction is called lda; there are: dcca-matched"):
        reduce(video, music, score, config=replace(QUICK, name="lda"), seed=0)  # type: ignore[arg-type]
    assert set(REDUCTIONS) == set(get_args(Name))


def test_every_pair_within_a_cluster_corresponds_equally_often() -> None:
    # Cluster 0: 2 videos, 1 piece of music; cluster 1: 1 and 3; cluster 2: music alone. 5 pairs in all.
    corresponding = Corresponding(Clusters(np.array([0, 1, 0]), np.array([1, 1, 2, 0, 1])))
    torch.manual_seed(0)
    video, music = corresponding(5000)
    drawn, count = np.unique(np.column_stack([video.numpy(), music.numpy()]), axis=0, return_counts=True)
    assert drawn.tolist() == [[0, 3], [1, 0], [1, 1], [1, 4], [2, 3]]
    np.testing.assert_allclose(count / 5000, 0.2, atol=0.03)
    with pytest.raises(InputError, match="needs a cluster that has both"):
        Corresponding(Clusters(np.array([0]), np.array([1])))


def test_cluster_dcca_finds_the_clusters_and_not_the_pairing() -> None:
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 3, (2, 300))
    centres = rng.normal(size=(2, 3, 12)) * 2
    video, music = (centres[i][cluster[i]] + rng.normal(size=(300, 12)) for i in range(2))
    config = ReductionConfig("cluster-dcca", components=2, hidden=32, layers=1, epochs=60, learning_rate=1e-2)
    both = video.astype(np.float32), music.astype(np.float32)
    reducer = reduce(*both, np.ones(300), config=config, seed=0, clusters=Clusters(*cluster))
    reduced = [reducer.video(both[0]), reducer.music(both[1])]
    means = [np.array([x[c == k].mean(axis=0) for k in range(3)]) for x, c in zip(reduced, cluster, strict=True)]
    # Both sides put the three clusters in the same places, though no pair shares one but by chance.
    np.testing.assert_allclose(means[0], means[1], atol=0.35)
    assert np.linalg.norm(means[0][0] - means[0][1]) > 1
