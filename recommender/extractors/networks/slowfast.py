"""SlowFast networks (Feichtenhofer et al. 2019, "SlowFast networks for video recognition") without their classifier.

Two residual networks see the same two seconds: the slow one a few frames with many channels, the fast one `alpha`
times as many with an eighth of the channels. After the stem and after each of the first three stages the fast maps are
strided in time by a convolution and joined to the slow ones. What both end in, averaged over time and picture, is
2048 + 256 numbers: the features that EmoMV publishes.

`own_names` reads both published namings, of facebookresearch/SlowFast and of pytorchvideo.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

DIM = 2304
WIDTHS = (64, 128, 256, 512)
"""Inner channels of the four stages of the slow network; a stage gives four times as many."""
THIN = 8
"""The fast network has so many times fewer channels."""
SLOW_TIME = (1, 1, 3, 3)
"""Frames that the first convolution of a block spans, per stage of the slow network; 3 throughout in the fast one."""


@dataclass(frozen=True)
class SlowFastConfig:
    """Depth and joining of a published network."""

    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    alpha: int = 4  # frames of the fast network per frame of the slow one
    fusion_frames: int = 7  # that the joining convolution spans


R50_8X8 = SlowFastConfig()
R50_4X16 = SlowFastConfig(alpha=8, fusion_frames=5)
R101_8X8 = SlowFastConfig((3, 4, 23, 3), fusion_frames=5)


class ConvNorm(nn.Module):
    """A convolution without bias and batch normalisation, padded to keep sizes but for the stride."""

    def __init__(self, d_in: int, d_out: int, kernel: tuple[int, int, int], *, stride: tuple[int, int, int]) -> None:
        super().__init__()
        frames, rows, columns = (k // 2 for k in kernel)
        self.conv = nn.Conv3d(d_in, d_out, kernel, stride, (frames, rows, columns), bias=False)
        self.norm: nn.Module = nn.BatchNorm3d(d_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))

    def fold(self) -> None:
        """Put the normalisation into the convolution, for inference only."""
        if isinstance(self.norm, nn.BatchNorm3d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Bottleneck(nn.Module):
    """A residual block: over time, over the picture with the stride, back to four times the width."""

    def __init__(self, d_in: int, width: int, frames: int, *, stride: int) -> None:
        super().__init__()
        d_out, over = 4 * width, (1, stride, stride)
        self.a = ConvNorm(d_in, width, (frames, 1, 1), stride=(1, 1, 1))
        self.b = ConvNorm(width, width, (1, 3, 3), stride=over)
        self.c = ConvNorm(width, d_out, (1, 1, 1), stride=(1, 1, 1))
        self.shortcut: nn.Module = nn.Identity()
        if d_in != d_out or stride != 1:
            self.shortcut = ConvNorm(d_in, d_out, (1, 1, 1), stride=over)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.b(self.a(x).relu_()).relu_()
        out: Tensor = self.c(inner)
        return out.add_(self.shortcut(x)).relu_()


class SlowFast(nn.Module):
    """slow [n, 3, t / alpha, h, w] and fast [n, 3, t, h, w] frames -> features [n, 2304]."""

    def __init__(self, config: SlowFastConfig = R50_8X8) -> None:
        super().__init__()
        self.config = config
        stem = (1, 2, 2)
        stems = (ConvNorm(3, width, (frames, 7, 7), stride=stem) for width, frames in ((64, 1), (64 // THIN, 5)))
        self.stem = nn.ModuleList(stems)
        self.pool = nn.MaxPool3d((1, 3, 3), stem, (0, 1, 1))
        self.stages, self.joins = nn.ModuleList(), nn.ModuleList()
        given = 64
        for stage, (width, blocks) in enumerate(zip(WIDTHS, config.blocks, strict=True)):
            fast = given // THIN
            self.joins.append(ConvNorm(fast, 2 * fast, (config.fusion_frames, 1, 1), stride=(config.alpha, 1, 1)))
            stride = 1 if stage == 0 else 2
            slow_stage = _stage(given + 2 * fast, width, blocks, SLOW_TIME[stage], stride)
            self.stages.append(nn.ModuleList((slow_stage, _stage(fast, width // THIN, blocks, 3, stride))))
            given = 4 * width

    def forward(self, slow: Tensor, fast: Tensor) -> Tensor:
        slow, fast = (self.pool(stem(x).relu_()) for stem, x in zip(self.stem, (slow, fast), strict=True))
        for join, stage in zip(self.joins, self.stages, strict=True):
            slow = torch.cat([slow, join(fast).relu_()], dim=1)
            slow, fast = (part(x) for part, x in zip(cast(nn.ModuleList, stage), (slow, fast), strict=True))
        return torch.cat([x.mean(dim=(2, 3, 4)) for x in (slow, fast)], dim=1)

    def fold(self) -> "SlowFast":
        """This network with every normalisation inside its convolution: the same features, for inference only."""
        for module in list(self.eval().modules()):
            if isinstance(module, ConvNorm):
                module.fold()
        return self


def _stage(d_in: int, width: int, blocks: int, frames: int, stride: int) -> nn.Sequential:
    first = Bottleneck(d_in, width, frames, stride=stride)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, frames, stride=1) for _ in range(blocks - 1)))


_CONV_NORM = {"conv": "conv", "bn": "norm", "norm": "norm"}
_RULES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    # facebookresearch/SlowFast: stages from s1, the stem
    (r"s1\.pathway(\d)_stem\.(conv|bn)\.(\w+)", lambda m: f"stem.{m[1]}.{_CONV_NORM[m[2]]}.{m[3]}"),
    (r"s(\d)_fuse\.(conv|bn)(?:_f2s)?\.(\w+)", lambda m: f"joins.{int(m[1]) - 1}.{_CONV_NORM[m[2]]}.{m[3]}"),
    (
        r"s(\d)\.pathway(\d)_res(\d+)\.branch(1|2\.[abc])(_bn)?\.(\w+)",
        lambda m: _block(int(m[1]) - 2, m[2], m[3], m[4], "norm" if m[5] else "conv", m[6]),
    ),
    # pytorchvideo: blocks from 0, the stem
    (r"blocks\.0\.multipathway_blocks\.(\d)\.(conv|norm)\.(\w+)", lambda m: f"stem.{m[1]}.{m[2]}.{m[3]}"),
    (
        r"blocks\.(\d)\.multipathway_fusion\.(conv|norm)(?:_fast_to_slow)?\.(\w+)",
        lambda m: f"joins.{m[1]}.{m[2]}.{m[3]}",
    ),
    (
        r"blocks\.(\d)\.multipathway_blocks\.(\d)\.res_blocks\.(\d+)\.branch1_(conv|norm)\.(\w+)",
        lambda m: _block(int(m[1]) - 1, m[2], m[3], "1", m[4], m[5]),
    ),
    (
        r"blocks\.(\d)\.multipathway_blocks\.(\d)\.res_blocks\.(\d+)\.branch2\.(conv|norm)_([abc])\.(\w+)",
        lambda m: _block(int(m[1]) - 1, m[2], m[3], f"2.{m[5]}", m[4], m[6]),
    ),
)
_CLASSIFIER = re.compile(r"head\.projection\.|blocks\.6\.proj\.")


def own_names(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a published state dict under the names of `SlowFast`, without the classifier's.

    What no rule knows keeps its name, so that loading strictly complains of it.
    """
    return {_own(name): tensor for name, tensor in published.items() if not _CLASSIFIER.match(name)}


def _own(name: str) -> str:
    for pattern, rename in _RULES:
        if found := re.fullmatch(pattern, name):
            return rename(found)
    return name


def _block(stage: int, pathway: str, block: str, branch: str, part: str, rest: str) -> str:
    inner = "shortcut" if branch == "1" else branch.removeprefix("2.")
    return f"stages.{stage}.{pathway}.{block}.{inner}.{part}.{rest}"
