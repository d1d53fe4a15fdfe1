"""`recommend train adapt`: a retrieval model moved towards one's own pairs, as far as that helps and no further.

[ours] What a collection's own pairs teach is mostly its makers' taste, and worth more than any larger collection of
others. The adapted encoder is the model's beside one that is fitted on the own pairs; the second's share, 0 of which is
the model itself, is chosen on folds of the own pairs. Pairs without emotions are read by the music that was chosen: the
model hears emotions far better than it sees them, so what it hears in the matched music labels the clip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.encoders import Calibration, Encoder, Matcher
from recommender.errors import InputError
from recommender.model.folder import read_manifest
from recommender.model.reranking import Reranking
from recommender.model.retrieval import RetrievalModel, load
from recommender.rankers.scoring import Fusion
from recommender.types import Array
from training.evaluation.intervals import Interval, bootstrap, bootstrap_of, differences, paired_bootstrap
from training.learning.folds import deal_pair_folds
from training.learning.loop import queries
from training.learning.model_folder import files_of, report_of, writable, write
from training.learning.second_stage import MARGIN, choose_ranker
from training.learning.weighing import best, scale_of
from training.measures import POINTWISE
from training.retrieval.adapted_card import write_adapted_card
from training.retrieval.own_pairs import Own
from training.retrieval.train import Parts, manifest_of
from training.systems.logistic import calibration
from training.systems.mixture import READING, mix
from training.systems.predicted import PredictedMusic
from training.types import M, Pairs, Tick, V

GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Weights of the own encoder, in standard deviations of the cosines; 0 leaves the model as it is."""
FOLDS, INNER = 5, 4
LEAST = 10
"""Groups of pairs below which folds say nothing."""
SURE = 0.995
"""Level of the interval that must lie above 0. Intervals over pairs do not know that another fit would have erred
otherwise: at 95 % 8 of 100 sets of shuffled pairs pass (`docs/results/adaptation.md`)."""
AUC = "AUC of the pairs"
KIND = 8
"""Pairs of either kind, matched and not, at least."""


class Held(NamedTuple):
    """Held-out pairs with the cosines [h, h] of the model and of the adapted one, and the logits of its AFCLNet."""

    rows: Array
    pairs: Pairs
    model: Array
    adapted: Array
    logit: Array | None


@dataclass(frozen=True)
class Gain:
    """What adapting wins on pairs out of fold.

    measure: its name. before, after: means. interval: of the difference, 95 %. sure: whether that of `SURE` is above 0.
    """

    measure: str
    before: float
    after: float
    interval: Interval
    sure: bool


def adapt(
    model: RetrievalModel,
    own: Own,
    out: Path,
    *,
    command: str,
    name: str | None = None,
    seed: int = 0,
    tick: Tick = lambda *_: None,
) -> RetrievalModel:
    """The adapted model, written to `out`.

    Raises InputError for too few pairs, pairs without emotions where the model predicts none, pairs that do not help
    (the `SURE` interval of the gain on held-out pairs is not above 0), or an `out` that cannot be written; nothing is
    written then. The same pairs, model and seed give the same model.
    """
    check(model, own)
    writable(out)
    held = list(cross_fit(model, own, seed, tick=tick))
    gains = gains_of(own, held)
    refuse(gains, own, model.name)
    weight = choose_weight(model, own.pairs, own.labelled, seed=seed)
    if not weight:
        raise InputError(f"{own.name}: over all pairs the model '{model.name}' is best as it is; nothing was written")
    parts, figures = assemble(model, own, held, weight=weight)
    base = {"base": model.name, "base_revision": model.revision, "base_trained_on": dict(model.trained_on)}
    trained_on = {"dataset": own.name, "revision": own.revision, "part": "all", "pairs": len(own.pairs), "seed": seed}
    manifest, weights = manifest_of(
        name or out.resolve().name,
        model.needs,
        f"{model.system}, adapted",
        parts=parts,
        default=choose_ranker(figures[V]),
        backward=choose_ranker(figures[M]),
        trained_on=trained_on | base,
    )
    facts = report_of(manifest, command, {"weight": weight, "labelled": own.labelled}, packages={}) | {
        "gains": [{"measure": g.measure, "before": g.before, "after": g.after, **g.interval._asdict()} for g in gains],
        "second_stage": figures,
        "weight": weight,
        "labelled": own.labelled,
        "failed": dict(own.failed),
        "groups": len(np.unique(own.pairs.groups())),
        "seed": seed,
        "margin": MARGIN,
    }
    write(out, files_of(manifest, weights, facts, card=write_adapted_card(facts)))
    return load(out, read_manifest(out))


def check(model: RetrievalModel, own: Own) -> None:
    """Raise InputError where nothing can be learnt from the pairs."""
    groups, matched = len(np.unique(own.pairs.groups())), int(own.pairs.match.sum())
    if groups < LEAST or min(matched, len(own.pairs) - matched) < KIND:
        raise InputError(
            f"{own.name}: {len(own.pairs)} pairs, {matched} of them matched, in {groups} groups that share no file; at "
            f"least {LEAST} such groups, {KIND} pairs that match and {KIND} that do not are needed"
        )
    if not own.labelled and model.emotions("music", own.pairs.music[:1]) is None:
        raise InputError(
            f"the model '{model.name}' hears no emotions: give columns video_emotion and music_emotion with the pairs"
        )


def fit_own(model: RetrievalModel, pairs: Pairs, labelled: bool) -> Encoder:
    """The encoder of the own pairs: affine maps with strong ridges, which few pairs can hold."""
    if not labelled:
        pairs = pairs.take(pairs.match == 1)
        heard = model.emotions("music", pairs.music)
        if heard is None:
            raise InputError(f"the model '{model.name}' hears no emotions")
        pairs = replace(pairs, video_emotion=heard.argmax(axis=1), music_emotion=heard.argmax(axis=1))
    return PredictedMusic(config=READING).without_sureness().encoder(pairs, None)


def move_encoder(model: RetrievalModel, own: Encoder, train: Pairs, *, weight: float) -> Encoder:
    """The model's encoder with `weight` of the own one; the model's as it is for 0."""
    return mix(model.matcher.encoder, own, train, weight=1 - weight) if weight else model.matcher.encoder


def cosines(encoder: Encoder, pairs: Pairs) -> Array:
    """Cosines float64 [n, n] of every video with every piece of music."""
    return np.asarray(Matcher(encoder, Calibration(1.0, 0.0)).similarity(pairs.video, pairs.music), np.float64)


def quality(similarity: Array, held: Pairs, labelled: bool) -> dict[str, Array]:
    """By measure, how well `similarity` [h, h] does on each held-out pair [h]; NaN where nothing is to be told.

    With emotions average precision in both directions, relevant being what shares the emotion. Without, the ROC AUC of
    all of them, for each.
    """
    if labelled:
        forth, back = queries(similarity, held)
        return {f"{V} mAP": forth, f"{M} mAP": back}
    return {AUC: np.full(len(held), POINTWISE["AUC"].of(held.match, np.diag(similarity)))}


def choose_weight(model: RetrievalModel, pairs: Pairs, labelled: bool, *, seed: int) -> float:
    """The weight of the own encoder that ranks held-out pairs of inner folds best, the smallest of equals."""
    found: list[list[Array]] = [[] for _ in GRID]
    for inside, rows in deal_pair_folds(pairs, INNER, seed):
        part, rest = pairs.take(inside), pairs.take(rows)
        own = fit_own(model, part, labelled)
        for weight, values in zip(GRID, found, strict=True):
            values += quality(cosines(move_encoder(model, own, part, weight=weight), rest), rest, labelled).values()
    return best(GRID, [float(np.nanmean(np.concatenate(values))) for values in found])


def cross_fit(model: RetrievalModel, own: Own, seed: int, *, tick: Tick) -> Iterator[Held]:
    """Every fold of sources held out, weight and own encoder from the others."""
    for number, (inside, rows) in enumerate(deal_pair_folds(own.pairs, FOLDS, seed)):
        tick("measuring on folds", number, FOLDS)
        part, rest = own.pairs.take(inside), own.pairs.take(rows)
        weight = choose_weight(model, part, own.labelled, seed=seed)
        encoder = move_encoder(model, fit_own(model, part, own.labelled), part, weight=weight)
        yield Held(rows, rest, cosines(model.matcher.encoder, rest), cosines(encoder, rest), _logits(model, rest))
    tick("measuring on folds", FOLDS, FOLDS)


def _logits(model: RetrievalModel, pairs: Pairs) -> Array | None:
    """AFCLNet's logits float64 [n, n] of every video with every piece of music; None of a model without."""
    if model.reranking is None:
        return None
    return model.reranking.similarity(pairs.video, pairs.music, ranker="afclnet", matcher=model.matcher)


def gains_of(own: Own, held: Sequence[Held]) -> list[Gain]:
    """What adapting wins: all measures together first, then each, over groups of pairs."""
    old, new = ([getattr(part, which) for part in held] for which in ("model", "adapted"))
    if not own.labelled:
        return [_auc_gain(own, held, old, new=new)]
    before, after = (_values(own, held, similarities) for similarities in (old, new))
    groups = _groups(own, held)
    ways = {" and ".join(before): list(before)} | {name: [name] for name in before}
    found = []
    for name, some in ways.items():
        first, second = ([values[one] for one in some] for values in (before, after))
        found.append(_map_gain(name, first, second, groups=groups))
    return found


def _groups(own: Own, held: Sequence[Held]) -> Array:
    """The groups of all held-out pairs, in the order of the parts."""
    return own.pairs.groups()[np.concatenate([part.rows for part in held])]


def _map_gain(name: str, before: Sequence[Array], after: Sequence[Array], *, groups: Array) -> Gain:
    """Of measures that are means over pairs."""
    old, new, tied = np.concatenate(before), np.concatenate(after), np.tile(groups, len(before))
    change, strict = (bootstrap(differences(new, old), groups=tied, level=level) for level in (0.95, SURE))
    return Gain(name, float(np.nanmean(old)), float(np.nanmean(new)), change, strict.low > 0)


def _auc_gain(own: Own, held: Sequence[Held], old: Sequence[Array], *, new: Sequence[Array]) -> Gain:
    """Of the AUC of the pairs, scores standardised in every fold: a pair counts through both kinds it is compared with,
    so that the whole statistic is resampled."""
    match = np.concatenate([part.pairs.match for part in held])
    scores = [np.concatenate([scale_of(x)(np.diag(x)) for x in some]) for some in (old, new)]
    auc = POINTWISE["AUC"].of

    def change(truth: Array, before: Array, after: Array) -> float:
        return float(auc(truth, after) - auc(truth, before)) if 0 < truth.sum() < len(truth) else float("nan")

    bounds = partial(bootstrap_of, change, match, *scores, groups=_groups(own, held), resamples=3000)
    usual, strict = bounds(), bounds(level=SURE)
    before, after = (float(auc(match, x)) for x in scores)
    return Gain(AUC, before, after, usual, strict.low > 0)


def _values(own: Own, held: Sequence[Held], similarities: Sequence[Array]) -> dict[str, Array]:
    """`quality` of all held-out pairs, in the order of the parts."""
    found = [quality(x, part.pairs, own.labelled) for part, x in zip(held, similarities, strict=True)]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def refuse(gains: Sequence[Gain], own: Own, model: str) -> None:
    """Raise InputError where the gain in both directions together is not surely above 0."""
    gain = gains[0]
    if not gain.sure:
        raise InputError(
            f"{own.name}: adapting '{model}' to these {len(own.pairs)} pairs does not surely help ({gain.measure} "
            f"{gain.before:.3f} -> {gain.after:.3f}, 95 % interval of the gain {gain.interval.low:+.3f} to "
            f"{gain.interval.high:+.3f}, and {100 * SURE:g} % are asked): give more pairs, or keep the "
            "model; nothing was written"
        )


def assemble(
    model: RetrievalModel, own: Own, held: Sequence[Held], *, weight: float
) -> tuple[Parts, dict[str, dict[str, dict[str, float]]]]:
    """The adapted parts, and what each ranker with AFCLNet has more than the adapted cosine, by direction.

    AFCLNet stays the model's: fitted on own pairs it wins nothing (`docs/results/adaptation.md`).
    """
    encoder = move_encoder(model, fit_own(model, own.pairs, own.labelled), own.pairs, weight=weight)
    pairs = [np.diag(part.adapted) for part in held]
    truth = np.concatenate([part.pairs.match for part in held])
    matcher = Matcher(encoder, calibration(np.concatenate(pairs), truth))
    more, whole = model.reranking, _logits(model, own.pairs)
    if more is None or whole is None:
        return Parts(matcher, None), {V: {}, M: {}}
    fusion = Fusion(more.fusion.weight, scale_of(cosines(encoder, own.pairs)), scale_of(whole))
    logits = [part.logit for part in held if part.logit is not None]
    fused = [fusion(part.adapted, logit) for part, logit in zip(held, logits, strict=True)]
    calibrations = {
        name: calibration(np.concatenate([np.diag(x) for x in scores]), truth)
        for name, scores in (("afclnet", logits), ("fusion", fused))
    }
    return Parts(matcher, Reranking(more.reranker, fusion, calibrations)), _second_stage(own, held, fused)


def _second_stage(own: Own, held: Sequence[Held], fused: Sequence[Array]) -> dict[str, dict[str, dict[str, float]]]:
    """By direction what scoring again wins over the adapted cosine; pairs without emotions have one figure for both."""
    before = [part.adapted for part in held]
    if own.labelled:
        old, new = _values(own, held, before), _values(own, held, fused)
        changes = [paired_bootstrap(new[name], old[name], groups=_groups(own, held)) for name in old]
    else:
        changes = [_auc_gain(own, held, before, new=fused).interval]
    told = [{"fusion": {"mean": x.estimate, "low_95": x.low, "high_95": x.high}} for x in changes]
    return {V: told[0], M: told[-1]}
