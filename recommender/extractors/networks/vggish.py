"""VGGish: 0.96 s of sound as 128 numbers (Hershey et al. 2017), named as the published torch checkpoint names it.

Six 3 x 3 convolutions in four blocks, each halving time and frequency, and three linear layers, ReLU after every
one: the raw embedding that EmoMV uses, without the release's PCA and quantisation. Input: `audio.logmel`.
"""

import torch
from torch import Tensor, nn

DIM = 128
CONVOLUTIONS = (
    *(("0", 64, True), ("3", 128, True), ("6", 256, False), ("8", 256, True)),
    *(("11", 512, False), ("13", 512, True)),
)
"""Name in the checkpoint, output channels, and whether the maps are halved after it."""
FLAT = 6 * 4 * 512
HIDDEN = 4096


class VGGish(nn.Module):
    """Log-mel patches float32 [n, 96, 64] -> embeddings [n, 128], not negative."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        before = 1
        for name, channels, _ in CONVOLUTIONS:
            self.features[name] = nn.Conv2d(before, channels, 3, padding=1)
            before = channels
        self.embeddings = nn.Sequential(
            nn.Linear(FLAT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIM), nn.ReLU()
        )

    def forward(self, patches: Tensor) -> Tensor:
        x = patches[:, None]
        for name, _, pooled in CONVOLUTIONS:
            x = self.features[name](x)
            # ReLU and the maximum commute: on a quarter of the values it is four times cheaper.
            x = (halve(x) if pooled else x).relu_()
        # The release was trained with channels last: time, frequency, channel.
        return self.embeddings(torch.flatten(x.permute(0, 2, 3, 1), 1))


def halve(x: Tensor) -> Tensor:
    """The largest of every 2 x 2 values, [n, c, h / 2, w / 2]; faster on a processor than a pooling layer."""
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])
