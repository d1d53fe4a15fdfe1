"""What a library of toy files must hold, told from the files alone: no code of libraries is asked."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from fakes import INPUTS, FakeAnalyser

from recommender.errors import MediaError
from recommender.types import Affect


def digest(value: Any) -> str:
    """What stands for all that is known of a track."""
    return blake2b(repr(value).encode()).hexdigest()


def tracks_in(files: Iterable[Path], analyser: FakeAnalyser) -> dict[str, str]:
    """A digest per music file that can be analysed, by modality and path, as `operations.seen` has it."""
    found = {}
    for path in files:
        try:
            analysis = analyser.analyse(path, "music")
        except MediaError:
            continue
        features = analysis.features
        columns = [features.columns.index(name) for name in INPUTS]
        windows = (features.windows, analysis.vectors, analysis.affect, features.values[:, columns])
        arrays = tuple(np.ascontiguousarray(array).tobytes() for array in windows)
        title, affect = analysis.tags.get("title") or path.stem, Affect(*analysis.item_affect.tolist())
        known = (title, float(features.facts["bpm"]), features.duration_s, affect, arrays)
        found[f"music {path}"] = digest(known)
    return found


def versions_in(files: Iterable[Path]) -> dict[str, list[str]]:
    """By path the first path of each other content of the same recording, the third word of a file."""
    first: dict[str, str] = {}  # by content
    for path in sorted(map(str, files)):
        first.setdefault(Path(path).read_text("utf-8"), path)
    contents = {str(path): path.read_text("utf-8") for path in files}
    return {
        path: sorted(first[other] for other in first if other.split()[2:] == content.split()[2:] and other != content)
        for path, content in contents.items()
        if len(content.split()) == 3
    }
