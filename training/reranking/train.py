"""`recommend train afclnet --data`: AFCLNet for an affect model, from rated pictures and rated music.

The affect model stays as it is. AFCLNet reads what it says of a clip and of music, and the features behind that, and
learns to score any picture with any piece by how near their ratings lie. Figures, weight and calibrations come from
folds of themes crossed with folds of series: both sides of a held-out pair are unseen.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from recommender.errors import InputError
from recommender.extractors.audio import music as music_features
from recommender.extractors.video import clip as video_features
from recommender.model import Model
from recommender.model.affect import AffectModel, load
from recommender.model.folder import read_manifest
from recommender.model.reranking import Reranking
from recommender.types import Array
from training.affect.midi import find_synth, renderings_cache
from training.learning import model_folder
from training.learning.model_folder import files_of, pack, writable, write
from training.learning.second_stage import MARGIN, choose_ranker
from training.learning.targets import NearAffect, is_matched
from training.learning.versions import environment
from training.reranking import crossed as crossed_fits
from training.reranking import pigeonhole_bootstrap
from training.reranking.card import HEADING, section
from training.reranking.crossed import RECIPE, Crossed, cross_fit
from training.reranking.pigeonhole_bootstrap import Agreement, Figures
from training.reranking.rated import Rated, distances, measure_rated, nearness
from training.systems.afclnet.export import refer, reranker
from training.systems.afclnet.system import choose_rows
from training.systems.logistic import calibration
from training.types import Tick

FOLDS = 4
"""Of either side, so 16 fits per seed: VGMIDI has 11 series, few of them large."""
RESAMPLES = 400
"""Monte Carlo error of a bound: a tenth of the interval's width, less than what is rounded away."""
CHOSEN_BY = "video->music mAP"
"""The default ranker is what `recommend --video` uses."""
REFERENCES = 32
"""Training items of either side that tell what is usual: more cost time when a library is indexed."""
RIVALS = ("afclnet", "fusion")
REPORT = "rescoring.json"
PACKAGES = ("numpy", "scipy", "torch")


def train_builtin(
    data: Path,
    out: Path,
    command: str,
    *,
    base: str | Path = "builtin",
    name: str | None = None,
    seed: int = 0,
    seeds: int = 3,
    soundfont: Path | None = None,
    cache: Path | None = None,
    tick: Tick = lambda *_: None,
) -> AffectModel:
    """The affect model `base` with AFCLNet, written to `out`, which may be the folder of `base` itself.

    data: the folder holding oasis/ and vgmidi/. name: of the model; by default that of the folder.
    seed: of the shipped network. seeds: repetitions of the cross-validation. cache: where renderings are kept.

    Raises InputError when data, fluidsynth or a soundfont are missing, `base` is no affect model, or `out` cannot be
    written.
    """
    model = Model.load(base)
    if not isinstance(model, AffectModel):
        raise InputError(f"the model '{base}' predicts no affect of media: AFCLNet is added to a model that does")
    synth = find_synth(soundfont)
    writable(out)
    video, music = measure_rated(data, model, synth, cache=cache or renderings_cache(), progress=tick)
    rule, distance = nearness(video, music), distances(video.ratings, music.ratings)
    runs = cross_validated(video, music, rule, seeds=seeds, tick=tick)
    figures = compare(runs, distance, (video.groups, music.groups), tick=tick)
    default = choose_ranker({name: figures["differences"][name][CHOSEN_BY] for name in RIVALS})
    reranking = assemble_reranking(video, music, rule, runs=runs, distance=distance, seed=seed)
    facts = {
        "format": 1,
        "command": command,
        "seed": seed,
        "seeds": seeds,
        "versions": environment(PACKAGES),
        "features": {"music": music_features.REVISION, "video": video_features.REVISION},
        "soundfont": synth.name,
        "pictures": {"items": len(video), "groups": len(set(video.groups))},
        "music": {"items": len(music), "groups": len(set(music.groups))},
        "folds": FOLDS,
        "reach_sd": rule.reach,
        "weight": reranking.fusion.weight,
        "ranker": default,
        "margin": MARGIN,
        "config": repr(RECIPE),
        **figures,
    }
    write(out, _files(model, name or out.resolve().name, reranking, facts))
    return load(out, read_manifest(out))


def cross_validated(video: Rated, music: Rated, rule: NearAffect, *, seeds: int, tick: Tick) -> list[Crossed]:
    """Out-of-fold scores of all combinations, once per seed."""
    done = count(1)

    def one_more() -> None:
        tick("AFCLNet: cross-validation", next(done), seeds * FOLDS**2)

    fit = partial(cross_fit, video, music, rule, config=RECIPE, folds=FOLDS, tick=one_more)
    return [fit(seed=seed) for seed in range(seeds)]


def compare(
    runs: Sequence[Crossed], distance: Array, groups: tuple[Sequence[str], Sequence[str]], *, tick: Tick
) -> dict[str, Any]:
    """Figures of every ranker, of chance and of one order for all, and differences to the cosine, with intervals."""
    scores = {
        "same": [run.same for run in runs],
        "cosine": [run.cosine for run in runs],
        "read": [run.read for run in runs],
        "afclnet": [run.logit for run in runs],
        "fusion": [crossed_fits.fuse_out_of_fold(run, distance) for run in runs],
    }
    found = {name: [Agreement(score, distance) for score in some] for name, some in scores.items()}
    ones = [np.ones(n) for n in distance.shape]
    estimates = {name: pigeonhole_bootstrap.mean_figures(some, ones[0], ones[1]) for name, some in found.items()}
    resampled = []
    for done, one in enumerate(pigeonhole_bootstrap.resample(found, groups, RESAMPLES, seed=0), 1):
        resampled.append(one)
        tick("intervals", done, RESAMPLES)
    return {
        "chance": pigeonhole_bootstrap.chance(distance),
        "rankers": {name: _measures(estimates[name], [one[name] for one in resampled]) for name in found},
        "differences": {
            name: _measures(_gain(estimates, name), [_gain(one, name) for one in resampled]) for name in RIVALS
        },
    }


def _gain(found: Mapping[str, Figures], name: str) -> Figures:
    """What `name` has more than the cosine."""
    return {measure: value - found["cosine"][measure] for measure, value in found[name].items()}


def _measures(estimate: Figures, resampled: Sequence[Figures]) -> dict[str, Any]:
    out = {}
    for name, value in estimate.items():
        low, high = pigeonhole_bootstrap.interval([one[name] for one in resampled])
        out[name] = {key: float(f"{x:.6g}") for key, x in (("mean", value), ("low_95", low), ("high_95", high))}
    return out


def assemble_reranking(
    video: Rated, music: Rated, rule: NearAffect, *, runs: Sequence[Crossed], distance: Array, seed: int
) -> Reranking:
    """AFCLNet fitted on all combinations; fusion and calibrations fitted to the out-of-fold scores."""
    sides = [side.see(np.arange(len(side)), np.arange(0), seed)[0] for side in (video, music)]
    network = crossed_fits.fit(sides[0], sides[1], rule, config=RECIPE, seed=seed)
    fusion = crossed_fits.fusion(runs, distance)
    matched = np.tile(is_matched(1 - distance / rule.reach).ravel(), len(runs))
    scores = {"afclnet": [run.logit for run in runs], "fusion": [fusion(run.cosine, run.logit) for run in runs]}
    calibrations = {name: calibration(np.ravel(some), matched) for name, some in scores.items()}
    references = [side.features[choose_rows(side.ratings, False, REFERENCES)] for side in sides]
    return Reranking(refer(reranker(network), references[0], references[1]), fusion, calibrations)


def _files(base: AffectModel, name: str, reranking: Reranking, facts: Mapping[str, Any]) -> dict[str, str | bytes]:
    """All files of the new folder, the manifest last; the affect model's own are as they are in `base`."""
    manifest = read_manifest(base.folder)
    kept = [*manifest["affect"].values(), model_folder.REPORT]
    tensors = reranking.tensors() | (base.heads.tensors() if base.heads is not None else {})
    entry, weights = pack(tensors)
    manifest |= {"name": name, **entry, "ranker": facts["ranker"], "rescoring": reranking.as_json()}
    card = base.card().partition(HEADING)[0] + section(facts)
    own = {file: (base.folder / file).read_bytes() for file in kept if (base.folder / file).is_file()}
    return own | files_of(manifest, weights, facts, card=card, report_name=REPORT)
