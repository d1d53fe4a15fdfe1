"""What stands before a network of moving pictures: bytes as they were decoded, normalised where the network runs.

(x / 255 - .45) / .225, as SlowFast (facebookresearch/SlowFast, DATA.MEAN and DATA.STD) and TimeSformer were trained.
"""

import torch
from torch import Tensor, nn

from recommender.extractors.networks.slowfast import R50_8X8, SlowFast
from recommender.extractors.networks.timesformer import TimeSformer

MEAN, SD = 0.45, 0.225
FRAMES = 32
SLOW = tuple(torch.linspace(0, FRAMES - 1, FRAMES // R50_8X8.alpha).long().tolist())
"""The frames that the slow network sees, spread from the first to the last as the published code spreads them."""


class Seen(nn.Module):
    """Clips of bytes [n, t, side, side, 3] -> what `network` gives for them, normalised, [n, 3, t, side, side].

    Bytes travel to a GPU four times faster than numbers, and come out of `permute` with channels last.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        normal = clips.float().div_(255).sub_(MEAN).div_(SD)
        return self.network(normal.to(next(self.parameters()).dtype).permute(0, 4, 1, 2, 3))


class TwoSpeeds(nn.Module):
    """Clips [n, 3, 32, side, side] -> what a SlowFast network gives for them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("slow", torch.tensor(SLOW), persistent=False)

    def forward(self, clips: Tensor) -> Tensor:
        chosen = clips.index_select(2, self.get_buffer("slow"))
        return self.network(chosen.contiguous(memory_format=torch.channels_last_3d), clips)


def slowfast(network: nn.Module) -> nn.Module:
    """A SlowFast network for clips of bytes, its normalisations folded into its convolutions."""
    return Seen(TwoSpeeds(network.fold() if isinstance(network, SlowFast) else network))


def timesformer(model: nn.Module) -> nn.Module:
    """A `transformers.TimesformerModel` for clips of bytes."""
    return Seen(TimeSformer(model))
