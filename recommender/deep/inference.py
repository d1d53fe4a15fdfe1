"""A network ready to measure many files: evaluation mode, the device at hand, half the bits where that is faster."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from recommender.checkpoints import load
from recommender.nets.slowfast import SlowFast
from recommender.types import Array

Network = Callable[..., Array]
"""float32 [n, d] of inputs float32 [n, ...]: a `Ready` network, or whatever stands for one."""

_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""What convolutions over pictures and over moving pictures read fastest, by the number of axes."""


@cache
def device() -> torch.device:
    """The first GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def precision() -> torch.dtype:
    """bfloat16 where the hardware multiplies it natively, else float32: emulated it is slower than that."""
    if device().type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else torch.float32


class Ready:
    """A network for inference on rows; `dtype` None takes the fastest."""

    def __init__(self, network: nn.Module, dtype: torch.dtype | None = None) -> None:
        self.dtype = precision() if dtype is None else dtype
        self.network = network.eval().to(device(), self.dtype)
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
            parameter.data = self._placed(parameter.data)

    @torch.inference_mode()
    def __call__(self, *inputs: Array) -> Array:
        """float32 [n, d] of inputs float32 [n, ...]."""
        found: Tensor = self.network(*(self._placed(torch.from_numpy(x)) for x in inputs))
        rows: Array = found.float().cpu().numpy()
        return rows

    def _placed(self, x: Tensor) -> Tensor:
        moved = x.to(device(), self.dtype)
        return moved.contiguous(memory_format=_LAST.get(x.ndim, torch.contiguous_format))


@cache
def published(name: str) -> Ready:
    """The network of a published checkpoint, ready; raises ModelError when it was never fetched."""
    network = load(name)
    return Ready(network.fold() if isinstance(network, SlowFast) else network)


def batches(rows: Iterable[Array], size: int) -> Iterator[Array]:
    """The rows, stacked, at most `size` at a time."""
    waiting = iter(rows)
    while batch := list(islice(waiting, size)):
        yield np.stack(batch)
