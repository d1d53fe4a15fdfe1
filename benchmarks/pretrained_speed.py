"""CPU cost of the pretrained networks as this project runs them, beside the same networks in plain fp32 eager torch.

    pip install '.[train,timesformer]'
    python benchmarks/pretrained_speed.py [--out docs/results/pretrained_speed.md]

CPU time (`time.process_time`), one thread, the least of three runs, one process. Peer: idiomatic torch (VGGish as the
published `nn.Sequential`, TimeSformer as transformers runs it), the same weights (random: the cost does not depend on
them), `model.eval()`, `inference_mode`, float32, on inputs that are normalised already.
Ours: `recommender.extractors.pretrained.inference.Ready`, from bytes where the extractor gives bytes. Features are
compared by cosine and by relative error. Together: sounds of a second, each through the network by itself and sharing
batches. Memory: see pretrained_memory.py.
"""

from copy import deepcopy
from typing import Any

import measuring
import numpy as np
import pretrained_memory
import torch
import transformers

from recommender.extractors.audio.logmel import NEEDED
from recommender.extractors.networks import seen
from recommender.extractors.networks.slowfast import R101_8X8, SlowFast
from recommender.extractors.networks.timesformer import TimeSformer
from recommender.extractors.networks.vggish import CONVOLUTIONS, VGGish
from recommender.extractors.pretrained import pictures, sound, spacetime
from recommender.extractors.pretrained.extractor import NetworkExtractor, Reading, embed
from recommender.extractors.pretrained.inference import Ready, device, precision

PATCH_S, SOUNDS = 0.96, 64


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    measuring.publish(report(), args.out)


def report() -> str:
    """The tables in markdown."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    vggish = VGGish().eval()
    heard = rng.normal(size=(sound.EXTRACTOR.cpu, 96, 64)).astype(np.float32)
    model = transformers.TimesformerModel(transformers.TimesformerConfig()).eval()
    rows = [
        compared("VGGish", sequential(vggish), vggish, heard, PATCH_S),
        watched("SlowFast R50 8x8", spread(SlowFast()), pictures.EXTRACTOR, pictures.SAMPLING),
        watched("SlowFast R101 8x8", spread(SlowFast(R101_8X8)), pictures.EXTRACTOR, pictures.SAMPLING),
        watched("TimeSformer base", model, spacetime.EXTRACTOR, spacetime.SAMPLING),
    ]
    return "\n".join(
        [
            "# Features of pretrained networks",
            "",
            f"{measuring.environment('torch', 'transformers', 'numpy')}; {device()}, {precision()}; random weights.",
            "",
            "| network | plain fp32: s of media per CPU s | ours | ours / plain | least cosine | relative error |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            together(Ready(vggish, rows=sound.EXTRACTOR.cpu)),
            "",
            "Resident set of `recommend features extract` over several files in one process:",
            "",
            "| extractor | after the first file | largest during the others | after them |",
            "|---|---|---|---|",
            *pretrained_memory.rows(),
            "",
            "No GPU was at hand: nothing was measured on one: benchmarks/pretrained_gpu.py measures which part",
            "of its bf16 matrix rate each network reaches, whether it repeats bit by bit, how far it is from float32.",
            "",
        ]
    )


def watched(name: str, network: torch.nn.Module, extractor: NetworkExtractor, sampling: Any) -> str:
    """A row of the table for a network of pictures; the peer is given what is normalised already."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, 256, (extractor.cpu, sampling.frames, sampling.side, sampling.side, 3), np.uint8)
    clips = (torch.from_numpy(given).float() / 255 - seen.MEAN) / seen.SD
    clips = clips.permute(0, 4, 1, 2, 3).contiguous()
    plain = deepcopy(network).eval()
    plain = seen.TwoSpeeds(plain) if isinstance(plain, SlowFast) else TimeSformer(plain)
    seconds = sampling.frames * sampling.step_s
    return compared(name, plain, extractor.wrap(network.eval()), given, seconds, clips)


def together(network: Ready) -> str:
    """How much less sounds of a second cost when they share batches, and whether their features differ."""
    rng = np.random.default_rng(0)
    sounds = [rng.normal(size=NEEDED).astype(np.float32) for _ in range(SOUNDS)]

    def readings() -> list[Reading]:
        return [sound.from_blocks([samples]) for samples in sounds]

    def values(rows: int) -> list[Any]:
        return [found.item for found in embed(readings(), network, rows)]

    same = np.array_equal(values(1), values(sound.EXTRACTOR.cpu))
    alone, shared = measuring.cpu(lambda: values(1)), measuring.cpu(lambda: values(sound.EXTRACTOR.cpu))
    return (
        f"{SOUNDS} sounds of a second through VGGish: each alone takes {alone / shared:.1f} times as long as together; "
        f"the features are {'the same, bit by bit' if same else 'not the same bits'}."
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
    name: str,
    peer: torch.nn.Module,
    network: torch.nn.Module,
    given: np.ndarray,
    seconds: float,
    clips: torch.Tensor | None = None,
) -> str:
    """A row of the table; `seconds` of media are in one of the rows `given`, and the peer may take other inputs."""
    plain = torch.from_numpy(given) if clips is None else clips

    def eager() -> Any:
        with torch.inference_mode():
            return peer(plain).numpy()

    expected, theirs = eager(), measuring.cpu(eager)
    ready = Ready(network)
    found, ours = ready(given), measuring.cpu(lambda: ready(given))
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    return (
        f"| {name} | {len(given) * seconds / theirs:.2f} | {len(given) * seconds / ours:.2f} | {theirs / ours:.1f} "
        f"| {cosine.min():.5f} | {error.max():.4f} |"
    )


if __name__ == "__main__":
    main()
