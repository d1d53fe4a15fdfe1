"""What ingestion reports while it works; paths may hold surrogate escapes (names that are not UTF-8)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recommender.errors import Argument
from recommender.text import show

if TYPE_CHECKING:
    from recommender.types import Loss


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
class PartlyRead:
    """A file was analysed of which a part could not be read; it comes just before its Ingested.

    Attributes
    ----------
    path: of the file. loss: how much of it could be read.
    """

    path: str
    loss: "Loss"


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


_WHY = {
    "hidden_files": ("hidden file", "hidden files"),
    "hidden_folders": ("hidden folder", "hidden folders"),
    "bins": ("recycle bin or system's folder", "recycle bins or systems' folders"),
    "ignored": ("file or folder by .recommendignore", "files or folders by .recommendignore"),
    "links": (
        "link that leads out of the folder ({choice} takes it in)",
        "links that lead out of the folder ({choice} takes them in)",
    ),
    "pictures": ("video without sound alone", "videos without sound alone"),
    "special": ("pipe or device", "pipes or devices"),
}
_MOST_TOLD = 5  # suffixes and folders told by name


@dataclass(frozen=True)
class LeftOut:
    """What a scan left out of the folders named, counted; what was named itself is never left out.

    Attributes
    ----------
    why:      files and folders by reason: hidden_files, hidden_folders, bins, ignored, links, pictures, special.
    suffixes: other files by their suffix, which is not looked for.
    named:    the hidden folders that hold media.
    kept:     tracks of the library that are among them: they stay, and are looked at as before.
    """

    why: Mapping[str, int] = field(default_factory=dict)
    suffixes: Mapping[str, int] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    kept: int = 0

    def __bool__(self) -> bool:
        return bool(self.why or self.suffixes)

    def __add__(self, other: "LeftOut") -> "LeftOut":
        why, suffixes = Counter(self.why), Counter(self.suffixes)
        why.update(other.why)
        suffixes.update(other.suffixes)
        return LeftOut(why, suffixes, (*self.named, *other.named), self.kept + other.kept)

    def sentence(self, choice: str = "follow_links") -> str:
        """One line that counts it, empty for nothing; `choice` is what following links is called."""
        told = Counter(self.suffixes).most_common(_MOST_TOLD)
        words = [f"{n:,} {suffix or 'without a suffix'}" for suffix, n in told]
        rest = sum(self.suffixes.values()) - sum(n for _, n in told)
        words += [f"{rest:,} of {len(self.suffixes) - len(told)} further suffixes"] if rest else []
        why = {key: forms for key, forms in _WHY.items() if self.why.get(key)}
        words += [f"{self.why[key]:,} {forms[self.why[key] != 1].format(choice=choice)}" for key, forms in why.items()]
        named = ", ".join(map(show, self.named[:_MOST_TOLD])) + ", ..." * (len(self.named) > _MOST_TOLD)
        words += [f"hidden ones with media: {named} (give the path to take it in)"] if named else []
        stay = f"; {self.kept:,} tracks of the library are among them and stay" if self.kept else ""
        return f"left out: {', '.join(words)}{stay}" if words else ""

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON fields, zeros too."""
        counts = {key: self.why.get(key, 0) for key in _WHY}
        named = [show(path) for path in self.named]
        return {**counts, "suffixes": dict(self.suffixes), "hidden_with_media": named, "kept": self.kept}


Event = Plan | LeftOut | Planned | PartlyRead | Ingested | Recoded | Skipped | Failed | Removed | Warned | Mended
"""What `add`, `update`, `upgrade`, `remove` and `repair` yield."""
