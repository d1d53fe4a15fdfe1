"""CPU cost of VGGish and SlowFast as this project runs them, beside the same networks in plain fp32 eager torch.

    pip install '.[train]'
    python benchmarks/deep_speed.py [--out docs/results/deep_speed.md]

CPU time (`time.process_time`), one thread, the least of three runs, one process. Peer: idiomatic torch (VGGish as the
published `nn.Sequential`), the same weights (random: the cost does not depend on them), `model.eval()`,
`inference_mode`, float32, on the same inputs.
Ours: `recommender.deep.inference.Ready`. Features are compared by cosine and by relative error. Memory: the growth
of the largest resident set between a short and a long stream of sound through the whole extractor.
"""

import resource
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import measuring
import numpy as np
import torch

from recommender.deep import sound
from recommender.deep.inference import Ready, device, precision
from recommender.features.logmel import SR_HZ
from recommender.nets.slowfast import SlowFast
from recommender.nets.vggish import CONVOLUTIONS, VGGish

PATCHES, CLIPS = 32, 2
SHORT_S, LONG_S = 60, 1800
CLIP_S, PATCH_S = 32 / 15, 0.96


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    measuring.publish(report(), args.out)


def report() -> str:
    """The table in markdown."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    heard = [rng.normal(size=(PATCHES, 96, 64)).astype(np.float32)]
    fast = rng.normal(size=(CLIPS, 3, 32, 256, 256)).astype(np.float32)
    seen = [np.ascontiguousarray(fast[:, :, ::4]), fast]
    torch.manual_seed(0)
    vggish, slowfast = VGGish().eval(), spread(SlowFast().eval())
    rows = [
        compared("VGGish", sequential(vggish), vggish, heard, PATCHES * PATCH_S),
        compared("SlowFast R50 8x8", slowfast, deepcopy(slowfast).fold(), seen, CLIPS * CLIP_S),
    ]
    return "\n".join(
        [
            "# Deep features",
            "",
            f"{measuring.environment('torch', 'numpy')}; {device()}, {precision()}; random weights.",
            "",
            "| network | plain fp32: s of media per CPU s | ours | ours / plain | least cosine | relative error |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            memory(),
            "",
        ]
    )


class Flat(torch.nn.Module):
    """The order in which the published checkpoint was trained to see the maps."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1)


def sequential(network: VGGish) -> torch.nn.Module:
    """VGGish as published: layers one after the other."""
    layers: list[torch.nn.Module] = [torch.nn.Unflatten(1, (1, 96))]
    for name, _, pooled in CONVOLUTIONS:
        layers += [deepcopy(network.features[name]), torch.nn.ReLU(), *([torch.nn.MaxPool2d(2, 2)] if pooled else [])]
    return torch.nn.Sequential(*layers, Flat(), deepcopy(network.embeddings))


def spread(network: SlowFast) -> SlowFast:
    """`network` with normalisations that are not the identity."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
    return network


def compared(
    name: str, peer: torch.nn.Module, network: torch.nn.Module, inputs: list[np.ndarray], seconds: float
) -> str:
    """A row of the table."""
    given = [torch.from_numpy(x) for x in inputs]

    def eager() -> Any:
        with torch.inference_mode():
            return peer(*given).numpy()

    ready, expected = Ready(network), eager()
    found = ready(*inputs)
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    theirs, ours = measuring.cpu(eager), measuring.cpu(lambda: ready(*inputs))
    return (
        f"| {name} | {seconds / theirs:.2f} | {seconds / ours:.2f} | {theirs / ours:.1f} | {cosine.min():.5f} "
        f"| {error.max():.4f} |"
    )


def memory() -> str:
    """How the largest resident set grows with the length of what is heard."""
    network = Ready(VGGish())
    sizes = []
    for seconds in (SHORT_S, LONG_S):
        sound.from_blocks(noise(seconds), network)
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return f"Largest resident set after {SHORT_S} s of sound: {sizes[0]:.0f} MB; after {LONG_S} s: {sizes[1]:.0f} MB."


def noise(seconds: int) -> Iterator[np.ndarray]:
    """Blocks of a second."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=SR_HZ).astype(np.float32) for _ in range(seconds))


if __name__ == "__main__":
    main()
