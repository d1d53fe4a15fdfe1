"""How sure to be of a clip's emotion in a collection that was not learnt from.

    python benchmarks/told_emotions.py ../shared [--out page.md]

`predicted`, as the model `emomv` has it, of one EmoMV collection tells the emotion of all clips of the other: as sure
as it was fitted, as sure as held-out sources of its own collection allow (what it does), and by how common emotions are
alone. No score knows of it: vectors are compared to the bit.
"""

import sys

import measuring

# isort: split
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.encoders.predicted import PredictedEncoder
from recommender.types import Array
from training.datasets.collections import gather
from training.datasets.emomv import load_emomv
from training.evaluation.intervals import Interval, bootstrap
from training.learning.markdown import table
from training.measures import POINTWISE
from training.retrieval.own_clips import move
from training.systems.mixture import READING
from training.systems.predicted import PredictedMusic
from training.types import EMOTIONS, Corpus, Dataset

TOLD = "as sure as held-out sources allow"
PLAIN = "as sure as it was fitted"
ALONE = "how common emotions are, alone"
MOVED = "as sure as held-out sources allow, moved to all clips"


def say(encoder: PredictedEncoder, corpus: Corpus) -> dict[str, Array]:
    """Probabilities [n, 5] of the clips, by how sure."""
    plain = PredictedEncoder({**encoder.settings, "video_sureness": 1.0}, encoder.tensors)
    if not np.array_equal(plain("video", corpus.video), encoder("video", corpus.video)):
        sys.exit("how sure to be has moved the vectors: it must not")
    prior = np.exp(encoder.tensors["log_prior"]) + np.zeros((len(corpus), 1))
    moved = move(encoder, corpus.video.mean(axis=0, dtype=np.float64), "predicted")
    told = (np.asarray(one.emotions("video", corpus.video)) for one in (plain, encoder, moved))
    return dict(zip((PLAIN, TOLD, MOVED, ALONE), (*told, prior), strict=True))


def transfer(data: Dataset, left: int) -> tuple[float, dict[str, Array]]:
    """The factor, and what is said of the collection that was left out."""
    every = data.pairs["train"]
    encoder = PredictedMusic(config=READING).encoder(every.take(every.collection != left), None)
    return float(encoder.settings["video_sureness"]), say(encoder, data.collections[left].corpus)


def shown(interval: Interval, digits: int, sign: str = "") -> str:
    """An estimate and its interval."""
    return "{:{s}.{d}f} [{:{s}.{d}f}, {:{s}.{d}f}]".format(*interval[:3], s=sign, d=digits)


class Judged(NamedTuple):
    """Of the clips of both tests: percent right, how probable the told emotion was said to be, and -ln of the
    probability of the true one."""

    right: Array
    said: Array
    surprise: Array


def judge(name: str, said: list[dict[str, Array]], emotion: Array) -> Judged:
    """What one way of telling comes to."""
    found = np.concatenate([one[name] for one in said])
    right = 100.0 * (found.argmax(axis=1) == emotion)
    return Judged(right, found.max(axis=1), -np.log(found[np.arange(len(emotion)), emotion]))


def gains(new: Judged, old: Judged, group: Array) -> list[str]:
    """What is right more often, and the surprise that is saved."""
    right, surprise = (bootstrap(getattr(new, m) - getattr(old, m), groups=group) for m in ("right", "surprise"))
    return [shown(right, 1, "+"), shown(surprise, 2, "+")]


def row(name: str, one: Judged, emotion: Array, *, group: Array) -> list[str]:
    """Both collections together."""
    balanced = np.mean([one.right[emotion == e].mean() for e in range(len(EMOTIONS))])
    cells = [shown(bootstrap(one.right, groups=group), 1), f"{balanced:.1f}", f"{100 * one.said.mean():.1f}"]
    ece = POINTWISE["ECE"].of(one.right > 0, one.said)
    return [name, *cells, f"{ece:.3f}", shown(bootstrap(one.surprise, groups=group), 2)]


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    args = options.parse_args()
    folder = args.shared / "data" / "emomv"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: nothing to measure")
    data = gather([load_emomv(folder, name) for name in ("emomv-b", "emomv-c")])
    factors, said = zip(*(transfer(data, left) for left in range(2)), strict=True)
    corpora = [one.corpus for one in data.collections]
    emotion = np.concatenate([one.emotion for one in corpora])
    group = np.concatenate([corpora[0].source, corpora[1].source + corpora[0].source.max() + 1])
    ways = {name: judge(name, list(said), emotion) for name in said[0]}
    lines = []
    for name, one in ways.items():
        change = ["-", "-"] if name == PLAIN else gains(one, ways[PLAIN], group)
        lines.append(row(name, one, emotion, group=group) + change)
    over = " points, surprise ".join(gains(ways[TOLD], ways[ALONE], group))
    head = ("", "right, %", "balanced", "said, %", "ECE", "surprise, nats", "right gained", "surprise gained")
    count = sum(map(len, corpora))
    text = (
        f"## What is told of a clip\n\n`predicted` as in `emomv`, {count} clips of both tests; factors of the evidence "
        f"{factors[0]:.2f} (C to B) and {factors[1]:.2f} (B to C). *Said*: the mean probability of the emotion that is "
        "told. *Surprise*: -ln of the probability of the true one, 1.61 by chance.\n\n"
    )
    last = f"\n\nAs sure as held-out sources allow, over how common emotions are alone: right {over}.\n"
    measuring.publish(text + table(head, lines) + last, args.out)


if __name__ == "__main__":
    main()
