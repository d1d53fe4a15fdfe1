"""Names that people and files write in many ways: keys, tempi and licences."""

import re
import unicodedata
from collections.abc import Iterable

from recommender.errors import InputError
from recommender.text import show, tidy

KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
"""Tonics as the analysis of music writes them, by pitch class."""

_TONICS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
_TONICS |= {"do": 0, "re": 2, "mi": 4, "fa": 5, "sol": 7, "la": 9, "si": 11}
_SIGNS = {**dict.fromkeys(("#", "♯", "s", "is", "sharp", "diese", "diesis", "sostenido"), 1)}
_SIGNS |= dict.fromkeys(("b", "♭", "es", "flat", "bemol", "bemolle"), -1)
_GERMAN = {"dur": "major", "moll": "minor"}
_MODES = {**dict.fromkeys(("ma", "maj", "major", "majeur", "maggiore", "mayor", "maior"), "major")}
_MODES |= dict.fromkeys(("-", "m", "mi", "min", "minor", "mineur", "minore", "menor"), "minor") | _GERMAN


def _any(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_NAME = re.compile(rf"({_any(_TONICS)})(?:[\s-]*({_any(_SIGNS)}))?(?:[\s:_,-]*({_any(_MODES)})\.?)?", re.IGNORECASE)
_APART = re.compile(r"[/|()]|\s-\s")  # several names of one key: C#/Db minor, 8A - Am
_WHEEL = re.compile(r"0?([1-9]|1[0-2])\s?([ABMD])", re.IGNORECASE)
_WHEELS = {"A": (9, 8, "minor"), "B": (0, 8, "major"), "M": (9, 1, "minor"), "D": (0, 1, "major")}

BPM_MIN, BPM_MAX = 30.0, 300.0  # what else tags state, 0 above all, is no tempo
_BPM = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:bpm)?\s*", re.IGNORECASE)

_CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licen[sc]es/(?P<kind>[a-z+-]+)|publicdomain/(?P<free>zero|mark))(?:/(?P<version>\d+\.\d+))?",
    re.IGNORECASE,
)
_FREE = {"zero": "CC0", "mark": "Public Domain Mark"}


def key_name(text: str) -> str:
    """The name of a key written in any usual way; raises InputError.

    `Am`, `a minor`, `A♯m`, `Db`, `C#/Db minor`; German (`a-moll`, `Es-Dur`, `H`), French and Italian (`la mineur`,
    `Do maggiore`); on the wheels of DJs Camelot (`8A`) and Open Key (`1m`). B is the note below C, as in English, and
    that below H where the mode is German: `B-Dur` is Bb major. `As` and `Es` are German, too; of other letters s and
    # are the same.
    """
    plain = "".join(ch for ch in unicodedata.normalize("NFD", tidy(text)) if not unicodedata.combining(ch))
    names = [name for name in map(str.strip, _APART.split(plain)) if name]
    last = _NAME.fullmatch(names[-1]) if names else None
    found = {_key(name, last[3] if last else None) for name in names}
    if len(found) != 1 or None in found:
        raise InputError(f"{show(text)}: no key; write it as `A minor`, `Am`, `Eb major`, `Eb` or `8A`")
    return str(found.pop())


def _key(name: str, otherwise: str | None) -> str | None:
    """The key that a tonic names with its mode, or the mode `otherwise`, or a place on a wheel; None for no key."""
    if match := _WHEEL.fullmatch(name):
        start, first, wheel = _WHEELS[match[2].upper()]
        return f"{KEYS[(start + 7 * (int(match[1]) - first)) % len(KEYS)]} {wheel}"
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    letter, sign, mode = match[1].lower(), (match[2] or "").lower(), match[3] or otherwise or "M"
    step = _TONICS[letter] + _SIGNS.get(sign, 0)
    if sign == "s" and letter in ("a", "e"):
        step -= 2
    elif letter == "b" and not sign and mode.lower() in _GERMAN:
        step -= 1
    return f"{KEYS[step % len(KEYS)]} {'major' if mode == 'M' else _MODES[mode.lower()]}"


def fold_key(text: str) -> str:
    """A key for comparison: its name, or the text where it is none."""
    try:
        return key_name(text)
    except InputError:
        return text


def tempo(text: str) -> float | None:
    """The tempo in bpm that a text such as `128`, `92,5` or `120 BPM` states; None where none."""
    match = _BPM.fullmatch(text)
    return None if match is None else float(match[1].replace(",", "."))


def licence_name(text: str) -> str:
    """`CC BY-NC 4.0` for a text with the address of that licence; any other text as it is."""
    match = _CREATIVE_COMMONS.search(text)
    if match is None:
        return text
    name = _FREE[match["free"].lower()] if match["free"] else f"CC {match['kind'].upper()}"
    return f"{name} {match['version']}" if match["version"] else name
