"""Whether candidates are scored a second time by default: one rule for every kind of model."""

from collections.abc import Mapping

MARGIN = 0.003
"""What the second stage may cost at the worst (of mAP; of mean squared error with ratings): nobody notices it among ten
answers."""


def choose_ranker(gains: Mapping[str, Mapping[str, float]]) -> str:
    """The two stages where they do no harm, else the cosine: of the rankers that are not inferior to it the best.

    gains: by ranker what it has more than the cosine, `mean` and the lower end `low_95` of its paired 95 % interval.
    Not inferior is an interval that begins above -`MARGIN`: a point value of one seed decides nothing.
    """
    harmless = [name for name, gain in gains.items() if gain["low_95"] > -MARGIN]
    return max(harmless, key=lambda name: float(gains[name]["mean"]), default="cosine")
