"""Values that cross module borders: frozen dataclasses and the Protocols between the layers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.conditions import Filter as Filter
from recommender.conditions import Range as Range
from recommender.editing.placement import Fit, Placement, Stretch

Modality = Literal["music", "video"]
"""What an item is: a piece of music, or a clip (moving or still pictures)."""
Array = NDArray[Any]
Facts = Mapping[str, str | int | float | None]


class Space(NamedTuple):
    """The embedding space that vectors live in; only vectors of equal spaces may be compared.

    Attributes
    ----------
    model: the name of what made the vectors. revision: changes whenever a vector may change. dim: their length.
    """

    model: str
    revision: str
    dim: int


IMPORTED = "imported"
"""Revision of spaces whose vectors came from outside: no model here can encode a query for them."""


class Column(NamedTuple):
    """One objective feature.

    Attributes
    ----------
    name: with the unit as suffix, where it has one. unit: as people write it. meaning: in a few words.
    """

    name: str
    unit: str
    meaning: str


class Affect(NamedTuple):
    """A predicted affect distribution on the valence-arousal plane.

    Attributes
    ----------
    valence, arousal: in [-1, 1]; 0 is the reference population's mean and 0.4 one of its standard deviations.
    valence_sd, arousal_sd: standard deviations on the same scale.
    """

    valence: float
    arousal: float
    valence_sd: float
    arousal_sd: float


class Moment(NamedTuple):
    """What a stretch of an item feels like: `affect` from `start_s` to `end_s`, in seconds of the item."""

    start_s: float
    end_s: float
    affect: Affect


@dataclass(frozen=True)
class Features:
    """Objective features of one item, per window and pooled over the whole item.

    Attributes
    ----------
    columns: f names, in the order of the last axis below.
    windows: float64 [n, 2], start and end in seconds, in order, n >= 1.
    values:  float32 [n, f], finite.
    item:    float32 [f], finite: the same columns computed over the whole item.
    duration_s: decoded duration.
    facts:   scalars for people (bpm, key, shots, damaged_packets, ...), JSON-ready.
    fingerprint: the acoustic fingerprint of a piece of music (`extractors.audio.acoustic`), None where there is none.
    beats:   the beats of a piece of music (`extractors.audio.beats`), None where they were not looked for.
    """

    columns: tuple[str, ...]
    windows: Array
    values: Array
    item: Array
    duration_s: float
    facts: Mapping[str, str | int | float | None] = field(default_factory=dict)
    fingerprint: bytes | None = None
    beats: bytes | None = None


@dataclass(frozen=True)
class Analysis:
    """Everything a model says about one file.

    Attributes
    ----------
    modality: "music", or "video" of a clip. features: see `Features`.
    affect:   float32 [n, 4], an `Affect` per window; [n, 0] of a model that predicts none.
    vectors:  float32 [n, dim], unit length, one per window.
    item_affect, item_vector: the same for the whole item, [4] (or [0]) and [dim].
    tags:     title, artist, album, album_artist, year, genre, licence as found in the file (absent when unknown).
    """

    modality: Modality
    features: Features
    affect: Array
    vectors: Array
    item_affect: Array
    item_vector: Array
    tags: Mapping[str, str] = field(default_factory=dict)


class Coded(NamedTuple):
    """What a library keeps of n rows of measured features."""

    features: Array  # float32 [n, f], the measured ones and what the model derives from them
    affect: Array  # float32 [n, 4], an `Affect` per row; [n, 0] of a model that predicts none
    vectors: Array  # float32 [n, dim], unit length


@dataclass(frozen=True)
class Track:
    """One item of a library (a piece of music, or a clip in a library of clips).

    Attributes
    ----------
    id: its number in the library. modality: "music", or "video" of a clip. path: absolute; may hold surrogate escapes
        (names that are not valid UTF-8); of an imported vector its name.
    title, artist, genre, licence, album, album_artist, year: as tagged; without a title the file's name.
    duration_s, bpm, key: None where not known, as of imported vectors; a key is written "A minor".
    affect: of the whole item; None for imported vectors.
    copies: further paths with the same content.
    versions: paths of other files of the same recording (another encoding or length).
    also_in, contains: paths of longer files (mixes, medleys) that hold this track, and of those that it holds.
    loss: what of the file could not be read; None where all could.
    bpm_confidence, key_confidence: probabilities that `bpm` and `key` are what is meant; None where not told.
    bpm_alternative: the next likely level of the pulse.
    voice: how likely somebody sings or speaks in it; voice_confidence: how surely; None where nobody listened.
    """

    id: int
    path: str
    modality: Modality
    title: str
    artist: str | None = None
    duration_s: float | None = None
    bpm: float | None = None
    key: str | None = None
    affect: Affect | None = None
    copies: tuple[str, ...] = ()
    genre: str | None = None
    licence: str | None = None
    versions: tuple[str, ...] = ()
    bpm_confidence: float | None = None
    bpm_alternative: float | None = None
    key_confidence: float | None = None
    album: str | None = None
    album_artist: str | None = None
    year: int | None = None
    also_in: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    loss: "Loss | None" = None
    voice: float | None = None
    voice_confidence: float | None = None


class Loss(NamedTuple):
    """What is lost of a file.

    Attributes
    ----------
    read_s, declared_s: seconds that could be read of those that the file says to hold. damaged_packets: passed over.
    """

    read_s: float
    declared_s: float
    damaged_packets: int = 0

    def __str__(self) -> str:
        places = 0 if self.declared_s >= 10 else 1
        return f"{self.read_s:.{places}f} of {self.declared_s:.{places}f} s could be read"

    @property
    def is_most(self) -> bool:
        """Whether more is lost than could be read."""
        return 2 * self.read_s < self.declared_s


def loss_of(facts: Mapping[str, Any]) -> Loss | None:
    """What is lost of an item with these facts; None where all could be read, so far as can be told."""
    read, declared = facts.get("read_s"), facts.get("declared_s")
    if read is None or declared is None:
        return None
    return Loss(float(read), float(declared), int(facts.get("damaged_packets") or 0))


class Candidates(NamedTuple):
    """Distinct tracks by descending score.

    Attributes
    ----------
    ids: int64 [k]. scores: float32 [k], larger is better.
    """

    ids: Array
    scores: Array


class TrackWindows(NamedTuple):
    """The windows of one track.

    Attributes
    ----------
    bounds: float64 [n, 2], start and end in seconds. vectors: float32 [n, dim], unit length.
    affect: float32 [n, 4], an `Affect` per window. inputs: float32 [n, f], columns that `LibraryReader.inputs` names.
        Both have no columns for imported vectors.
    """

    bounds: Array
    vectors: Array
    affect: Array
    inputs: Array


class LibraryReader(Protocol):
    """What the engine needs of a library; storage stays behind it.

    What is asked of many tracks is asked in one call: a query makes at most six, however many candidates it has (two
    more under speech or with a taste, and four more each time that it needs more candidates, because of tracks per
    artist); a filter that names files and folders up to three, once.
    """

    @property
    def space(self) -> Space: ...

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Names of the columns of `TrackWindows.inputs`; empty for imported vectors."""

    def medians(self, modality: Modality) -> Array:
        """float32 [f]: the library's median of every input column over all windows."""

    def count(self, modality: Modality, where: Filter | None = None) -> int:
        """Number of distinct searchable tracks that meet all conditions."""

    def spellings(self, entries: Collection[str]) -> Mapping[str, Collection[str]]:
        """By entry how the library spells the paths, folders of paths and ids that it names, whatever its normal form
        (see `recommender.filters.alike`); those that name nothing are left out. entries: as people write them."""

    def recordings(self, ids: Array) -> Array:
        """int64 [n]: what recording each track is of, the id of one of its near-duplicates, or its own."""

    def search(self, query: Array, k: int, modality: Modality, *, where: Filter | None = None) -> Candidates:
        """The k tracks of distinct recordings, among those that meet all conditions, whose best window has the
        largest cosine with `query` [dim]; ties by id. Fewer only where no more qualify."""

    def tracks_of(self, ids: Sequence[int]) -> list[Track]:
        """These tracks, in this order; raises LibraryError for an unknown id."""

    def windows_of(self, ids: Sequence[int]) -> list[TrackWindows]:
        """The windows of these tracks, in this order; raises LibraryError for an unknown id."""


class AffectPair(NamedTuple):
    """Affect side by side.

    Attributes
    ----------
    query: of what was asked. section: of the recommended part of the track. None where not known.
    """

    query: Affect | None
    section: Affect | None


Emotions = Mapping[str, float]
"""Probabilities of the five EmoMV emotions by name, summing to 1."""


class EmotionsPair(NamedTuple):
    """Emotions side by side, of models that predict them.

    Attributes
    ----------
    query: of what was asked. section: of the recommended part of the track. None where not predicted.
    """

    query: Emotions | None
    section: Emotions | None


NO_EMOTIONS = EmotionsPair(None, None)


@dataclass(frozen=True)
class Reason:
    """Why a track ranks where it does.

    Attributes
    ----------
    feature: the column. value, median: of the section and of the library, in `unit`.
    change: what the score (or, of an emotion, the agreement with the query) loses when this feature is replaced by the
        library's median (positive: it speaks for the track).
    unit: "" where there is none.
    text: a sentence with the measured values. words: an editor's, without figures: `soft attacks`.
    """

    feature: str
    value: float
    median: float
    unit: str
    change: float
    text: str
    words: str


@dataclass(frozen=True)
class Cue:
    """Why a clip was read so: one column of it.

    Attributes
    ----------
    feature: the column. value: of the clip, in `unit`. unit: "" where there is none.
    valence, arousal: what it moved the reading by, on the plane.
    text: in an editor's words. seen: what the pictures show with its shares, where a network has names for it.
    """

    feature: str
    value: float
    unit: str
    valence: float
    arousal: float
    text: str
    seen: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recommendation:
    """One answer: a track and the section of it to use.

    Attributes
    ----------
    track: what to use. score: in [0, 1] (of imported vectors a cosine, in [-1, 1]), larger is better. rank: from 1.
    in_s, out_s: where the section begins and ends, in seconds from the start of the track.
    affect, emotions: of query and section, as far as the model predicts them.
    reasons: why it ranks here, the strongest first.
    fits: whether a score that is a match probability says so; None for scores that are not calibrated.
    cues, loss, speech: why the query was read so, what of its file could not be read (None: nothing), and where
        somebody speaks in it; the same for all of its answers.
    fit: the music recut to a length, where that was asked for. unfit: why it could not be.
    placement, preview: how it lies under the clip, and the film to hear it in, where they were asked for.
    course: how the section's affect moves, in seconds of the track; () where it is not known.
    """

    track: Track
    score: float
    rank: int
    in_s: float
    out_s: float
    affect: AffectPair
    reasons: Sequence[Reason] = ()
    emotions: EmotionsPair = NO_EMOTIONS
    fits: bool | None = None
    cues: Sequence[Cue] = ()
    loss: Loss | None = None
    speech: Sequence[Stretch] = ()
    placement: Placement | None = None
    preview: str | None = None
    course: tuple[Moment, ...] = ()
    fit: Fit | None = None
    unfit: str | None = None


def unit(vectors: Array) -> Array:
    """Vectors of unit length, float32 [..., d].

    Parameters
    ----------
    vectors: float [..., d], scaled along the last axis; zero vectors stay zero.
    """
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(norm > 0, norm, 1)).astype(np.float32)


def first_places(values: Array) -> Array:
    """int64 [m], ascending: where each distinct value of `values` [n] stands first."""
    return np.sort(np.unique(values, return_index=True)[1])


def number_columns(name: str, count: int) -> tuple[str, ...]:
    """Columns without names of their own: NAME_0, NAME_1 and so on."""
    return tuple(f"{name}_{i}" for i in range(count))
