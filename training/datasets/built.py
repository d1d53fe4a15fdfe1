"""Data sets that `recommend dataset build` made: the published layout beside a manifest that names the features."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from recommender.errors import InputError
from recommender.opening import load_json
from recommender.text import show
from training.datasets.emomv import load_layout
from training.datasets.emomv_layout import Layout, Stream, before_number, retrieval_names
from training.types import EMOTIONS, Dataset

MANIFEST = "dataset.json"
FORMAT = 1
TAG = "BUILT"


@dataclass(frozen=True)
class StreamInfo:
    """Features of one modality: the prefix of their files, the names of their columns, the extractor's revision."""

    prefix: str
    columns: tuple[str, ...]
    revision: str


@dataclass(frozen=True)
class Manifest:
    """What the files of a built set are. `facts`: how it was built, JSON-ready, for people; `labels`: of segments."""

    name: str
    extractor: str
    video: StreamInfo
    music: StreamInfo
    facts: dict[str, Any]
    labels: tuple[str, ...] = EMOTIONS

    def text(self) -> str:
        """The manifest as JSON."""
        streams = {"video": asdict(self.video), "music": asdict(self.music)}
        head = {"format": FORMAT, "name": self.name, "encoder": self.extractor, "labels": list(self.labels)}
        return json.dumps({**head, **streams, "build": self.facts}, indent=1) + "\n"


def layout_of(manifest: Manifest) -> Layout:
    """Where the files of a built set lie."""
    video, music = (Stream(i.prefix, len(i.columns), i.columns, i.revision) for i in (manifest.video, manifest.music))
    kept = Layout(manifest.name, "", TAG, ("train", "validation"), retrieval_names(TAG), before_number, video, music)
    return replace(kept, licence="that of the media it was built from", names=manifest.labels)


def load_built(folder: Path) -> Dataset:
    """The set in `folder`; raises InputError when it has no manifest, or like `load_layout`."""
    return load_layout(folder, layout_of(read_manifest(folder)))


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`; raises InputError when there is none or it is damaged."""
    path = folder / MANIFEST
    try:
        found = load_json(path)
        if found["format"] != FORMAT:
            raise InputError(f"{show(path)}: format {found['format']!r} is not known; build the data set again")
        sides = found["video"], found["music"]
        video, music = (StreamInfo(str(s["prefix"]), tuple(map(str, s["columns"])), str(s["revision"])) for s in sides)
        labels = tuple(map(str, found.get("labels", EMOTIONS)))
        return Manifest(str(found["name"]), str(found["encoder"]), video, music, dict(found["build"]), labels)
    except FileNotFoundError as error:
        raise InputError(f"{show(folder)}: no finished data set ({MANIFEST} is not there); build it (again)") from error
    except OSError as error:
        raise InputError(f"{show(path)}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{show(path)}: damaged; build the data set again") from error
