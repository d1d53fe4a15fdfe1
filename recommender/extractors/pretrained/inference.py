"""A network ready to measure many files: evaluation mode, the device at hand, half the bits where that is faster."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from recommender.types import Array

Network = Callable[[Array], Array]
"""float32 [n, d] of inputs [n, ...]: a `Ready` network, or whatever stands for one."""

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
    """A network for inference on rows, float or, of bytes, as they are.

    `dtype` None takes the fastest. Of a network that is given up to `rows` at once, smaller batches are filled up, so
    that what a row gives does not depend on how many others there are: to `rows` on a GPU, whose kernels are chosen by
    the size of a batch, to two on a processor, where a product with a single row is another kernel.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype | None = None, rows: int = 0) -> None:
        self.dtype = precision() if dtype is None else dtype
        self.rows = rows if device().type == "cuda" else min(rows, 2)
        torch.backends.cudnn.deterministic = True  # of the ways to convolve, one that adds in a fixed order
        self.network = network.eval().to(device(), self.dtype)
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
            parameter.data = self._place(parameter.data)

    @torch.inference_mode()
    def __call__(self, inputs: Array) -> Array:
        """float32 [n, d] of inputs uint8 or float32 [n, ...]."""
        found: Tensor = self.network(self._place(torch.from_numpy(pad_rows(inputs, self.rows))))
        return found[: len(inputs)].float().cpu().numpy()

    def _place(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            return x.to(device())
        moved = x.to(device(), self.dtype)
        return moved.contiguous(memory_format=_LAST.get(x.ndim, torch.contiguous_format))


def pad_rows(inputs: Array, rows: int) -> Array:
    """`inputs` [n, ...] with the last one repeated, where they are fewer than `rows`."""
    missing = rows - len(inputs)
    return np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)]) if missing > 0 else inputs


@cache
def load_published(name: str, wrap: Callable[[nn.Module], nn.Module], rows: int) -> Ready:
    """The network of a published checkpoint inside `wrap`, ready; raises ModelError when it was never fetched."""
    from recommender.weights import load

    return Ready(wrap(load(name)), rows=rows)
