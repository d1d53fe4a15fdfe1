"""`.recommendignore`: what of a folder is left out, a pattern a line, in the words of a `.gitignore`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_LONGEST = 1024  # letters of a pattern for a name, which has 255 at most


@dataclass(frozen=True)
class Rule:
    """A line: `parts` of its path, matched in names one by one; `kept` for a line that takes back an earlier one.

    `anchored`: from the folder of the file on, else a name at any depth. `folders`: of folders alone.
    """

    parts: tuple[str, ...]
    kept: bool
    anchored: bool
    folders: bool


Rules = tuple[tuple[int, list[Rule]], ...]
"""The rules of each folder on the way down, with its depth: how many parts its path has."""
IGNORE_BYTES = 1 << 16
"""Most bytes of an ignore file."""


def read_rules(text: str) -> list[Rule]:
    """The rules of a file: `*`, `?`, `[...]`, `**`, `!` in front and `/` at the end as in a `.gitignore`."""
    return [_rule(line) for line in map(str.rstrip, text.removeprefix("\ufeff").splitlines()) if _counts(line)]


def _counts(line: str) -> bool:
    """Whether a line is a rule: no comment, not empty, and none that no name could fit."""
    return (
        max(map(len, line.split("/"))) <= _LONGEST
        and not line.startswith("#")
        and any(line.removeprefix("!").split("/"))
    )


def _rule(line: str) -> Rule:
    kept = line.startswith("!")
    body = line.removeprefix("!").removeprefix("\\")
    parts = [part for part in body.split("/") if part]
    return Rule(tuple(parts), kept, "/" in body.rstrip("/"), body.endswith("/"))


def leaves_out(rules: Iterable[Rule], parts: Sequence[str], folder: bool) -> bool | None:
    """What rules say of a path in their folder: whether it is left out, None when none fits; the last one counts."""
    said = None
    for rule in rules:
        if (folder or not rule.folders) and _fits(rule, parts):
            said = not rule.kept
    return said


def is_ignored(parts: Sequence[str], folder: bool, rules: Rules) -> bool:
    """What the innermost folder that says something of a path says."""
    said = (leaves_out(inner, parts[depth:], folder) for depth, inner in reversed(rules))
    return next((one for one in said if one is not None), False)


def _fits(rule: Rule, parts: Sequence[str]) -> bool:
    if not rule.anchored:
        return fnmatchcase(parts[-1], rule.parts[0])
    return _walk(parts, rule.parts)


def _walk(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path fits a pattern in which `**` is any number of folders: the latest `**` alone is ever widened."""
    at, place, star, held = 0, 0, -1, 0
    while at < len(parts):
        if place < len(pattern) and pattern[place] == "**":
            star, held, place = place, at + (place == len(pattern) - 1), place + 1
            at = held
        elif place < len(pattern) and fnmatchcase(parts[at], pattern[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            held += 1
            at, place = held, star + 1
        else:
            return False
    return place == len(pattern)
