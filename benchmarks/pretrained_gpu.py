"""Which part of a GPU's bf16 matrix rate pretrained networks reach, as this project runs them; needs torch.

    PYTHONPATH=. python benchmarks/pretrained_gpu.py [--out docs/results/pretrained_gpu.md]

Matrix rate: 8192 x 8192 products in bfloat16, the best of ten. Networks:
`recommender.extractors.pretrained.inference.Ready` with random weights, inputs already on the device, CUDA events, the
best of five; multiplications and additions are counted by `torch.utils.flop_counter` on the shapes. Then with inputs
from the processor's memory, as files bring them. Features are compared with the same network in float32 (TF32 off).
TimeSformer is left out where transformers is not installed.
"""

import importlib.util
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import NamedTuple

import measuring
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from recommender.extractors.networks import seen
from recommender.extractors.networks.slowfast import R101_8X8, SlowFast
from recommender.extractors.networks.vggish import VGGish
from recommender.extractors.pretrained.inference import Ready

SIZE = 8192


class Case(NamedTuple):
    """A network, what makes it ready, the shape and type of one input, how many go at once, and their seconds each."""

    name: str
    network: Callable[[], torch.nn.Module]
    wrap: Callable[[torch.nn.Module], torch.nn.Module]
    shape: tuple[int, ...]
    dtype: str
    rows: int
    seconds: float


def timesformer() -> torch.nn.Module:
    """As published, with random weights."""
    import transformers

    return transformers.TimesformerModel(transformers.TimesformerConfig())


# Rows as in the extractors of recommender/extractors/pretrained, which need more than torch to be imported.
CASES = [
    Case("VGGish", VGGish, lambda network: network, (96, 64), "float32", 256, 0.96),
    Case("SlowFast R50 8x8", SlowFast, seen.slowfast, (32, 256, 256, 3), "uint8", 16, 32 / 15),
    Case("SlowFast R101 8x8", lambda: SlowFast(R101_8X8), seen.slowfast, (32, 256, 256, 3), "uint8", 16, 32 / 15),
    Case("TimeSformer base", timesformer, seen.timesformer, (8, 224, 224, 3), "uint8", 16, 8 * 17 / 14),
]


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device: nothing to measure")
    measuring.publish(report(), args.out)


def report() -> str:
    """The table in markdown."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    most = matrix_rate()
    here = [case for case in CASES if case.network is not timesformer or importlib.util.find_spec("transformers")]
    return "\n".join(
        [
            "# Features of pretrained networks on a GPU",
            "",
            f"{date.today().isoformat()}, {torch.cuda.get_device_name()}, torch {torch.__version__}; random weights.",
            f"Its bfloat16 matrix rate here: {most / 1e12:.0f} TFLOP/s.",
            "",
            "| network | GFLOP per input | at once | TFLOP/s | of the matrix rate | s of media per s "
            "| from the processor's memory | relative error | same bits again |",
            "|---|---|---|---|---|---|---|---|---|",
            *(row(case, most) for case in here),
            "",
        ]
    )


def row(case: Case, most: float) -> str:
    """A row of the table."""
    network = case.network().eval()
    rng = np.random.default_rng(0)
    count = flops(case)
    shape = (case.rows, *case.shape)
    given = rng.integers(0, 256, shape).astype(np.uint8) if case.dtype == "uint8" else rng.normal(size=shape)
    given = given.astype(case.dtype)
    exact = Ready(case.wrap(deepcopy(network)), torch.float32)(given)
    ready = Ready(case.wrap(network), rows=case.rows)
    found = ready(given)
    same = np.array_equal(found, ready(given)) and np.array_equal(ready(given[:3]), found[:3])
    error = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
    placed = torch.from_numpy(given).cuda()
    placed = placed.to(ready.dtype) if placed.is_floating_point() else placed
    with torch.inference_mode():
        inside_s = seconds(lambda: ready.network(placed), 5)
    whole_s = seconds(lambda: ready(given), 5)
    rate = count * case.rows / inside_s
    media_s = case.rows * case.seconds
    return (
        f"| {case.name} | {count / 1e9:.1f} | {case.rows} | {rate / 1e12:.1f} | {rate / most:.2f} "
        f"| {media_s / inside_s:.0f} | {media_s / whole_s:.0f} | {error.max():.4f} | {'yes' if same else 'no'} |"
    )


def flops(case: Case) -> int:
    """Multiplications and additions for one input, of shapes alone."""
    with torch.device("meta"):
        network = case.wrap(case.network().eval())
        given = torch.zeros(1, *case.shape, dtype=getattr(torch, case.dtype))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(given)
    return counter.get_total_flops()


def matrix_rate() -> float:
    """Multiplications and additions per second of square products in bfloat16."""
    a, b = (torch.randn(SIZE, SIZE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return 2 * SIZE**3 / seconds(lambda: a @ b, 10)


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The least seconds on the device of `repeats` calls, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return min(times)


if __name__ == "__main__":
    main()
