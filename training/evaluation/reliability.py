"""How far the match scores can be taken at their word: the reliability curve of a system."""

from typing import Any

import numpy as np

from training.evaluation.intervals import bootstrap
from training.evaluation.slices import number
from training.evaluation.summary import Scored
from training.measures import ece_of_calibrated, reliability
from training.measures.probability import assign_bins


def curve(s: Scored, seed: int = 0) -> dict[str, Any]:
    """The curve over the scores of all seeds, with 95 % intervals over source videos, and the ECE of perfect scores.

    `ece_if_calibrated` is what as many scores of the same values would show on average if every one of them were
    true: the mean over seeds, beside which the measure ECE is to be read.
    """
    truth, score = np.concatenate(s.truth), np.concatenate(s.match)
    groups, which = np.concatenate(s.groups), assign_bins(score)
    bins = []
    for place, part in zip(np.unique(which), reliability(truth, score), strict=True):
        rows = which == place
        share = bootstrap(truth[rows], method="percentile", groups=groups[rows], seed=seed)
        bounds = {"low_95": number(share.low), "high_95": number(share.high)}
        bins.append(part._asdict() | bounds)
    return {"bins": bins, "ece_if_calibrated": float(np.mean([ece_of_calibrated(match) for match in s.match]))}
