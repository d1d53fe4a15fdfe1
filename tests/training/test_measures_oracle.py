"""Equality to 1e-9 with independent libraries: trec_eval's own code for rankings, scikit-learn for the rest."""

import numpy as np
import pytest

from training.measures import POINTWISE, parse, per_query, reliability
from training.measures.classification import confusion

ORACLE = {
    "mAP": "map",
    "top@5": "success_5",
    "P@10": "P_10",
    "P@1000": "P_1000",
    "recall@10": "recall_10",
    "MRR": "recip_rank",
    "nDCG": "ndcg",
    "nDCG@10": "ndcg_cut_10",
}


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9])
def test_rankings_equal_trec_eval(share: float) -> None:
    trec = pytest.importorskip("pytrec_eval", reason="pytrec-eval-terrier is in the extra `dev`")
    rng = np.random.default_rng(int(100 * share))
    # trec_eval reads scores as float32 and orders ties by name: distinct values keep it out of the comparison.
    scores = np.stack([rng.permutation(200) / 200 - 0.5 for _ in range(60)])
    relevant = rng.random(scores.shape) < share
    qrels = {f"q{i}": {f"d{j}": int(v) for j, v in enumerate(row)} for i, row in enumerate(relevant)}
    run = {f"q{i}": {f"d{j}": float(v) for j, v in enumerate(row)} for i, row in enumerate(scores)}
    wanted = {"map", "success", "P", "recall", "recip_rank", "ndcg", "ndcg_cut"}
    theirs = trec.RelevanceEvaluator(qrels, wanted).evaluate(run)
    for spec, values in per_query(scores, relevant, list(ORACLE)).items():
        has = ~np.isnan(values)
        assert (has == relevant.any(axis=1)).all()
        expected = np.array([theirs[f"q{i}"][ORACLE[spec]] for i in range(60)])
        np.testing.assert_allclose(values[has], expected[has], rtol=0, atol=1e-9, err_msg=spec)
        assert parse(spec).summary(values) == pytest.approx(expected[has].mean(), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_classification_equals_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is only an oracle here")
    rng = np.random.default_rng(seed)
    truth, score = rng.integers(0, 2, 90), np.round(rng.random(90), 1)
    decided = (score >= 0.5).astype(int)
    five = rng.integers(0, 5, 90), rng.integers(0, 4, 90)
    assert POINTWISE["accuracy"].of(*five) == pytest.approx(metrics.accuracy_score(*five), abs=1e-12)
    assert POINTWISE["F1"].of(truth, decided) == pytest.approx(metrics.f1_score(truth, decided), abs=1e-12)
    assert POINTWISE["macro-F1"].of(*five) == pytest.approx(metrics.f1_score(*five, average="macro"), abs=1e-12)
    assert POINTWISE["AUC"].of(truth, score) == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-12)
    np.testing.assert_array_equal(confusion(*five, classes=5), metrics.confusion_matrix(*five, labels=range(5)))


@pytest.mark.parametrize("seed", range(5))
def test_regression_equals_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is only an oracle here")
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 2, 80)
    predicted = truth + rng.normal(0, 1, 80)
    assert POINTWISE["MAE"].of(truth, predicted) == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert POINTWISE["MSE"].of(truth, predicted) == pytest.approx(metrics.mean_squared_error(truth, predicted))
    assert POINTWISE["R2"].of(truth, predicted) == pytest.approx(metrics.r2_score(truth, predicted), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_equal_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is only an oracle here")
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(seed)
    truth, p = rng.integers(0, 2, 90), rng.random(90)
    assert POINTWISE["Brier"].of(truth, p) == pytest.approx(metrics.brier_score_loss(truth, p), abs=1e-12)
    observed, predicted = calibration_curve(truth, p, n_bins=10, strategy="quantile")  # ten bins of nine
    assert POINTWISE["ECE"].of(truth, p) == pytest.approx(np.abs(observed - predicted).mean(), abs=1e-12)
    curve = reliability(truth, p)
    np.testing.assert_allclose([b.observed for b in curve], observed, atol=1e-12)
    np.testing.assert_allclose([b.predicted for b in curve], predicted, atol=1e-12)
