"""Parts of the systems against hand-worked numbers and closed forms: logistic regression, CCA, preparation, loop."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from training.learning.loop import EVERY, Batch, Schedule, equal_steps, inner_epochs, quality, reproducible, train  # noqa: E402
from training.systems import network  # noqa: E402
from training.systems.cca import ridge_cca  # noqa: E402
from training.systems.ensemble import FittedEnsemble  # noqa: E402
from training.systems.logistic import calibration, multinomial, row_space  # noqa: E402
from training.systems.posterior import evidence  # noqa: E402
from training.systems.prepare import standardiser  # noqa: E402
from training.types import Pairs  # noqa: E402


def planted_pairs(n: int) -> Pairs:
    """n pairs of sources of their own; features do not matter."""
    rng, sources = np.random.default_rng(0), np.arange(n)
    labels = [rng.integers(0, k, n) for k in (2, 5, 5)]
    x = np.zeros((n, 1), np.float32)
    return Pairs(x, x, *labels, sources, sources + n, tuple(map(str, sources)))


def test_a_free_bias_learns_the_class_shares() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    model = multinomial(np.zeros((10, 1)), labels, 3, penalty=1.0, sample_weight=np.ones(10))
    np.testing.assert_allclose(model(np.zeros((1, 1)))[0], [0.6, 0.3, 0.1], atol=1e-5)


def test_the_optimum_has_no_gradient_and_weights_count_as_copies() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    model = multinomial(x, y, 3, penalty=0.3, sample_weight=np.ones(40))
    gradient = x.T @ (model(x) - np.eye(3)[y]) / 40 + 0.3 / 3 * model.weights
    np.testing.assert_allclose(gradient, 0, atol=1e-5)
    twice = multinomial(np.vstack([x, x[:10]]), np.concatenate([y, y[:10]]), 3, penalty=0.3, sample_weight=np.ones(50))
    weighted = multinomial(x, y, 3, penalty=0.3, sample_weight=np.where(np.arange(40) < 10, 2.0, 1.0))
    np.testing.assert_allclose(twice.weights, weighted.weights, atol=1e-4)


def test_wide_features_have_the_same_solution_in_their_row_space() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 30)), rng.integers(0, 2, 12)
    model = multinomial(x, y, 2, penalty=3.0, sample_weight=np.ones(12))
    gradient = x.T @ (model(x) - np.eye(2)[y]) / 12 + 3.0 / 30 * model.weights
    np.testing.assert_allclose(gradient, 0, atol=1e-5)
    reduced, basis = row_space(x)
    assert reduced.shape[1] <= 12
    np.testing.assert_allclose(reduced @ basis.T, x, atol=1e-9)


def test_calibration_puts_half_in_the_middle_of_symmetric_scores() -> None:
    calibrated = calibration(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.array([0, 0, 1, 0, 1, 1]))
    assert float(calibrated(np.array([3.5]))[0]) == pytest.approx(0.5, abs=1e-3)
    assert calibrated.slope > 0


def test_a_calibration_never_turns_the_order_around() -> None:
    score, match = np.arange(8.0), np.array([1, 1, 1, 0, 1, 0, 0, 0])
    against = calibration(score, match)
    shown = against(score)
    assert (np.diff(shown) > 0).all()
    np.testing.assert_allclose(shown, 0.5, atol=0.01)


def test_cca_of_diagonal_covariances_is_worked_by_hand() -> None:
    # variances 1 and 1, cross-covariances .8 and .3: with ridge 1 every correlation is halved
    a, b, correlation = ridge_cca(np.eye(2), np.eye(2), np.diag([0.8, 0.3]), ridge=1.0, components=2)
    np.testing.assert_allclose(correlation, [0.4, 0.15], atol=1e-12)
    np.testing.assert_allclose(np.abs(a), np.eye(2) / np.sqrt(2), atol=1e-12)
    np.testing.assert_allclose(a.T @ np.diag([0.8, 0.3]) @ b, np.diag(correlation), atol=1e-12)


def test_without_ridge_cca_finds_the_shared_variable() -> None:
    rng = np.random.default_rng(2)
    shared = rng.normal(size=2000)
    x = np.column_stack([rng.normal(size=2000), shared]) @ rng.normal(size=(2, 2))
    y = np.column_stack([shared, rng.normal(size=2000)]) @ rng.normal(size=(2, 2))
    a, b, correlation = ridge_cca(np.cov(x.T), np.cov(y.T), np.cov(x.T, y.T)[:2, 2:], ridge=1e-9, components=2)
    assert correlation[0] == pytest.approx(1, abs=1e-3)
    assert correlation[1] < 0.1
    assert abs(np.corrcoef(x @ a[:, 0], y @ b[:, 0])[0, 1]) == pytest.approx(1, abs=1e-3)


def test_standardising_leaves_constant_columns_at_zero() -> None:
    prepare = standardiser(np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]]))
    np.testing.assert_allclose(
        prepare(np.array([[2.0, 5.0], [6.0, 5.0]])), [[0, 0], [4 / np.sqrt(8 / 3), 0]], rtol=1e-6
    )


def test_evidence_takes_the_prior_out() -> None:
    # Features that say nothing: the logits are the log prior, and what is left of them is nothing.
    emotion, x = np.array([0] * 4 + [1, 1, 2, 2, 3, 4]), np.ones((10, 3))
    log_prior = np.log(np.array([4, 2, 2, 1, 1]) / 10)
    weights, bias = evidence(x, emotion, 1.0, log_prior=log_prior, extra=None, extra_weight=0)
    np.testing.assert_allclose(x @ weights + bias, np.zeros((10, 5)), atol=1e-4)
    # A feature that is high for the first emotion alone speaks for it, prior or not.
    x = np.column_stack([emotion == 0, emotion == 1]).astype(float)
    weights, bias = evidence(x, emotion, 1.0, log_prior=log_prior, extra=None, extra_weight=0)
    found = x @ weights + bias
    assert (found[:4].argmax(axis=1) == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-9)


def test_epochs_are_chosen_where_inner_folds_are_best() -> None:
    """Two folds whose qualities peak at the 4th and 6th look; a lucky look at the 9th is smoothed away."""
    pairs = planted_pairs(40)
    peaks = iter([4, 6])

    def curve(inside: Pairs, held: Pairs) -> np.ndarray:
        assert set(inside.video_source.tolist()).isdisjoint(held.video_source.tolist())
        found = -np.abs(np.arange(1, 13) - next(peaks)) / 10.0
        found[8] += 0.35
        return found

    assert inner_epochs(curve, pairs, 2, seed=0) == 5 * EVERY


def test_inner_fits_take_as_many_steps_as_the_final_one() -> None:
    assert equal_steps(Schedule(batch=256), 270, 360).batch == 135
    assert equal_steps(Schedule(batch=256), 200, 250).batch == 200
    assert equal_steps(Schedule(batch=256), 216, 288).batch == 108


def test_quality_by_hand() -> None:
    # two videos, two pieces: of emotions 0, 1 and 1, 0; the first pair does not match, the second one does
    pairs = planted_pairs(2)
    pairs = replace(pairs, match=np.array([0, 1]), video_emotion=np.array([0, 1]), music_emotion=np.array([1, 0]))
    good = np.array([[0.1, 0.9], [0.8, 0.3]])  # each video finds its emotion first; the matching pair scores higher
    assert quality(good, pairs) == pytest.approx(1 + 1)
    assert quality(-good, pairs) == pytest.approx(0.5 + 0)
    assert quality(good, replace(pairs, match=np.array([1, 1]))) == pytest.approx(1)


def test_ensembles_average_scores_on_one_scale() -> None:
    class Member:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def match(self, video: np.ndarray, music: np.ndarray) -> np.ndarray:
            return np.full(len(video), self.factor)

        def similarity(self, video: np.ndarray, music: np.ndarray) -> np.ndarray:
            return self.factor * (video @ music.T)

        def emotions(self, modality: str, features: np.ndarray) -> None:
            return None

    known = np.array([-1.0, 0.0, 1.0])
    members, scores = (Member(1.0), Member(0.5)), (known, 0.5 * known)
    x, y = np.array([[1.0]]), np.array([[2.0], [0.5]])
    z = FittedEnsemble(members, scores, "z", (1, 1)).similarity(x, y)
    np.testing.assert_allclose(z, [[2 / known.std(), 0.5 / known.std()]])
    np.testing.assert_allclose(FittedEnsemble(members, scores, "rank", (1, 1)).similarity(x, y), [[1, 2 / 3]])
    np.testing.assert_allclose(FittedEnsemble(members, scores, "z", (1, 1)).match(x, x), [0.75])
    np.testing.assert_allclose(FittedEnsemble(members, scores, "z", (3, 1)).match(x, x), [0.875])
    assert FittedEnsemble(members, scores, "z", (1, 1)).emotions("video", x) is None


@pytest.mark.parametrize("block", [1, 5, 7, 1000])
def test_every_pair_is_scored_whatever_the_block(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "BLOCK", block)
    video, music = torch.arange(8.0).reshape(4, 2), torch.arange(6.0).reshape(3, 2)
    scores = network.every_pair(lambda a, b: (a * b).sum(dim=1), video, music)
    np.testing.assert_array_equal(scores, (video @ music.T).numpy())
    assert network.every_pair(lambda a, b: a[:, 0], video[:0], music).shape == (0, 3)


def _line(rows: int) -> Batch:
    x = torch.linspace(-1, 1, rows)[:, None]
    zero = torch.zeros(rows, dtype=torch.int64)
    return Batch(x, 2 * x, zero, zero, zero)


def test_the_loop_restores_the_best_epoch_and_stops_after_its_patience() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    batch, seen = _line(8), []

    def loss(part: Batch) -> torch.Tensor:
        if not model.training:
            # Stopping pairs want a slope of 1; training goes on to 2.
            seen.append(model.weight.item())
            return ((model(part.video) - part.video) ** 2).mean()
        return ((model(part.video) - part.music) ** 2).mean()

    schedule = Schedule(learning_rate=0.1, weight_decay=0.0, batch=8, max_epochs=200, patience=4)
    best = train(model, loss, lambda _: batch, schedule=schedule, seed=0, epochs=0, stop=batch)
    assert best == int(np.argmin(np.abs(np.array(seen) - 1))) + 1
    assert len(seen) == best + 4
    assert model.weight.item() == pytest.approx(seen[best - 1])


def test_pairs_may_be_drawn_anew_and_epochs_are_counted() -> None:
    model, drawn = torch.nn.Linear(1, 1), []

    def epoch(rng: np.random.Generator) -> Batch:
        drawn.append(rng.integers(1000))
        return _line(10)

    def loss(part: Batch) -> torch.Tensor:
        assert len(part.match) <= 4
        return model(part.video).pow(2).mean()

    assert train(model, loss, epoch, schedule=Schedule(batch=4), seed=0, epochs=3) == 3
    assert len(set(drawn)) == 3


def test_a_fit_leaves_threads_and_random_state_as_they_were() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with reproducible(5):
            first = torch.rand(3)
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.rand(1), expected)
    with reproducible(5):
        assert torch.equal(torch.rand(3), first)
