"""Every part of an AFCLNet recipe taken away or exchanged on its own, by name."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from training.systems.afclnet.system import OURS, PAPER, AFCLNet, AFCLNetConfig
from training.types import System


def ablations(base: AFCLNetConfig) -> dict[str, AFCLNetConfig]:
    """Recipes that differ from `base` in one respect; where `base` already lacks the part, the recipe is left out.

    The first eleven are the paper's tables 3 to 6 (its auxiliary tasks of voice and person need labels that only
    generated pairs have: see `training.evaluation.suites.parts`), the others take our additions away.
    """

    def shape(**parts: Any) -> AFCLNetConfig:
        return replace(base, shape=replace(base.shape, **parts))

    def reduction(name: Any) -> AFCLNetConfig:
        return replace(base, reduction=replace(base.reduction, name=name))

    found = {
        "perceptual-only": shape(inputs="perceptual"),
        "objective-only": shape(inputs="objective"),
        "no-reduction": reduction("none"),
        "one-dcca": reduction("dcca"),
        "cluster-dcca": reduction("cluster-dcca"),
        "matched-unmatched": reduction("dcca-matched-unmatched"),
        "no-attention": shape(self_attention=False, mutual_attention=False),
        "self-only": shape(mutual_attention=False),
        "mutual-only": shape(self_attention=False),
        "no-consistency": replace(base, consistency_weight=0.0),
        "no-auxiliary": shape(auxiliary=False),
        "no-products": shape(products=False, skip=False),
        "no-skip": shape(skip=False),
        "no-residual": shape(residual=False),
        "given-pairs": replace(base, fresh=False),
        "mae": replace(base, loss="mae"),
        "graded": replace(base, target="graded"),
        "true-affect": replace(base, affect=replace(base.affect, true_labels=True)),
        "lightgbm": replace(base, affect=replace(base.affect, name="lightgbm")),
        "uncalibrated": replace(base, calibration_folds=0),
    }
    if base.fresh:
        found["given-too"] = replace(base, given=0.5)
    return {name: config for name, config in found.items() if config != base}


SYSTEMS: dict[str, Callable[[], System]] = {
    f"{base}-{part}": partial(AFCLNet, f"{base}-{part}", config)
    for base, recipe in (("afclnet", OURS), ("afclnet-paper", PAPER))
    for part, config in ablations(recipe).items()
}
