"""CPU cost of AFCLNet's head with the music side stored, beside the whole network in torch, in the same run.

    pip install '.[train]'
    python benchmarks/rerank_speed.py [--clip clip.mp4] [--out docs/results/rerank_speed.md]

CPU time (`time.process_time`), one thread, the least of three runs. The network is our recipe with random weights, as
many members as the recipe has. Peer: idiomatic torch (`model.eval()`, `inference_mode`), the whole network on
batches of pairs of one video and many pieces of music, reduced vectors and affect given. Ours: the numpy head on the
same pairs, video side computed once, music sides stored. Both give the same scores (checked). With `--clip`, rescoring
is also compared with decoding and measuring that clip.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import measuring  # first of all, so that numpy finds one thread
import numpy as np
import torch

from recommender.model import Model
from training.nets.afclnet import AFCLNet
from training.systems.afclnet.export import reranker
from training.systems.afclnet.system import OURS, FittedAFCLNet

CANDIDATES = 200
SECTION = 3
"""Windows of a section for a clip of 15 to 20 s."""
BATCHES = 50
DIM = {"video": 2304, "music": 128}


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--clip", type=Path, help="a clip to compare with")
    args = options.parse_args()
    text = report(args.clip)
    measuring.publish(text, args.out)


def report(clip: Path | None) -> str:
    """The table in markdown."""
    torch.set_num_threads(1)
    fitted = random_network()
    light, rng = reranker(fitted), np.random.default_rng(0)
    video, music = rng.normal(size=(1, DIM["video"])), rng.normal(size=(CANDIDATES, DIM["music"]))
    eager = whole_network(fitted, video, music)
    query, stored = light.side("video", video), light.side("music", music)
    difference = np.abs(sigmoid(eager()) - sigmoid(light.logits(query, stored))).max()
    whole = measuring.cpu(lambda: [eager() for _ in range(BATCHES)])
    head = measuring.cpu(lambda: [light.logits(query, stored) for _ in range(BATCHES)])
    side = measuring.cpu(lambda: [light.side("music", music) for _ in range(BATCHES)])
    pairs = BATCHES * CANDIDATES
    lines = [
        f"# Rescoring {CANDIDATES} candidates",
        "",
        f"{measuring.environment('numpy', 'torch')}; {light.members} networks averaged, "
        f"reduced size {light.sizes('music')[0]}, affect size {light.sizes('music')[1]}.",
        "",
        "| | pairs per CPU second | this / eager |",
        "|---|---|---|",
        f"| whole network, eager torch | {pairs / whole:,.0f} | |",
        f"| numpy head, music side stored | {pairs / head:,.0f} | {whole / head:.1f} |",
        f"| (music side, once per window when indexing) | {pairs / side:,.0f} | |",
        "",
        f"Largest difference of the scores: {difference:.1e}. Stored per window: {4 * light.width('music')} bytes.",
        "",
    ]
    if clip is not None:
        rows = np.repeat(stored, SECTION, axis=0)
        reranking = measuring.cpu(lambda: light.logits(query, rows))
        model = Model.load()
        analysis = measuring.cpu(lambda: model.analyse(clip, "video"))
        lines += [
            f"Rescoring {CANDIDATES} candidates of {SECTION} windows each costs {100 * reranking / analysis:.2f} % of "
            f"decoding and measuring `{clip.name}` ({model.analyse(clip, 'video').features.duration_s:.1f} s).",
            "",
        ]
    return "\n".join(lines)


def random_network() -> FittedAFCLNet:
    """Our recipe with random weights behind random linear maps; speed does not depend on the numbers."""
    from dataclasses import replace

    from training.systems.afclnet.affect import Affect, Classes
    from training.systems.afclnet.reduction import Affine, LinearReducer
    from training.systems.afclnet.system import IDENTITY
    from training.systems.logistic import Multinomial
    from training.systems.prepare import standardiser

    rng, size = np.random.default_rng(1), OURS.reduction.components
    shape = replace(OURS.shape, video=size, music=size, affect=5)
    maps = [Affine(rng.normal(size=(d, size)) / d**0.5, np.zeros(size)) for d in DIM.values()]
    affect = [
        Classes(
            standardiser(rng.normal(size=(9, d))), Multinomial(rng.normal(size=(d, 5)) / d, np.zeros(5)), np.zeros(5)
        )
        for d in DIM.values()
    ]
    torch.manual_seed(0)
    nets = tuple(AFCLNet(shape).eval() for _ in range(OURS.members))
    return FittedAFCLNet(nets, (1,) * OURS.members, LinearReducer(*maps), Affect(*affect), True, IDENTITY)


def whole_network(fitted: FittedAFCLNet, video: Any, music: Any) -> Callable[[], Any]:
    """The mean logits of one video with every piece of music, all of the network run on every pair."""
    n = len(music)
    inputs = [
        torch.as_tensor(np.repeat(values, n // len(values), axis=0), dtype=torch.float32)
        for values in (
            fitted.reducer.video(video),
            fitted.affect.see("video", video),
            fitted.reducer.music(music),
            fitted.affect.see("music", music),
        )
    ]

    def run() -> Any:
        with torch.inference_mode():
            return torch.stack([net(*inputs).logit for net in fitted.nets]).mean(dim=0).numpy()

    return run


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


if __name__ == "__main__":
    main()
