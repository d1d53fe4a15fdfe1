"""`recommend dataset tag`: media labelled by a tagger; what its three models agree on goes to a table to build from."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from indexing.disk.files import absolute
from indexing.ingest.scan import media_files
from recommender import atomic
from recommender.encoders.contract import MODALITIES
from recommender.errors import Argument, InputError, ModelError
from recommender.extractors import Extractor
from recommender.text import show
from recommender.types import Array, Modality
from training.construction.extractors import KNOWN
from training.construction.features import content_hashes, vectors
from training.construction.storage import writing
from training.construction.table import COLUMNS
from training.construction.together import fill
from training.datasets.emomv_labels import JOIN
from training.datasets.emomv_layout import before_number
from training.tagger.figures import KINDS
from training.tagger.model import Tag, Tagger
from training.types import Tick

OPINIONS = ("path", "tag", "outcome", "video", "p_video", "music", "p_music", "joint", "p_joint", "reason")
Extractors = Mapping[Modality, Extractor]
KEPT, DISAGREE, COPY, FAILED = "kept", "disagree", "copy", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a file: `outcome` is one of the four above; `tag` is None where the file was not measured."""

    path: str
    outcome: str
    tag: Tag | None = None
    reason: str = ""


@dataclass(frozen=True)
class TagReport:
    """What was tagged: outcomes by path, the tables written, and how many files were measured anew."""

    labels: Path
    opinions: Path
    outcomes: tuple[Outcome, ...]
    emotions: tuple[str, ...]
    computed: int

    def count(self, outcome: str) -> int:
        """Files with that outcome."""
        return sum(one.outcome == outcome for one in self.outcomes)

    @property
    def failed(self) -> dict[str, str]:
        """Why files could not be tagged, by path: failures and copies."""
        return {one.path: one.reason for one in self.outcomes if one.reason}

    def as_dict(self) -> dict[str, Any]:
        """The report, JSON-ready. `survival` is the share of the measured files whose tag was kept."""
        tagged = [one for one in self.outcomes if one.tag is not None]
        kept = [one.tag.kept for one in tagged if one.tag is not None and one.outcome == KEPT]
        return {
            "labels": str(self.labels),
            "opinions": str(self.opinions),
            "files": len(self.outcomes),
            "kept": len(kept),
            "survival": round(len(kept) / len(tagged), 4) if tagged else 0.0,
            "emotions": {name: kept.count(name) for name in self.emotions},
            "disagree": self.count(DISAGREE),
            "copies": self.count(COPY),
            "failed": self.count(FAILED),
            "measured": self.computed,
        }


def tag_folder(
    folder: Path, tagger: Tagger, out: Path, *, workers: int, tick: Tick = lambda *_: None, force: bool = False
) -> TagReport:
    """What the tagger says of every clip below `folder`; kept tags are written to `out`, all opinions beside it.

    `out` is a table that `training.construction.build` reads; a file gets one label, however long it is. Its source is
    its path without a trailing number (`film_03.mp4` is of `film`). Measured features are kept by content in the folder
    `out`.cache, from which a stopped run goes on. Raises InputError when `out` is there already (unless `force`), or
    `folder` holds nothing that can be measured. Raises ModelError when the tagger's features cannot be measured here.
    Raises CliptuneError when `out` cannot be written, or another process writes it.
    """
    out, folder = Path(absolute(out)), Path(absolute(folder))
    opinions = out.with_suffix(f".opinions{out.suffix}")
    if out.suffix != ".csv":
        raise InputError(f"{show(out)}: labels are written as a table; give a name that ends in .csv")
    for table in (out, opinions):
        if table.exists() and not force:
            raise InputError(
                f"{show(table)} is there already: give another name, or ", Argument("force"), " to write over it"
            )
    if not folder.is_dir():
        raise InputError(f"{show(folder)}: no such folder")
    extractors, files = extractors_of(tagger), media_files(folder, "video")
    if not files:
        raise InputError(f"no clips in {show(folder)}: give a folder with video files that have sound")
    cache = out.with_name(out.name + ".cache")
    with writing(cache):
        outcomes, computed = _outcomes(files, folder, tagger, extractors, cache, workers, tick)
        if not any(one.tag for one in outcomes):
            raise InputError(f"{show(folder)}: no file can be tagged: {outcomes[0].reason}")
        atomic.write(out, _labels(outcomes, folder, out.parent))
        atomic.write(opinions, _opinions(outcomes))
    return TagReport(out, opinions, outcomes, tagger.emotions, computed)


def extractors_of(tagger: Tagger) -> Extractors:
    """What measures the features that the tagger needs; raises ModelError where that is not known."""
    found = {modality: one for modality in MODALITIES for one in KNOWN.values() if _gives(one, tagger, modality)}
    if len(found) == len(MODALITIES):
        return found
    wanted = " and ".join(f"{need.name} {need.revision}".strip() for need in tagger.needs.values())
    raise ModelError(f"the tagger reads {wanted} features, which this program does not measure: train it again")


def _gives(one: Extractor, tagger: Tagger, modality: Modality) -> bool:
    need = tagger.needs[modality]
    given = one.label, one.modality, one.revision, one.columns
    return given == (need.name, modality, need.revision, need.columns)


def _outcomes(
    files: list[Path], folder: Path, tagger: Tagger, extractors: Extractors, cache: Path, workers: int, tick: Tick
) -> tuple[tuple[Outcome, ...], int]:
    """The outcome of every file, in order, and how many were measured anew."""
    digests, reasons = content_hashes({str(file): file for file in files})
    originals, copies = _apart(digests)
    found: dict[Modality, Mapping[str, Array]] = {}
    computed: set[str] = set()
    left = originals
    for modality in MODALITIES:  # a file without a picture is not tagged whatever it sounds like
        say = partial(tick, modality)
        fill(left, extractors[modality], cache, workers=workers, on_progress=say)
        measured = vectors(left, extractors[modality], cache, workers=workers, on_progress=say)
        found[modality], reasons = measured.found, reasons | dict(measured.failed)
        computed |= measured.computed
        left = {file: digest for file, digest in left.items() if file in measured.found}
    tags = dict(zip(left, _tags(tagger, found, list(left)), strict=True))

    def outcome(file: str) -> Outcome:
        path = str(Path(file).relative_to(folder))
        if file in tags:
            return Outcome(path, KEPT if tags[file].kept else DISAGREE, tags[file])
        if file in copies:
            return Outcome(path, COPY, None, f"{show(file)}: a copy of {show(copies[file])}")
        return Outcome(path, FAILED, None, reasons[file])

    return tuple(outcome(str(file)) for file in files), len(computed & set(tags))


def _apart(digests: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The first file of each content, and the others with the file they are a copy of: a data set takes one of them."""
    first: dict[bytes, str] = {}
    for file, digest in digests.items():
        first.setdefault(digest, file)
    originals = {file: digest for digest, file in first.items()}
    return originals, {file: first[digest] for file, digest in digests.items() if file not in originals}


def _tags(tagger: Tagger, found: Mapping[Modality, Mapping[str, Array]], files: Sequence[str]) -> list[Tag]:
    if not files:
        return []
    video, music = (np.array([found[modality][file] for file in files]) for modality in MODALITIES)
    return tagger.tag(video, music)


def _labels(outcomes: Iterable[Outcome], folder: Path, beside: Path) -> bytes:
    """The table of kept tags: paths relative to it where the media lie below its folder."""
    kept = [(one.path, one.tag.kept) for one in outcomes if one.outcome == KEPT and one.tag is not None]
    return _table(COLUMNS, [(_from(folder / path, beside), tag, source_of(path)) for path, tag in kept])


def _from(file: Path, beside: Path) -> str:
    return str(file.relative_to(beside) if file.is_relative_to(beside) else file)


def source_of(path: str) -> str:
    """The video that a file was cut from, by its name: `a/film_03.mp4` is of `a/film`."""
    name = before_number(Path(path).with_suffix("").as_posix())
    joint = JOIN.strip("_")  # between underscores it would make ids of pairs ambiguous
    return name.replace(joint, joint.lower()).strip() or path


def _opinions(outcomes: Iterable[Outcome]) -> bytes:
    """The table of all files with what each model says of them."""
    rows = []
    for one in outcomes:
        said = one.tag or (("", None),) * len(KINDS)
        cells = [c for name, p in said for c in (name, "" if p is None else f"{p:.4f}")]
        kept = one.tag.kept if one.tag and one.outcome == KEPT else ""
        rows.append((one.path, kept, one.outcome, *cells, one.reason))
    return _table(OPINIONS, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(head)
    lines.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
