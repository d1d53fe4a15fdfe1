"""The memory-mapped snapshot that queries read: derived from the store, versioned, swapped by one manifest.

`snapshots/<name>/<modality>/` is a segment: `*.npy`, written once and never again. `manifest.json` names the newest of
each modality and those before it (`older`), largest first. What has changed in them since they were written lies beside
the newest, in `changes/`: `dropped.npy`, the tracks that count no more, as places counted through all segments;
`facts/` of the tracks `ids.npy` that have others now; `same.npy`, which tracks are of which recording. What the catalog
got since is read from the store as a small exact tail; only then are the catalog's questions and the store imported.
"""

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from indexing.catalog.reading import Description, Head
from indexing.disk.checksums import SMALL, differing, unseal
from indexing.disk.durable import PARTIAL
from indexing.disk.npy import ascends, load_npy, within
from indexing.snapshot import facts
from indexing.snapshot.facts import Facts, Later
from indexing.snapshot.gathering import gather
from indexing.snapshot.known import Known, Same, same_of
from indexing.snapshot.medians import cut
from indexing.snapshot.segments import Segment
from recommender.logs import getLogger
from recommender.opening import load_json
from recommender.types import Affect, Array, Modality

FOLDER, MANIFEST = "snapshots", "manifest.json"
# what `indexing.search.ann_files` adds to a modality's folder, the record last
RECORD, CODES = "search.json", "search-*.faiss"
REPRESENTATIVES = "representatives"  # what `indexing.search.representative_files` adds to it: a folder
ONE, SEVERAL = 3, 4
"""Formats of the manifest: of one segment per modality, as always before there were several, and of several."""
CHANGES = "changes"
PER_WINDOW = ("vectors", "affect", "inputs", "bounds")
PER_TRACK = ("ids", "parts", "offsets")
_NAME = re.compile(rf"(?:{re.escape(PARTIAL)})?[0-9]+-[0-9a-f]{{8}}")
_ATTEMPTS = 5
T = TypeVar("T")
_log = getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot: its folder's name, the catalog state it shows, and by modality what it holds.

    `segments`, largest first; `crcs` are checksums by the path of a file below a segment's home, by that home.
    """

    name: str
    uid: str
    generation: int
    space_id: int
    descriptions: dict[Modality, Description] = field(default_factory=dict)
    segments: dict[Modality, list[Segment]] = field(default_factory=dict)
    medians: dict[Modality, Array] = field(default_factory=dict)
    facts: dict[Modality, Known] = field(default_factory=dict)
    crcs: dict[Path, dict[str, int]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether all is here that filters read; of before one was declared it is not, and the catalog is asked."""
        return all(known.is_whole for known in self.facts.values())

    @property
    def living(self) -> int:
        """How many windows it shows."""
        return sum(segment.living for several in self.segments.values() for segment in several)

    def shows(self, head: Head) -> bool:
        """Whether this snapshot is of exactly that state of the catalog, and whole."""
        same = (self.uid, self.generation, self.space_id) == (head.uid, head.generation, head.space_id)
        return same and self.is_whole

    def home(self, folder: Path, modality: Modality) -> Path:
        """Where the arrays of the newest segment of a modality are, in the library in `folder`."""
        return folder / FOLDER / self.name / modality

    def homes(self, modality: Modality | None = None) -> Iterator[tuple[Path, Segment]]:
        """Every segment, of a modality, with the folder of its arrays."""
        for held, several in self.segments.items():
            if modality in (None, held):
                yield from ((segment.home, segment) for segment in several if segment.home is not None)


def load(folder: Path, most: int | None = SMALL) -> Snapshot:
    """The published snapshot, memory-mapped; raises OSError, ValueError or KeyError when unusable.

    What it holds is trusted as far as it is of the right kind, size and order, and small files (of at most `most`
    bytes; None: all) have the checksum that they were written with. One of before there were any has none.
    """
    manifest = unseal(load_json(folder / MANIFEST))
    if manifest["format"] not in (ONE, SEVERAL):
        raise ValueError(f"unknown snapshot format {manifest['format']}")
    name = Path(manifest["name"]).name
    state = _checked(manifest["uid"], str), _checked(manifest["generation"], int), _checked(manifest["space"], int)
    loaded = Snapshot(name, *state)
    for modality, held in manifest["modalities"].items():
        if modality not in get_args(Modality):
            raise ValueError(f"the manifest names the modality {modality!r}")
        older = _checked(held["older"], list) if manifest["format"] == SEVERAL and "older" in held else None
        _load_modality(loaded, folder, modality, held=held, older=older, most=most)
    return loaded


def _load_modality(
    loaded: Snapshot, folder: Path, modality: Modality, *, held: Any, older: list[Any] | None, most: int | None
) -> None:
    """Add what the manifest says of a modality to a snapshot."""
    found = []
    for one in (*(older or ()), held | {"name": loaded.name}):
        home = folder / FOLDER / Path(one["name"]).name / modality
        loaded.crcs[home] = one.get("crcs", {})
        if (wrong := next(differing(home, loaded.crcs[home], most), None)) is not None:
            raise ValueError(f"{modality}/{wrong} is not as it was written")
        segment = load_segment(home, _checked(one["rows"], int))
        found.append((segment, facts.load(home, len(segment.ids))))
    segments, known = map(list, zip(*found, strict=True))
    home = loaded.home(folder, modality)
    loaded.facts[modality] = _alone(*found[0]) if older is None else _load_changes(home / CHANGES, segments, known)
    described = Description(*(tuple(_checked(one, str) for one in held[key]) for key in Description._fields))
    medians = load_npy(home / "medians.npy", np.float32)
    width = segments[0].inputs.shape[1]
    if not len(described.inputs) == len(medians) == width or not np.isfinite(medians).all():
        raise ValueError("the snapshot's medians do not fit its columns")
    if len({(s.vectors.shape[1], s.inputs.shape[1]) for s in segments}) > 1:
        raise ValueError("the snapshot's segments do not fit together")
    loaded.descriptions[modality], loaded.medians[modality] = described, medians
    loaded.segments[modality] = list(loaded.facts[modality].segments)


def _alone(segment: Segment, known: Facts) -> Known:
    """What is known where there is one segment."""
    recordings = known.recording if len(known.twins) else None
    segment = replace(segment, recordings=recordings)
    return Known([segment], [known], Later(np.empty(0, np.int64), gather([])), same_of(segment, known))


def _load_changes(home: Path, segments: list[Segment], known: list[Facts]) -> Known:
    """What is known of segments, where `home` has what changed in them."""
    ids, dropped = (load_npy(home / f"{name}.npy", np.int64) for name in ("ids", "dropped"))
    pairs = load_npy(home / "same.npy", np.int64, 2)
    later = Later(ids, facts.load(home, len(ids)))
    ends = np.cumsum([len(s.ids) for s in segments])
    if not all(_rises(each) for each in (ids, dropped, pairs[:, 0])) or not within(dropped, 0, int(ends[-1])):
        raise ValueError("what the snapshot says has changed does not fit its segments")
    same, living = Same(pairs[:, 0], pairs[:, 1]), []
    for segment, end in zip(segments, ends, strict=True):
        alive = np.ones(len(segment.ids), bool)
        places = dropped - (end - len(alive))
        alive[places[(places >= 0) & (places < len(alive))]] = False
        living.append(replace(segment, alive=alive, recordings=same.recordings(segment.ids)))
    if not _rises(np.sort(np.concatenate([s.ids[s.alive] for s in living]), kind="stable")):
        raise ValueError("a track is in two segments of the snapshot")
    return Known(living, known, later, same)


def _rises(values: Array) -> bool:
    return bool((np.diff(values) > 0).all())


def _checked(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise ValueError(f"the manifest says {value!r} where it should name a {kind.__name__}")
    return value


def load_or_none(folder: Path) -> Snapshot | None:
    """The published snapshot, or None when there is none that can be used (the store has everything).

    Where another is published meanwhile, and segments go that only the one before needed, that one.
    """
    for left in reversed(range(_ATTEMPTS)):
        stamp = _stamp(folder)
        try:
            return load(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if left and _stamp(folder) != stamp:
                continue
            _log.info("%s: no usable snapshot (%s)", folder, error)
            return None
    return None


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Changes with the manifest."""
    with suppress(OSError):
        status = (folder / MANIFEST).stat()
        return status.st_mtime_ns, status.st_ino
    return None


def load_segment(home: Path, rows: int) -> Segment:
    """The mapped arrays of so many windows in a folder; raises OSError or ValueError when unusable."""
    kinds: dict[str, Any] = {"vectors": np.float32, "affect": np.float32, "inputs": np.float32, "bounds": np.float64}
    arrays: dict[str, Any] = {key: load_npy(home / f"{key}.npy", kinds[key], -1) for key in PER_WINDOW}
    arrays |= {key: load_npy(home / f"{key}.npy", np.int64) for key in PER_TRACK}
    ids, parts, offsets = (arrays[key] for key in PER_TRACK)
    fit = all(len(arrays[key]) == rows for key in PER_WINDOW) and len(offsets) == len(ids) + 1 == len(parts) + 1
    fit = fit and arrays["affect"].shape[1] in (0, len(Affect._fields)) and arrays["bounds"].shape[1] == 2
    ordered = fit and ascends(offsets) and offsets[-1] == rows and (ids[:1] > 0).all() and _rises(ids)
    if not ordered or (parts < 0).any():
        raise ValueError("the snapshot's arrays do not fit together")
    return Segment(alive=np.ones(len(ids), bool), home=home, band=_load_band(home, arrays["inputs"]), **arrays)


def _load_band(home: Path, inputs: Array) -> Array | None:
    """The middle values of each column, in order; None where none were written."""
    if not (home / "band.npy").exists():
        return None
    low, high = cut(len(inputs))
    band = load_npy(home / "band.npy", np.float32, high - low)
    if len(band) != inputs.shape[1] or not band.size or not np.isfinite(band[:, [0, -1]]).all():
        raise ValueError("the snapshot's middle values do not fit its columns")
    return band


def remove_others(folder: Path, used: Collection[Path]) -> None:
    """Remove every segment but those in the folders `used`; readers that have others mapped keep them."""
    names = {home.parent.name for home in used}
    for other in (folder / FOLDER).glob("*"):
        if not _NAME.fullmatch(other.name):
            continue
        spent = [other] if other.name not in names else [other / modality for modality in get_args(Modality)]
        for path in spent:
            if path not in used:
                shutil.rmtree(path, ignore_errors=True)
