"""VGGish and SlowFast against golden examples and independent implementations, with random weights."""

import sys
import types
import wave
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.extractors.audio import logmel  # noqa: E402
from recommender.extractors.networks.slowfast import (  # noqa: E402
    DIM,
    R50_4X16,
    R50_8X8,
    R101_8X8,
    SlowFast,
    SlowFastConfig,
    own_names,
)
from recommender.extractors.networks.vggish import VGGish  # noqa: E402

LAYOUTS = {
    "facebook_SLOWFAST_4x16_R50": R50_4X16,
    "facebook_SLOWFAST_8x8_R50": R50_8X8,
    "facebook_SLOWFAST_8x8_R101_101_101": R101_8X8,
    "pytorchvideo_slowfast_r50": R50_8X8,
    "pytorchvideo_slowfast_r101": R101_8X8,
}


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> dict[str, np.ndarray]:
    with np.load(shared_data / "frontends" / "vggish_logmel_golden.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def spoken(shared_data: Path) -> np.ndarray:
    with wave.open(str(shared_data / "frontends" / "vggish_test.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768


def test_log_mel_equals_the_published_examples(golden: dict[str, np.ndarray], spoken: np.ndarray) -> None:
    sounds = {
        "test_wav": spoken,
        "noise_seed0": np.random.RandomState(0).randn(32000) * 0.1,  # as published
        "sine": np.sin(2 * np.pi * 1000 * np.arange(48000) / logmel.SR_HZ),
    }
    for name, samples in sounds.items():
        found = np.array(list(logmel.patches([samples])))
        assert found.shape == golden[name].shape
        np.testing.assert_allclose(found, golden[name], atol=1e-4, err_msg=name)
    np.testing.assert_allclose(logmel.mel_weights(), golden["mel_matrix"], atol=1e-6)


def test_patches_do_not_depend_on_how_the_stream_is_cut() -> None:
    samples = np.random.default_rng(0).normal(size=50_000).astype(np.float32)
    whole = list(logmel.patches([samples]))
    pieces = list(logmel.patches(np.array_split(samples, [1, 300, 301, 20_000, 20_001])))
    assert len(whole) == len(pieces) == 1 + (50_000 - logmel.NEEDED) // logmel.PATCH
    np.testing.assert_array_equal(whole, pieces)
    assert list(logmel.patches([samples[: logmel.NEEDED - 1]])) == []
    assert len(list(logmel.patches([samples[: logmel.NEEDED]]))) == 1


def plain_vggish(state: dict[str, np.ndarray], patches: np.ndarray) -> np.ndarray:
    """VGGish written out in float64 numpy from the names of the published checkpoint."""
    x = patches[..., None].astype(np.float64)  # n, time, frequency, channel
    for layer, pooled in ((0, True), (3, True), (6, False), (8, True), (11, False), (13, True)):
        weight, bias = state[f"features.{layer}.weight"], state[f"features.{layer}.bias"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        under = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        x = np.maximum(np.einsum("nhwcij,ocij->nhwo", under, weight, optimize=True) + bias, 0)
        if pooled:
            n, h, w, c = x.shape
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
    x = x.reshape(len(x), -1)
    for layer in (0, 2, 4):
        x = np.maximum(x @ state[f"embeddings.{layer}.weight"].T + state[f"embeddings.{layer}.bias"], 0)
    return x


def test_vggish_equals_numpy(golden: dict[str, np.ndarray]) -> None:
    torch.manual_seed(0)
    net = VGGish().eval()
    names = [f"features.{i}" for i in (0, 3, 6, 8, 11, 13)] + [f"embeddings.{i}" for i in (0, 2, 4)]
    assert list(net.state_dict()) == [f"{n}.{part}" for n in names for part in ("weight", "bias")]
    with torch.no_grad():
        found = net(torch.as_tensor(golden["test_wav"][:2])).numpy()
    by_hand = plain_vggish({k: v.numpy() for k, v in net.state_dict().items()}, golden["test_wav"][:2])
    assert by_hand.shape == (2, 128)
    assert (by_hand > 0).mean() > 0.2
    np.testing.assert_allclose(found, by_hand, atol=1e-5 * np.abs(by_hand).max())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_published_state_dicts_load_without_a_key_left(layout: str, shared_data: Path) -> None:
    listed = (shared_data / "frontends" / "slowfast" / f"{layout}.keys.tsv").read_text().splitlines()
    state = {}
    for line in listed:
        name, shape, dtype = line.split("\t")
        sizes = [int(n) for n in shape.strip("()").split(",") if n]
        state[name] = torch.empty(sizes, dtype=getattr(torch, dtype), device="meta")
    with torch.device("meta"):
        net = SlowFast(LAYOUTS[layout])
    renamed = own_names(state)
    assert len(renamed) == len(state) - 2  # the classifier's weight and bias
    net.load_state_dict(renamed, assign=True)
    del state[
        "s1.pathway0_stem.conv.weight"
        if layout.startswith("facebook")
        else "blocks.0.multipathway_blocks.0.conv.weight"
    ]
    with pytest.raises(RuntimeError, match=r"stem\.0\.conv\.weight"):
        net.load_state_dict(own_names(state | {"blocks.9.strange": torch.empty(1)}), assign=True)


def randomised(net: torch.nn.Module) -> torch.nn.Module:
    """`net` with running statistics and scales that are not those of a new network."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            for tensor in (module.weight.data, module.running_var):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            for tensor in (module.bias.data, module.running_mean):
                tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
    return net.eval()


@pytest.fixture(scope="module")
def pytorchvideo_slowfast():
    """pytorchvideo's constructor; it imports torchvision for detection alone, which a stand-in satisfies."""
    stand_in = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
    stand_in[1].RoIAlign = torch.nn.Module
    with pytest.MonkeyPatch.context() as patch:
        for module in stand_in:
            patch.setitem(sys.modules, module.__name__, module)
        return pytest.importorskip(
            "pytorchvideo.models.slowfast", reason="pytorchvideo is not installed"
        ).create_slowfast


@pytest.mark.parametrize(("depth", "config"), [(50, R50_8X8), (101, R101_8X8)])
def test_slowfast_equals_pytorchvideo(depth: int, config: SlowFastConfig, pytorchvideo_slowfast) -> None:
    torch.manual_seed(0)
    fusion = {"slowfast_fusion_conv_kernel_size": (config.fusion_frames, 1, 1)}
    # the last block is dropout, classifier and averaging: features are what comes before
    other = randomised(
        pytorchvideo_slowfast(model_depth=depth, head_pool_kernel_sizes=((8, 2, 2), (32, 2, 2)), **fusion)
    )
    own = SlowFast(config)
    own.load_state_dict(own_names(other.state_dict()))
    own.eval()
    fast = torch.randn(1, 3, 32, 64, 64)
    slow = fast[:, :, :: config.alpha].contiguous()
    with torch.no_grad():
        x = [slow, fast]
        for block in other.blocks[:-1]:
            x = block(x)
        expected = x.mean(dim=(2, 3, 4)) if torch.is_tensor(x) else torch.cat([y.mean(dim=(2, 3, 4)) for y in x], 1)
        found = own(slow, fast)
        folded = own.fold()(slow, fast)
    assert found.shape == (1, DIM)
    assert float(expected.std()) > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    torch.testing.assert_close(folded, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
