"""Compact bilinear pooling: the outer product of two vectors in few dimensions, by count sketches and an FFT.

Pham & Pagh, "Fast and scalable polynomial kernels via explicit feature maps" (KDD 2013), section 3: the circular
convolution of the count sketches of x and y is a count sketch of their outer product, so that inner products of
pooled vectors are unbiased estimates of <x, x'> <y, y'>. Fukui et al., "Multimodal compact bilinear pooling" (EMNLP
2016), use it to fuse two modalities.
"""

import torch
from torch import Tensor, nn


class CountSketch(nn.Module):
    """Count sketch of [..., d_in] as [..., d_out]: every input goes to one random bin with a random sign."""

    matrix: Tensor

    def __init__(self, d_in: int, d_out: int, generator: torch.Generator) -> None:
        super().__init__()
        bins = torch.randint(d_out, (d_in,), generator=generator)
        signs = torch.randint(2, (d_in,), generator=generator) * 2.0 - 1.0
        matrix = torch.zeros(d_in, d_out)
        matrix[torch.arange(d_in), bins] = signs
        # A dense matrix: at 64 x 32 a product is faster than scattering, and travels with the weights.
        self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix


class CompactBilinear(nn.Module):
    """Pooled vectors [..., d_out] of x [..., d_x] and y [..., d_y]; the random projections are drawn from `seed`."""

    def __init__(self, d_x: int, d_y: int, d_out: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.d_out = d_out
        self.sketch_x = CountSketch(d_x, d_out, generator)
        self.sketch_y = CountSketch(d_y, d_out, generator)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        product = torch.fft.rfft(self.sketch_x(x)) * torch.fft.rfft(self.sketch_y(y))
        return torch.fft.irfft(product, n=self.d_out)
