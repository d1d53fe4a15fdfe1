"""A user's own clips, without labels, for `recommend train adapt --clips`: a model's maps moved to where they lie.

[ours] Pictures of another collection lie elsewhere, and a model takes the way there for a feeling. So each clip is read
as far from the mean of the user's own clips as the training clips lay from theirs. The maps being affine, only biases
change. The network of a mixture stays: moved too it wins nothing more (`docs/results/adaptation.md`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexing.ingest.scan import expand_clips
from recommender.encoders import Encoder
from recommender.errors import InputError
from recommender.lists import is_list, paths_in
from recommender.model.folder import read_manifest
from recommender.model.retrieval import RetrievalModel, load
from recommender.text import show
from recommender.types import Array
from training.learning.model_folder import files_of, report_of, write
from training.retrieval.adapted_card import write_clips_card
from training.retrieval.own_pairs import Measuring, measure_own
from training.retrieval.train import Parts, manifest_of
from training.types import Dataset

LEAST = 20
"""Different clips: of ten the mean does not surely help music (`docs/results/video_emotion.md`)."""
MEAN, MAPS = "video.mean", ("video", "video_sound")
"""Of `recommender.encoders.predicted`: where the clips lay that its maps of the picture were fitted on, and these."""


class Clips(NamedTuple):
    """Clips of a user: what they are called, a hash of their features float32 [n, d], none twice, and these.

    failed: the files that could not be used, with the reason.
    """

    name: str
    revision: str
    video: Array
    failed: Mapping[str, str] = {}


def read_clips(where: Path, model: RetrievalModel, how: Measuring) -> Clips:
    """The clips in a folder, or of a list or playlist, measured as `model` reads them; what was left out is told.

    Raises InputError where there are none, for a model that cannot be moved, and one whose features are not measured
    here.
    """
    movable(model.matcher.encoder, model.name)
    model.check_media("video")
    if is_list(str(where)):
        files = sorted(path for path in paths_in(where) if Path(path).is_absolute())
    elif where.is_dir():
        files = [str(path) for path in expand_clips([where], how.note)]
    else:
        raise InputError(f"{show(where)}: no folder of clips, no list of them (.txt, .m3u, ...) and no data set")
    found, failed = measure_own(files, Path(), "video", model=model, how=how)
    return _clips(show(where.absolute().name), np.array(list(found.values()), np.float32), failed)


def take_clips(dataset: Dataset, model: RetrievalModel) -> Clips:
    """All clips of a data set, whichever part they are in; raises InputError when the model reads other features."""
    model.check({"video": dataset.features["video"]}, dataset.name)
    sides = [part.video for part in (*dataset.pairs.values(), dataset.corpus) if part is not None]
    seen = [video for video in sides if video.shape[1]]
    return _clips(dataset.name, np.concatenate(seen or [np.empty((0, 0))]))


def _clips(name: str, video: Array, failed: Mapping[str, str] | None = None) -> Clips:
    video = np.unique(video, axis=0) if len(video) else video
    return Clips(name, hashlib.sha256(video.tobytes()).hexdigest(), video, failed or {})


def centre(model: RetrievalModel, clips: Clips) -> RetrievalModel:
    """`model` with its maps moved to the mean of the clips; its name, folder and calibrations stay.

    Raises InputError for fewer than `LEAST` clips, and a model that does not say where its training clips lay.
    """
    if len(clips.video) < LEAST:
        failed = f", {len(clips.failed)} could not be used" * bool(clips.failed)
        raise InputError(f"{clips.name}: {len(clips.video)} different clips{failed}; give at least {LEAST}")
    encoder = move(model.matcher.encoder, clips.video.mean(axis=0, dtype=np.float64), model.name)
    own = {"name": clips.name, "revision": clips.revision, "count": len(clips.video), "failed": len(clips.failed)}
    matcher = replace(model.matcher, encoder=encoder)
    return replace(model, matcher=matcher, trained_on={**model.trained_on, "own_clips": own})


def movable(encoder: Encoder, name: str) -> list[str]:
    """How the names of the tensors begin of each part that knows where its training clips lay; raises InputError where
    none does."""
    starts = [key.removesuffix(MEAN) for key in encoder.tensors if key == MEAN or key.endswith("." + MEAN)]
    if not starts:
        raise InputError(
            f"the model '{name}' does not know where the clips lay that it learnt from: take the model 'emomv', or "
            "train the model again (systems with `predicted` or `mixture` in their names keep it)"
        )
    return starts


def move(encoder: Encoder, mean: Array, name: str) -> Encoder:
    """`encoder` that reads clips about `mean` [d_v] as it read those about its own; `name` is of the model."""
    tensors = dict(encoder.tensors)
    for start in movable(encoder, name):
        for layer in (start + one for one in MAPS):
            shift = (tensors[start + MEAN] - mean) @ tensors[f"{layer}.weights"]
            tensors[f"{layer}.bias"] = tensors[f"{layer}.bias"] + shift
        tensors[start + MEAN] = mean
    return replace(encoder, tensors=tensors)


def save_centred(model: RetrievalModel, out: Path, *, command: str, name: str | None = None) -> RetrievalModel:
    """A model that `centre` moved, written to `out` as any other; raises InputError when that cannot be."""
    manifest, weights = manifest_of(
        name or out.resolve().name,
        model.needs,
        f"{model.system}, adapted",
        parts=Parts(model.matcher, model.reranking),
        default=model.default,
        backward=model.backward,
        trained_on={**model.trained_on, "base": model.name, "base_revision": model.revision},
    )
    facts = report_of(manifest, command, model.trained_on["own_clips"], packages={})
    write(out, files_of(manifest, weights, facts, card=write_clips_card(facts)))
    return load(out, read_manifest(out))
