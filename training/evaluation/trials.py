"""Trials: one system fitted once and its raw scores on the evaluated items, kept on disk so that a run can resume."""

import hashlib
import inspect
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from recommender.atomic import new_file
from recommender.encoders.contract import MODALITIES
from recommender.errors import Argument, InputError
from recommender.logs import getLogger
from recommender.model.retrieval import RetrievalModel
from recommender.types import Array, Modality
from training.datasets.collections import join_extra, segments
from training.datasets.emomv import apart
from training.evaluation import log
from training.types import CLASS_OF, CLASSES, EMOTIONS, Corpus, Dataset, Extra, Pairs, ProtocolName, Relevance, System

_log = getLogger(__name__)
Split = Literal["published", "folds", "collections"]
"""`published`: fit on train, score the test (or validation) set. `folds`: grouped cross-validation within train.
`collections`: each collection is left out once, and what the others taught is scored on the whole of it."""

FOLDS = 5
FORMAT = 2
"""Of the kept outcomes: those of another format are computed again."""


class Trial(NamedTuple):
    """One fit: which system, with which seed, on which fold (0 in the published split)."""

    system: str
    seed: int
    fold: int


class Task(NamedTuple):
    """What a fit sees (`extra`: further labelled music) and what it is scored on.

    classes: what of each label makes items relevant to each other.
    """

    train: Pairs
    stop: Pairs | None
    pairs: Pairs
    corpus: Corpus
    classes: tuple[int, ...] = tuple(range(len(EMOTIONS)))
    extra: Extra | None = None


class Outcome(NamedTuple):
    """What a trial leaves behind: scores, vectors and the cost of all of it.

    match: float64 [n], one per evaluated pair. similarity: float64 [videos, music] of the corpus.
    video_emotions, music_emotions: probabilities [n, 5] of the evaluated pairs; [0, 5] of a system without.
    video_vectors, music_vectors: float32 [c, d] of the corpus; [0, 0] of a system without vectors to search with.
    weight: the weight a fusion chose for its second system; NaN of any other system.
    seconds: processor time.
    """

    match: Array
    similarity: Array
    video_emotions: Array
    music_emotions: Array
    video_vectors: Array
    music_vectors: Array
    weight: float
    seconds: float

    @property
    def searchable(self) -> bool:
        """Whether the system gave vectors."""
        return bool(self.video_vectors.shape[1] and self.music_vectors.shape[1])


@dataclass(frozen=True)
class Bench:
    """A dataset under one protocol and split: the tasks of a benchmark.

    Attributes
    ----------
    dataset, protocol, split: what is measured, and how; the split `collections` is that of the protocol `transfer`.
    folds: of the split `folds`. extra: further labelled music.
    further: of `collections`, whether their labelled music without pictures is given as well.
    only: the one collection that is left out; None: each in turn.
    saved: only models that are trained already: no training pairs are needed, and none are given.
    relevance: "three": items are relevant to each other when both are positive, say.
    """

    dataset: Dataset
    protocol: ProtocolName
    split: Split = "published"
    folds: int = FOLDS
    extra: Extra | None = None
    saved: bool = False
    relevance: Relevance = "five"
    further: bool = False
    only: int | None = None

    def __post_init__(self) -> None:
        gathered = bool(self.dataset.collections)
        if (self.protocol == "transfer", self.split == "collections") != (gathered, gathered):
            raise InputError(
                f"the protocol transfer leaves out one of several collections, and {self.dataset.name} is "
                f"{len(self.dataset.collections) or 1}: give ",
                Argument("protocol", "transfer"),
                " with two sets or more, and others with one",
            )
        if self.saved and self.split == "folds":
            raise InputError("saved models are scored on published parts: what they were trained on is no test")
        for name in dict.fromkeys([self.part] if self.saved else ["train", self.part]):
            part = self.dataset.pairs.get(name)
            if part is None or not part.video.shape[1] or not part.music.shape[1]:
                lacking = "; ".join(self.dataset.missing) or "no such part"
                raise InputError(f"{self.dataset.name} cannot be benchmarked without its {name} pairs: {lacking}")

    @property
    def part(self) -> str:
        """The name of the evaluated pairs."""
        if self.split != "published":
            return "train"
        return "test" if "test" in self.dataset.pairs else "validation"

    @property
    def corpus(self) -> Corpus | None:
        """The retrieval corpus, where both its features are there."""
        corpus = self.dataset.corpus
        return corpus if corpus is not None and corpus.video.shape[1] and corpus.music.shape[1] else None

    @property
    def classes(self) -> tuple[int, ...]:
        """What makes items relevant to each other, by their label: the label itself, or its class of three."""
        of_three = self.relevance == "three" and self.dataset.labels == EMOTIONS
        return CLASS_OF if of_three else tuple(range(len(self.dataset.labels)))

    @property
    def names(self) -> tuple[str, ...]:
        """What `classes` stand for."""
        return CLASSES if self.relevance == "three" else self.dataset.labels

    def fold_numbers(self) -> range:
        """The folds of one seed: of `collections` the numbers of those that are left out."""
        if self.split == "collections":
            every = range(len(self.dataset.collections))
            return every if self.only is None else every[self.only : self.only + 1]
        return range(self.folds if self.split == "folds" else 1)

    def tasks(self, seed: int) -> list["Task"]:
        """The tasks of all folds of a seed."""
        return [self.task(seed, fold) for fold in self.fold_numbers()]

    @property
    def ranked(self) -> str:
        """What is ranked, in words."""
        if self.split == "collections":
            sets = (self.dataset.collections[fold] for fold in self.fold_numbers())
            return ", ".join(f"all {len(one.corpus)} segments of {one.name}" for one in sets)
        if self.split == "folds":
            return "the held-out pairs of each fold"
        if self.corpus is not None:
            return f"the published corpus of {len(self.corpus)} segments"
        return f"the {len(segments(self.dataset.pairs[self.part]))} matched pairs: the published corpus is not there"

    def task(self, seed: int, fold: int) -> Task:
        """The task of a fold that a seed dealt. In cross-validation held-out videos query held-out music, and back."""
        if self.split == "collections":
            return self._transfer(fold)
        if self.split == "published":
            pairs = self.dataset.pairs[self.part]
            stop = self.dataset.pairs.get("validation", pairs) if self.protocol == "paper" else None
            train = pairs.take(np.arange(0)) if self.saved else self.dataset.pairs["train"]
            return Task(train, stop, pairs, self.corpus or segments(pairs), self.classes, self.extra)
        train = self.dataset.pairs["train"]
        fit, held = self.rows(seed, fold)
        pairs = train.take(held)
        corpus = Corpus(pairs.video, pairs.music, pairs.video_emotion, pairs.ids)
        stop = pairs if self.protocol == "paper" else None
        return Task(train.take(fit), stop, pairs, corpus, self.classes, self.extra)

    def _transfer(self, number: int) -> Task:
        """A collection, and all others to learn from."""
        test, every = self.dataset.collections[number], self.dataset.pairs["train"]
        train = every.take((every.collection != number) & (not self.saved))
        others = [one.music for one in self.dataset.collections if one.name != test.name and one.music is not None]
        further = join_extra([apart(music, test.corpus.music) for music in others if self.further])
        return Task(train, None, test.pairs, test.corpus, self.classes, further)

    def rows(self, seed: int, fold: int) -> tuple[Array, Array]:
        """Fitted and held-out training pairs of a fold that a seed dealt, as indices; no source is on both sides."""
        from training.learning.folds import deal_pair_folds

        if seed not in self._dealt:
            self._dealt[seed] = deal_pair_folds(self.dataset.pairs["train"], self.folds, seed)
        return self._dealt[seed][fold]

    @cached_property
    def _dealt(self) -> dict[int, list[tuple[Array, Array]]]:
        """Folds by seed: every system and every part of the report asks for them again."""
        return {}


def run(bench: Bench, system: System, trial: Trial, *, folder: Path, reason: str) -> Outcome:
    """The outcome of a trial: read from `folder` when it was done before with the same everything, else computed."""
    path = folder / "trials" / f"{trial.system}.seed{trial.seed}.fold{trial.fold}.npz"
    key = trial_key(bench, system, trial)
    if (kept := _read(path, key)) is not None:
        _log.info("%s: done before, read back", path)
        return kept
    task = bench.task(trial.seed, trial.fold)
    start = time.process_time()
    fitted = system.fit(task.train, trial.seed, task.stop, extra=task.extra)
    log.record(
        folder / "evaluated.jsonl",
        system=trial.system,
        protocol=bench.protocol,
        seed=trial.seed,
        dataset=bench.dataset.name,
        revision=bench.dataset.revision,
        part=_part(bench, trial.fold),
        reason=reason,
    )
    match = np.asarray(fitted.match(task.pairs.video, task.pairs.music), np.float64)
    similarity = np.asarray(fitted.similarity(task.corpus.video, task.corpus.music), np.float64)
    emotions = [_emotions(fitted.emotions(m, getattr(task.pairs, m))) for m in MODALITIES]
    vectors = [_vectors(fitted, m, getattr(task.corpus, m)) for m in MODALITIES]
    weight = float(getattr(fitted, "weight", np.nan))
    outcome = Outcome(
        match, similarity, emotions[0], emotions[1], vectors[0], vectors[1], weight, time.process_time() - start
    )
    _write(path, key, outcome)
    return outcome


def _part(bench: Bench, fold: int) -> str:
    """What a trial scores, for the log."""
    if bench.split == "collections":
        return f"{bench.dataset.collections[fold].name}, left out"
    return bench.part if bench.split == "published" else f"train, fold {fold} of {bench.folds}"


def _emotions(probabilities: Array | None) -> Array:
    return np.zeros((0, 5)) if probabilities is None else np.asarray(probabilities, np.float64)


def _vectors(fitted: object, modality: Modality, features: Array) -> Array:
    """The unit vectors float32 [c, d] of `features`, [0, 0] of a system without."""
    embed = getattr(fitted, "embed", None)
    if isinstance(fitted, RetrievalModel):
        embed = fitted.matcher.embed
    return np.zeros((0, 0), np.float32) if embed is None else np.asarray(embed(modality, features), np.float32)


def trial_key(bench: Bench, system: System, trial: Trial) -> str:
    """A hash over all that an outcome depends on: data, protocol, folds, configuration and the code that fits."""
    more = bench.extra
    extra = "" if more is None else hashlib.sha256(more.music.tobytes() + more.emotion.tobytes()).hexdigest()
    where = bench.dataset.name, bench.dataset.revision, bench.protocol, bench.split, bench.folds, bench.further
    facts = (FORMAT, *where, extra, repr(system), *trial, code())
    return hashlib.sha256(repr(facts).encode()).hexdigest()


SOURCES = (
    *("recommender.encoders", "recommender.model", "recommender.rankers"),  # and what trained models score with
    *("training.measures", "training.nets", "training.systems"),
    *(f"training.learning.{name}" for name in ("folds", "loop", "losses", "memo", "targets", "weighing")),
)


@cache
def code() -> str:
    """A hash over the sources that a fit runs through."""
    digest = hashlib.sha256()
    for name in SOURCES:
        home = Path(inspect.getfile(import_module(name)))
        for source in sorted(home.parent.rglob("*.py")) if home.name == "__init__.py" else [home]:
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _read(path: Path, key: str) -> Outcome | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                return None
            parts = {name: kept[name] for name in Outcome._fields}
            return Outcome(**parts | {name: float(parts[name]) for name in ("weight", "seconds")})
    except (OSError, ValueError, KeyError, EOFError):
        return None  # absent, from other code or data, or cut short: computed again


def _write(path: Path, key: str, outcome: Outcome) -> None:
    try:
        arrays: dict[str, Any] = outcome._asdict()
        with new_file(path, shared=True) as partial, partial.open("wb") as file:
            np.savez_compressed(file, key=np.array(key), **arrays)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; the benchmark can be resumed") from error


def trials(bench: Bench, systems: list[str], seeds: list[int]) -> Iterator[Trial]:
    """Every trial of a benchmark, seed by seed, so that a stopped run has whole seeds to look at."""
    for seed in seeds:
        for name in systems:
            for fold in bench.fold_numbers():
                yield Trial(name, seed, fold)
