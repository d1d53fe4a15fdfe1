"""AFCLNet's equations against numbers worked by hand; the parts that serving stores; every switch."""

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from training.nets.afclnet import OURS, PAPER, AFCLNet, ChannelAttention, GateControl, Shape, fuse, max_pool  # noqa: E402

SMALL = Shape(video=16, music=16, affect=5)


def inputs(shape: Shape, n: int = 6, seed: int = 0) -> list:
    generator = torch.Generator().manual_seed(seed)
    sizes = (shape.video, shape.affect, shape.music, shape.affect)
    return [torch.randn(n, size, generator=generator) for size in sizes]


def network(shape: Shape) -> AFCLNet:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return AFCLNet(shape).eval()


def fill(layer, weight, bias=None) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight))
        if layer.bias is not None:
            layer.bias.copy_(torch.as_tensor(0.0 if bias is None else bias))


def test_a_channel_attends_to_the_channels_of_its_head() -> None:
    attention = ChannelAttention(2, 1)
    for layer in (attention.query, attention.key, attention.value, attention.out):
        fill(layer, torch.eye(2))
    # d = 2: the first channel's scores are sqrt(2) ln 2 (1, 0) / sqrt(2) = (ln 2, 0), its weights 2/3 and 1/3;
    # the second channel's query is 0, its weights are even
    out = attention(torch.tensor([[math.sqrt(2) * math.log(2), 0.0]]), torch.tensor([[1.0, 0.0]]))
    np.testing.assert_allclose(out.detach().numpy(), [[2 / 3, 1 / 2]], atol=1e-6)


def test_heads_do_not_see_each_other_and_widths_are_padded() -> None:
    attention = ChannelAttention(4, 2)
    for layer in (attention.query, attention.key, attention.value, attention.out):
        fill(layer, torch.eye(4))
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    changed = torch.tensor([[1.0, 2.0, -7.0, 9.0]])
    first = [attention(y, y)[:, :2].detach() for y in (x, changed)]
    np.testing.assert_allclose(first[0], first[1])
    padded = ChannelAttention(5, 4)
    assert padded.query.weight.shape == (8, 5)
    assert padded(torch.randn(3, 5), torch.randn(3, 5)).shape == (3, 5)


def test_fused_affect_is_the_mean_and_pooling_takes_the_largest_of_three() -> None:
    video, music = torch.tensor([[0.2, 0.8]]), torch.tensor([[0.6, 0.0]])
    f = fuse(video, music)
    np.testing.assert_allclose(f, [[0.4, 0.4]])
    np.testing.assert_allclose(max_pool(torch.tensor([[0.1, 0.9]]), torch.tensor([[0.5, 0.3]]), f), [[0.5, 0.9]])


def test_a_gate_mixes_its_own_and_the_shared_experts() -> None:
    shape = Shape(task_experts=1, shared_experts=1, expert=1, tower=1)
    control = GateControl(1, (1,), shape)
    fill(control.experts, [[1.0], [3.0]])
    fill(control.gates[0], [[0.0], [0.0]])
    fill(control.hidden[0], [[1.0]])
    fill(control.out[0], [[2.0]], [1.0])
    # experts 2 and 6; even gate: 4, tower 2 * 4 + 1; gate (ln 3, 0): 3/4 * 2 + 1/4 * 6 = 3, tower 7
    assert float(control(torch.tensor([[2.0]]))[0].detach()) == pytest.approx(9)
    fill(control.gates[0], [[math.log(3) / 2], [0.0]])
    assert float(control(torch.tensor([[2.0]]))[0].detach()) == pytest.approx(7)


def test_a_task_never_reads_the_other_tasks_experts() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        control = GateControl(3, (1, 5), Shape(task_experts=1, shared_experts=1, expert=8, tower=8))
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    before = [out.detach().clone() for out in control(x)]
    with torch.no_grad():
        control.experts.weight[:8] += 1  # the score's own expert
    after = control(x)
    assert not torch.allclose(before[0], after[0])
    np.testing.assert_allclose(before[1], after[1].detach())


def test_the_skip_reads_the_products_linearly() -> None:
    shape = replace(SMALL, video=2, music=2, affect=2, products=True, skip=True, self_heads=1, mutual_heads=1)
    net = network(shape)
    fill(net.control.out[0], torch.zeros(1, shape.tower))
    fill(net.skip, torch.ones(1, 4))
    values = [torch.tensor([row]) for row in ([1.0, 2.0], [0.5, 0.5], [3.0, -1.0], [0.2, 0.4])]
    # affect .5 * .2 + .5 * .4, reduced 1 * 3 + 2 * -1
    out = net(*values)
    assert float(out.logit.detach()) == pytest.approx(1.3)
    assert float(out.score.detach()) == pytest.approx(1 / (1 + math.exp(-1.3)))


@pytest.mark.parametrize("shape", [PAPER, replace(SMALL, products=True, skip=True, residual=True)])
def test_the_network_is_its_sides_and_its_head(shape: Shape) -> None:
    net = network(shape)
    video, video_affect, music, music_affect = inputs(shape)
    with torch.no_grad():
        whole = net(video, video_affect, music, music_affect)
        stored = net.music_side(music, music_affect)
        query = net.video_side(video[2:3], video_affect[2:3])
        batched = net.head(query, stored)
        one = net.head(query, stored.take(torch.tensor([4])))
    assert whole.affect.shape == (6, shape.affect)
    assert bool(((whole.score > 0) & (whole.score < 1)).all())
    np.testing.assert_allclose(batched.logit[2], whole.logit[2], atol=1e-5)
    np.testing.assert_allclose(batched.logit[4], one.logit[0], atol=1e-5)


def test_the_paper_has_the_published_sizes() -> None:
    net = network(PAPER)
    assert net.video.attention.query.weight.shape == (80, 80)
    assert net.video.mutual.heads == 4
    assert net.video.project.weight.shape == (16, 80)
    assert net.control.experts.in_features == 80 + 80 + 16
    assert not PAPER.products
    assert OURS.products


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        ({"self_attention": False}, ["attention"]),
        ({"mutual_attention": False}, ["mutual", "project"]),
        ({"self_attention": False, "mutual_attention": False}, ["attention", "mutual", "project"]),
        ({"inputs": "objective"}, ["mutual", "project"]),
        ({"inputs": "perceptual"}, ["attention", "mutual", "project"]),
        ({"auxiliary": False}, ["gates.1", "out.1"]),
        ({"products": False}, ["skip"]),
    ],
)
def test_a_part_that_is_off_has_no_weights(change: dict, absent: list[str]) -> None:
    shape = replace(SMALL, **{"products": True, "skip": True} | change)
    net = network(shape)
    names = [name for name, _ in net.named_parameters()]
    assert not [name for name in names if any(part in name for part in absent)]
    out = net(*inputs(shape))
    assert out.logit.shape == (6,)
    assert (out.affect is None) == (not shape.auxiliary)


@pytest.mark.parametrize(("kind", "unread"), [("perceptual", (0, 2)), ("objective", (1, 3))])
def test_one_kind_of_input_alone_is_read(kind: str, unread: tuple[int, int]) -> None:
    shape = replace(SMALL, inputs=kind, products=True)
    net, values = network(shape), inputs(shape)
    before = net(*values).logit
    for i in unread:
        values[i] = values[i] + 5
    np.testing.assert_allclose(net(*values).logit.detach(), before.detach())


def test_without_attention_the_sides_are_what_came_in() -> None:
    shape = replace(SMALL, self_attention=False, mutual_attention=False)
    video, affect, *_ = inputs(shape)
    side = network(shape).video_side(video, affect)
    assert torch.equal(side.attended, video)
    assert torch.equal(side.guided, affect)


def test_modalities_of_different_size_are_not_multiplied() -> None:
    shape = replace(SMALL, music=24, products=True, skip=True)
    assert network(shape)(*inputs(shape)).logit.shape == (6,)
    assert network(shape).skip.in_features == shape.affect
