"""SYSTEMS: every correspondence model and baseline, by name, behind one contract (`training.types.System`)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from recommender.errors import InputError
from training.fit import Schedule
from training.systems.afclnet import OURS, AFCLNet
from training.systems.afclnet import PAPER as AFCLNET_PAPER
from training.systems.afclnet_ablations import ablations
from training.systems.cca import CCA, CCAConfig
from training.systems.contrastive import SupervisedContrastive
from training.systems.emomv import EmoMVClassifier, EmoMVConfig, EmoMVRetrieval
from training.systems.ensemble import Ensemble, EnsembleConfig
from training.systems.fusion import Fusion
from training.systems.likumar import LiKumar, LiKumarConfig
from training.systems.posterior import EmotionMatching, PosteriorConfig
from training.systems.predicted import PredictedMusic
from training.types import System

SINGLE = EmoMVConfig(multi_task=False)
# The text alone, without what only the authors' code has.
TEXT = EmoMVConfig(layer_norm=False, halve=False, schedule=Schedule(weight_decay=0.0))

SYSTEMS: dict[str, Callable[[], System]] = {
    "emomv-classifier": lambda: EmoMVClassifier(),
    "emomv-classifier-single": lambda: EmoMVClassifier("emomv-classifier-single", SINGLE),
    "emomv-classifier-text": lambda: EmoMVClassifier("emomv-classifier-text", TEXT),
    "emomv-classifier-code": lambda: EmoMVClassifier(
        "emomv-classifier-code", replace(EmoMVConfig(), emotion_from_embedding=True)
    ),
    "emomv-retrieval": lambda: EmoMVRetrieval(),
    "emomv-retrieval-single": lambda: EmoMVRetrieval("emomv-retrieval-single", SINGLE),
    "emomv-retrieval-text": lambda: EmoMVRetrieval("emomv-retrieval-text", TEXT),
    "li-kumar": lambda: LiKumar(),
    "li-kumar-single": lambda: LiKumar("li-kumar-single", LiKumarConfig(multi_task=False)),
    "posterior": lambda: EmotionMatching("posterior", PosteriorConfig(score="posterior")),
    "evidence": lambda: EmotionMatching(),
    "predicted": lambda: PredictedMusic(),
    "supcon": lambda: SupervisedContrastive(),
    "cca": lambda: CCA(),
    "cluster-cca": lambda: CCA("cluster-cca", CCAConfig(clusters=True, ridge=10.0, components=4)),
    "afclnet": lambda: AFCLNet(),
    "afclnet-paper": lambda: AFCLNet("afclnet-paper", AFCLNET_PAPER),
    "fusion": lambda: Fusion("fusion", EmotionMatching(), AFCLNet()),
    "fusion-predicted": lambda: Fusion("fusion-predicted", PredictedMusic(), AFCLNet()),
    "fusion-emomv": lambda: Fusion("fusion-emomv", EmoMVRetrieval(), AFCLNet()),
    "ensemble": lambda: Ensemble(
        # The strongest member counts twice: on grouped folds of EmoMV-C's train.
        "ensemble",
        (PredictedMusic(), SupervisedContrastive(), LiKumar()),
        EnsembleConfig(weights=(2.0, 1.0, 1.0)),
    ),
}


ABLATIONS: dict[str, Callable[[], System]] = {
    f"{base}-{part}": partial(AFCLNet, f"{base}-{part}", config)
    for base, recipe in (("afclnet", OURS), ("afclnet-paper", AFCLNET_PAPER))
    for part, config in ablations(recipe).items()
}
"""AFCLNet with one part taken away or exchanged, `afclnet-no-attention` for instance, of either recipe."""

SUITES: dict[str, tuple[str, ...]] = {
    "all": tuple(SYSTEMS),
    "afclnet-ablation": ("afclnet", "afclnet-paper", *ABLATIONS),
}
"""Names that stand for several systems."""


def system(name: str) -> System:
    """The system, or the ablation, called `name` with its default configuration.

    Raises
    ------
    InputError: no system has that name; the message lists them.
    """
    known = SYSTEMS | ABLATIONS
    if name not in known:
        suites = ", ".join(SUITES)
        raise InputError(f"no system is called {name}; there are: {', '.join(SYSTEMS)}, and the suites {suites}")
    return known[name]()


def systems(names: str) -> dict[str, System]:
    """The systems of a list of names and suites with commas between, each once, in order; raises InputError."""
    parts = [part.strip() for part in names.split(",") if part.strip()]
    chosen = [name for part in parts for name in SUITES.get(part, (part,))]
    return {name: system(name) for name in dict.fromkeys(chosen)}
