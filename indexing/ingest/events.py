"""What ingestion reports while it works; paths may hold surrogate escapes (names that are not UTF-8)."""

from dataclasses import dataclass

from recommender.errors import Argument


@dataclass(frozen=True)
class Plan:
    """What will be done, first of all.

    Attributes
    ----------
    total: files found. to_analyse: of these. bytes: their size.
    """

    total: int
    to_analyse: int
    bytes: int


@dataclass(frozen=True)
class Planned:
    """In a dry run: a file that would be analysed."""

    path: str


@dataclass(frozen=True)
class Ingested:
    """A file was analysed and is committed to the library; `seconds` is what the analysis took."""

    path: str
    seconds: float


@dataclass(frozen=True)
class Recoded:
    """A track got its vectors in another model's space from features that the library holds."""

    path: str


@dataclass(frozen=True)
class Skipped:
    """A file needed no analysis: 'unchanged', 'renamed', 'copy', or 'failed before: ...'."""

    path: str
    reason: str


@dataclass(frozen=True)
class Failed:
    """A file or folder could not be used; the rest goes on.

    Attributes
    ----------
    path, reason: which, and why. kept: an analysis of before stays in the library. lost: it does not, since the content
    of the file is another now.
    """

    path: str
    reason: str
    kept: bool = False
    lost: bool = False


@dataclass(frozen=True)
class Removed:
    """A path is no longer in the library; `reason` says why, where its file is there and failed."""

    path: str
    reason: str = ""


@dataclass(frozen=True)
class Warned:
    """Something the user should know; nothing was changed because of it.

    Attributes
    ----------
    path, reason: of what, and what. advice: an argument that would change something, where there is one.
    """

    path: str
    reason: str
    advice: Argument | None = None


@dataclass(frozen=True)
class Mended:
    """Something of the library itself was put right, or could not be: one line about it."""

    text: str


Event = Plan | Planned | Ingested | Recoded | Skipped | Failed | Removed | Warned | Mended
"""What `add`, `update`, `upgrade`, `remove` and `repair` yield."""
