"""The branches of deep canonical correlation analysis (Andrew et al. 2013) in the sizes of AFCLNet's section 3.2."""

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn


class Outputs(NamedTuple):
    """Projections of n pairs: video and music [n, k]."""

    video: Tensor
    music: Tensor


class Branch(nn.Sequential):
    """One modality: features [n, d_in] -> [n, d_out] through hidden layers of Linear, ReLU and batch normalisation.

    The paper says "a normalization layer"; over the batch is our reading: the correlation is one over the batch too.
    """

    def __init__(self, d_in: int, d_out: int, hidden: int, layers: int) -> None:
        widths = [d_in] + [hidden] * layers
        body: list[nn.Module] = []
        for before, after in pairwise(widths):
            body += [nn.Linear(before, after), nn.ReLU(), nn.BatchNorm1d(after)]
        super().__init__(*body, nn.Linear(widths[-1], d_out))

    @torch.no_grad()
    def project(self, directions: Tensor, mean: Tensor) -> None:
        """From now on (output - `mean` [d_out]) `directions` [d_out, d_out] comes out: folded into the last layer."""
        last = cast(nn.Linear, self[-1])
        last.bias.copy_((last.bias.double() - mean) @ directions)
        last.weight.copy_(directions.T @ last.weight.double())


class DCCANet(nn.Module):
    """Two parallel branches of equal shape, one per modality."""

    def __init__(self, d_video: int, d_music: int, d_out: int = 40, hidden: int = 1024, layers: int = 3) -> None:
        super().__init__()
        self.video = Branch(d_video, d_out, hidden, layers)
        self.music = Branch(d_music, d_out, hidden, layers)

    def forward(self, video: Tensor, music: Tensor) -> Outputs:
        return Outputs(self.video(video), self.music(music))
