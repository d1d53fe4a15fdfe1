"""VGGish: 0.96 s of sound as 128 numbers (Hershey et al. 2017), named as the published torch checkpoint names it.

Six 3 x 3 convolutions in four blocks, each halving time and frequency, and three linear layers, ReLU after every
one: the raw embedding that EmoMV uses, without the release's PCA and quantisation. Input: `features.logmel`.
"""

import torch
from torch import Tensor, nn

DIM = 128
CHANNELS: tuple[int | None, ...] = (64, None, 128, None, 256, 256, None, 512, 512, None)
"""Output channels of the convolutions; None is a pooling that halves both axes."""
FLAT = 6 * 4 * 512
HIDDEN = 4096


class VGGish(nn.Module):
    """Log-mel patches float32 [n, 96, 64] -> embeddings [n, 128], not negative."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for channels in CHANNELS:
            if channels is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
                before = channels
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(FLAT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIM), nn.ReLU()
        )

    def forward(self, patches: Tensor) -> Tensor:
        maps = self.features(patches[:, None])  # [n, 512, 6, 4]
        # The release was trained with channels last: time, frequency, channel.
        embedded: Tensor = self.embeddings(torch.flatten(maps.permute(0, 2, 3, 1), 1))
        return embedded
