"""What the GPU benchmark counts, by hand and beside the published figures."""

import importlib
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("pretrained_gpu")


def counted(gpu, name: str) -> int:
    return gpu.flops(next(case for case in gpu.CASES if case.name == name))


def test_vggish_by_hand(gpu) -> None:
    # 3 x 3 convolutions over maps that halve: positions x outputs x inputs, then the linear layers
    maps = [(96 * 64, 1, 64), (48 * 32, 64, 128), (24 * 16, 128, 256), (24 * 16, 256, 256)]
    maps += [(12 * 8, 256, 512), (12 * 8, 512, 512)]
    products = sum(9 * size * before * after for size, before, after in maps)
    products += 6 * 4 * 512 * 4096 + 4096 * 4096 + 4096 * 128
    assert counted(gpu, "VGGish") == 2 * products


@pytest.mark.parametrize(("name", "published"), [("SlowFast R50 8x8", 65.71e9), ("SlowFast R101 8x8", 127.2e9)])
def test_slowfast_as_published(gpu, name: str, published: float) -> None:
    """PyTorchVideo's model zoo, which counts a multiplication and an addition as one."""
    assert counted(gpu, name) / 2 == pytest.approx(published, rel=0.02)


def test_timesformer_as_published(gpu) -> None:
    """Bertasius et al. 2021, table 2: 0.59 TFLOPs for three crops, a multiplication and an addition as one."""
    pytest.importorskip("transformers", reason="transformers is not installed (extra `timesformer`)")
    assert counted(gpu, "TimeSformer base") / 2 == pytest.approx(0.59e12 / 3, rel=0.02)
