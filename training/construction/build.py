"""A data set of matched and mismatched pairs from anyone's labelled media (the construction of EmoMV, section 3)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from recommender.errors import InputError
from recommender.text import show
from training.construction.extractors import find_pair
from training.construction.features import Progress, measure
from training.construction.files import corpus_of, write_dataset
from training.construction.pairing import ALLOWED, ALLOWED_CLASSES, Balance, Excerpt, Pairing, pair
from training.construction.report import BuildReport, SplitReport
from training.construction.split import at_most, split
from training.construction.storage import writing
from training.construction.table import Row, read_table
from training.datasets.built import Manifest, StreamInfo, load_built
from training.types import CLASSES, EMOTIONS, Relevance

CACHE = "cache"
LABELS: dict[Relevance, tuple[str, ...]] = {"five": EMOTIONS, "three": CLASSES}
_LIMIT, _SPLIT, _TRAIN, _VALIDATION = range(4)


def _silent(done: int, total: int) -> None:
    """No progress is wanted."""


def build(
    labels_csv: Path,
    out: Path,
    balance: Balance,
    *,
    seed: int,
    extractor: str = "builtin",
    max_per_source: int | None = None,
    validation: float = 0.2,
    workers: int = 1,
    on_progress: Progress = _silent,
    classes: Relevance = "five",
) -> BuildReport:
    """What was built in `out`, a folder that `training.datasets.built.load_built` reads.

    The table has columns path (media with picture and sound, relative to the table), emotion (one of EMOTIONS or
    neutral, which is dropped) and source (the video it was cut from). Sources are dealt to train and validation,
    then each side is paired (see `pairing.pair`). The same media, options and seed give the same tables and features,
    whatever the order of the rows. Measured features stay in `out/cache`: a build that was stopped, or is run
    again with other options, measures only what is new.

    extractor: of PAIRS by name, or VIDEO,MUSIC of two in KNOWN (`training.construction.extractors`).
    balance: "return" what finds no partner to the matched pairs, or "drop" until both are equal.
    max_per_source: at most so many segments of one source, chosen by the seed before anything is measured.
    validation: wanted share of segments to validate on.
    workers: processes that measure media.
    classes: "three" labels segments positive, neutral or negative: the table may say so, an emotion stands for its
        class, and neutral ones are kept.

    Raises InputError when an option makes no sense, the table is wrong (with its line), or too little is left to make
    pairs of; CliptuneError when `out` cannot be written, or is being written by another process.
    """
    _check(balance, seed, max_per_source, validation)
    extractors = find_pair(extractor)
    table = read_table(labels_csv, classes)
    names = LABELS[classes]
    chosen = _choose(table.rows, max_per_source, seed)
    with writing(out):
        measured = measure(chosen, extractors, out / CACHE, workers=workers, on_progress=on_progress)
        usable = _segments(row for row in chosen if row.id in measured.video)
        if not usable:
            first = f"; {measured.rejected[0].reason}" if measured.rejected else ""
            raise InputError(f"{show(labels_csv)}: none of {len(chosen)} files can be used{first}")
        pairings = _pairings(usable, balance, seed, validation, names)
        splits = {name: _split_report(pairing, names) for name, pairing in pairings.items()}
        options = {"balance": balance, "seed": seed, "max_per_source": max_per_source, "validation": validation}
        video, music = (StreamInfo(e.label, e.columns, e.revision) for e in (extractors.video, extractors.music))
        manifest = Manifest(out.resolve().name, extractors.name, video, music, options, names)
        uses = _uses(table.rows, chosen, pairings, names)
        write_dataset(out, manifest, pairings, measured=measured, uses=uses)
        return BuildReport(
            folder=out,
            extractor=extractors.name,
            balance=balance,
            seed=seed,
            max_per_source=max_per_source,
            splits=splits,
            corpus=len(corpus_of(pairings["validation"])),
            neutral=table.neutral,
            over_limit=len(table.rows) - len(chosen),
            rejected=measured.rejected,
            computed=measured.computed,
            revision=load_built(out).revision,
        )


def _check(balance: str, seed: int, max_per_source: int | None, validation: float) -> None:
    """Raises InputError for an option that makes no sense."""
    if balance not in get_args(Balance):
        raise InputError(f"unknown balance '{show(balance)}'; there are: {', '.join(get_args(Balance))}")
    if seed < 0:
        raise InputError(f"the seed is {seed}; give 0 or more")
    if max_per_source is not None and max_per_source < 1:
        raise InputError(f"at most {max_per_source} segments per source leave none; give 1 or more")
    if not 0 < validation < 1:
        raise InputError(f"a share of {validation} cannot be split off; give one between 0 and 1")


def _rng(seed: int, step: int) -> np.random.Generator:
    """A generator of each step's own: the steps do not shift one another's choices."""
    return np.random.default_rng([seed, step])


def _segments(rows: Iterable[Row]) -> list[Excerpt]:
    return [Excerpt(row.id, row.emotion, row.source) for row in rows]


def _choose(rows: Sequence[Row], limit: int | None, seed: int) -> list[Row]:
    """At most `limit` rows of each source."""
    if limit is None:
        return list(rows)
    kept = {s.id for s in at_most(_segments(rows), limit, _rng(seed, _LIMIT))}
    return [row for row in rows if row.id in kept]


def _pairings(
    segments: Sequence[Excerpt], balance: Balance, seed: int, share: float, names: Sequence[str]
) -> dict[str, Pairing]:
    """The pairs of both splits; raises InputError when one of them gets no mismatched pair."""
    parts = dict(zip(("train", "validation"), split(segments, share, _rng(seed, _SPLIT)), strict=True))
    allowed = ALLOWED if names == EMOTIONS else ALLOWED_CLASSES
    steps = {"train": _TRAIN, "validation": _VALIDATION}
    pairings = {name: pair(part, balance, _rng(seed, steps[name]), allowed=allowed) for name, part in parts.items()}
    for name, part in parts.items():
        if not pairings[name].mismatched:
            counts = [f"{count} {emotion}" for emotion, count in _emotions(part, names).items() if count]
            raise InputError(
                f"{name}: no mismatched pair can be made of {len(part)} segments ({', '.join(counts) or 'none'}):"
                " it takes two segments each of two emotions that may be mismatched, from several sources; label more"
            )
    return pairings


def _emotions(segments: Sequence[Excerpt], names: Sequence[str]) -> dict[str, int]:
    return {name: sum(s.emotion == e for s in segments) for e, name in enumerate(names)}


def _split_report(pairing: Pairing, names: Sequence[str]) -> SplitReport:
    matched, mismatched = len(pairing.matched), len(pairing.mismatched)
    sources = len({s.source for s in corpus_of(pairing)})
    emotions = _emotions(pairing.matched, names)
    return SplitReport(matched, mismatched, pairing.returned, len(pairing.dropped), sources, emotions)


def _uses(
    rows: Sequence[Row], chosen: Sequence[Row], pairings: Mapping[str, Pairing], names: Sequence[str]
) -> list[tuple[str, ...]]:
    """Every row with an emotion, and what became of it (see `files.USES`)."""
    use = {row.id: ("", "over limit") for row in rows} | {row.id: ("", "unusable") for row in chosen}
    for split_name, pairing in pairings.items():
        use |= {s.id: (split_name, "matched") for s in pairing.matched}
        use |= {s.id: (split_name, "mismatched") for s, _ in pairing.mismatched}
        use |= {s.id: (split_name, "dropped") for s in pairing.dropped}
    return [(row.id, row.path, names[row.emotion], row.source, *use[row.id]) for row in rows]
