"""The peer of `query_speed.py`: the same query as a script that computes all of it when asked. Prints the best paths.

    python benchmarks/naive_query.py clip.mp4 --library path/to/library

Everything is imported at the top, every frame is decoded and measured, and the affect and vector of every window of
music are computed from its stored features during the query, in a loop over the tracks.
"""

import argparse
import json
from pathlib import Path

import faiss
import lightgbm  # noqa: F401
import numpy as np
import torch

from indexing.library import Library
from recommender import Model
from recommender.features import video
from recommender.media import frames
from recommender.rankers.sections import best_run, span


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("clip", type=Path)
    options.add_argument("--library", type=Path, required=True)
    options.add_argument("--top", type=int, default=10)
    args = options.parse_args()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    print(json.dumps(answer(args.clip, args.library, args.top)))


def answer(clip: Path, folder: Path, top: int) -> list[str]:
    """Paths of the tracks with the best section for `clip`, best first."""
    model, library = Model.load(), Library.open(folder)
    features = video.from_frames(frames(clip, fps=None))
    query = model.describe(features, "video").item_vector
    index = faiss.IndexFlatIP(len(query))
    tracks, bounds = [], []
    for track in library.tracks("music"):
        windows = library.windows(track.id)
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


if __name__ == "__main__":
    main()
