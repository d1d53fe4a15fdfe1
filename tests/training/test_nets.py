"""Compact bilinear pooling is the tensor sketch it says; the networks have the published shapes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from training.nets.emomv import BaselineStream, EmotionBranch, MatchingHead, ProjectionHead, Stream, euclidean  # noqa: E402
from training.nets.pooling import CompactBilinear, CountSketch  # noqa: E402


def test_a_count_sketch_sends_every_input_to_one_bin_with_a_sign() -> None:
    matrix = CountSketch(50, 8, torch.Generator().manual_seed(0)).matrix
    assert torch.equal((matrix != 0).sum(dim=1), torch.ones(50, dtype=torch.int64))
    assert set(matrix.unique().tolist()) == {-1.0, 0.0, 1.0}


def test_pooling_is_the_circular_convolution_of_the_sketches() -> None:
    pooling = CompactBilinear(5, 6, 4, seed=1)
    x, y = torch.randn(5, generator=torch.Generator().manual_seed(2)), torch.arange(6.0)
    a, b = pooling.sketch_x(x), pooling.sketch_y(y)
    expected = [sum(float(a[i] * b[(k - i) % 4]) for i in range(4)) for k in range(4)]
    np.testing.assert_allclose(pooling(x, y).numpy(), expected, atol=1e-5)


def test_pooling_is_the_count_sketch_of_the_outer_product() -> None:
    pooling = CompactBilinear(3, 4, 8, seed=5)
    x, y = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([3.0, 1.0, -1.0, 2.0])
    expected = np.zeros(8)
    for i in range(3):
        for j in range(4):
            row, column = pooling.sketch_x.matrix[i], pooling.sketch_y.matrix[j]
            place = (int(row.abs().argmax()) + int(column.abs().argmax())) % 8
            expected[place] += float(row.sum() * column.sum() * x[i] * y[j])
    np.testing.assert_allclose(pooling(x, y).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("odd", [15, 16])
def test_expected_inner_product_is_the_product_of_inner_products(odd: int) -> None:
    x, u, y, v = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    draws = []
    for seed in range(3000):
        pooling = CompactBilinear(6, 6, odd, seed)
        draws.append(float(pooling(x, y) @ pooling(u, v)))
    truth = float((x @ u) * (y @ v))
    standard_error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - truth) < 4 * standard_error
    assert standard_error < 0.1 * float(x.norm() * u.norm() * y.norm() * v.norm())


def test_embeddings_have_unit_length_and_the_seed_fixes_the_sketch() -> None:
    stream = Stream(10, 64, 0.5, layer_norm=True).eval()
    projection = stream(torch.randn(7, 10))
    np.testing.assert_allclose(projection.embedding.norm(dim=1).detach().numpy(), 1, atol=1e-5)
    assert projection.reduced.shape == (7, 64)
    assert MatchingHead(64, 32, 32, 0)(projection.embedding, projection.embedding).shape == (7, 2)
    same, other = CompactBilinear(9, 9, 4, 1), CompactBilinear(9, 9, 4, 2)
    assert torch.equal(same.sketch_x.matrix, CompactBilinear(9, 9, 4, 1).sketch_x.matrix)
    assert not torch.equal(same.sketch_x.matrix, other.sketch_x.matrix)


def test_the_head_adds_the_first_layer_before_the_last_gelu() -> None:
    head = ProjectionHead(2, 0.0, layer_norm=False).eval()
    with torch.no_grad():
        for layer, weight in ((head.first, torch.eye(2)), (head.second, torch.zeros(2, 2))):
            layer.weight.copy_(weight)
            layer.bias.zero_()
        out = head(torch.tensor([[3.0, 4.0]]))
    # The second layer is 0, so the residual alone goes through GELU: 3 and 4 nearly unchanged, then length 1.
    np.testing.assert_allclose(out.numpy(), [[0.598, 0.801]], atol=2e-3)


def test_the_emotion_branch_reads_what_it_is_told_to() -> None:
    stream = Stream(4, 8, 0.0, layer_norm=False).eval()
    projection = stream(torch.randn(3, 4))
    branch = EmotionBranch(8, from_embedding=False)
    other = EmotionBranch(8, from_embedding=True)
    other.load_state_dict(branch.state_dict())
    assert branch(projection).shape == (3, 5)
    assert not torch.allclose(branch(projection), other(projection))


def test_the_baseline_has_unit_embeddings_and_a_distance_with_a_gradient_at_zero() -> None:
    stream = BaselineStream(6, 8, 0.0)
    np.testing.assert_allclose(stream(torch.randn(5, 6)).embedding.norm(dim=1).detach().numpy(), 1, atol=1e-5)
    a = torch.tensor([[3.0, 4.0], [1.0, 1.0]], requires_grad=True)
    distance = euclidean(a, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    distance.sum().backward()
    np.testing.assert_allclose(distance.detach().numpy(), [5, 0], atol=1e-5)
    assert torch.isfinite(a.grad).all()
