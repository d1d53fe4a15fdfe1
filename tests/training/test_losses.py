"""Every loss against numbers worked by hand."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from training.learning.losses import contrastive, cross_entropy, supervised_contrastive  # noqa: E402


def test_cross_entropy_of_even_logits_is_log_of_the_classes() -> None:
    assert float(cross_entropy(torch.zeros(3, 5), torch.tensor([0, 1, 4]))) == pytest.approx(math.log(5))


def test_smoothing_mixes_in_the_uniform_distribution() -> None:
    p = math.e / (math.e + 1)
    expected = -(0.9 * math.log(p) + 0.1 * math.log(1 - p))
    loss = cross_entropy(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), smoothing=0.2)
    assert float(loss) == pytest.approx(expected)


def test_contrastive_pulls_matches_and_pushes_mismatches_to_the_margin() -> None:
    distance, match = torch.tensor([0.5, 0.2, 1.5]), torch.tensor([1, 0, 0])
    # matched .5^2 = .25; mismatched (1 - .2)^2 = .64; beyond the margin 0
    assert float(contrastive(distance, match, halve=False)) == pytest.approx((0.25 + 0.64) / 3)
    assert float(contrastive(distance, match)) == pytest.approx((0.25 + 0.64) / 6)
    assert float(contrastive(distance, match, margin=2.0, halve=False)) == pytest.approx((0.25 + 3.24 + 0.25) / 3)


def test_supervised_contrastive_averages_over_the_positives_of_an_anchor() -> None:
    anchors = torch.tensor([[1.0, 0.0]])
    candidates = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    total = math.e**2 + 1 + math.e**-2  # similarities 1, 0, -1 over a temperature of .5
    expected = -((2 - math.log(total)) + (0 - math.log(total))) / 2
    loss = supervised_contrastive(
        anchors, candidates, torch.tensor([3]), candidate_labels=torch.tensor([3, 3, 1]), temperature=0.5
    )
    assert float(loss) == pytest.approx(expected)


def test_an_anchor_without_positives_counts_nothing() -> None:
    anchors, candidates = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    one = supervised_contrastive(
        anchors[:1], candidates, torch.tensor([0]), candidate_labels=torch.tensor([0, 1]), temperature=1.0
    )
    both = supervised_contrastive(
        anchors, candidates, torch.tensor([0, 4]), candidate_labels=torch.tensor([0, 1]), temperature=1.0
    )
    assert float(both) == pytest.approx(float(one))
    assert (
        float(
            supervised_contrastive(
                anchors, candidates, torch.tensor([3, 4]), candidate_labels=torch.tensor([0, 1]), temperature=1.0
            )
        )
        == 0
    )
