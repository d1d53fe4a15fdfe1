"""`recommend train tagger`: three models fitted on a data set's labelled segments, saved with measured figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from recommender.types import Array
from training.learning.model_folder import files_of, report_of, writable, write
from training.learning.versions import environment
from training.tagger.card import card
from training.tagger.figures import KINDS, figures, summary
from training.tagger.labelled import Labelled, parts, training_segments
from training.tagger.model import Needs, Tagger, fit, load, manifest_of
from training.tagger.network import TaggerConfig
from training.types import Dataset, Tick

FOLDS = 5


def train_tagger(
    dataset: Dataset,
    out: Path,
    command: str,
    *,
    name: str | None = None,
    seed: int = 0,
    seeds: Sequence[int] = (0, 1, 2),
    config: TaggerConfig | None = None,
    tick: Tick = lambda *_: None,
) -> Tagger:
    """The tagger that was fitted on all segments of the training pairs and written to `out`, with figures in its card.

    The figures are those of grouped cross-validation within train; nothing else of the data set is looked at. Raises
    InputError when a modality's features are not there, there are fewer sources than folds, or `out` cannot be written.
    """
    writable(out)
    config = config or TaggerConfig()
    data, needs = training_segments(dataset), dataset.features
    tick("fitting the tagger", 0, 1)
    tagger = fit(data, needs, config, seed=seed)
    found = []
    for turn, one in enumerate(seeds):

        def say(done: int, before: int = turn * FOLDS) -> None:
            tick("cross-validation", before + done, FOLDS * len(seeds))

        found.append(figures(cross_fit(data, needs, config, seed=one, tick=say), data.emotion))
    trained_on = {
        "dataset": dataset.name,
        "revision": dataset.revision,
        "part": "train",
        "segments": len(data),
        "sources": len(np.unique(data.source)),
        "emotions": {n: int((data.emotion == at).sum()) for at, n in enumerate(data.names)},
        "seed": seed,
    }
    manifest, weights = manifest_of(tagger, name or out.resolve().name, trained_on)
    facts = report_of(manifest, command, config, packages=environment(("torch", "numpy", "scipy"))) | {
        "seeds": list(seeds),
        "folds": FOLDS,
        "cross-validation": summary(found),
    }
    write(out, files_of(manifest, weights, facts, card=card(facts, dataset.licence)))
    return load(out)


def cross_fit(
    data: Labelled, needs: Needs, config: TaggerConfig, *, seed: int, tick: Callable[[int], None] = lambda _: None
) -> dict[str, Array]:
    """Probabilities [n, classes] by kind, of every segment by models that saw none of its source."""
    found = {kind: np.zeros((len(data), len(data.names))) for kind in KINDS}
    split = parts(data.emotion, data.source, FOLDS, seed=seed)
    for done, (inside, outside) in enumerate(split, 1):
        tagger = fit(data.take(inside), needs, config, seed=seed)
        for kind, p in tagger.opinions(data.video[outside], data.music[outside]).items():
            found[kind][outside] = p
        tick(done)
    return found
