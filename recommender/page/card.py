"""One recommended track as a card: what it is, which part to use, why, how it moves under the clip, and to hear it."""

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from recommender.affect.words import mood
from recommender.outputs.table import clock, likeliest, near
from recommender.page.markup import Markup, join, tag
from recommender.page.rows import axis, data_url, loudness_in_words, track_rows
from recommender.page.sound import Heard, pieces_of

if TYPE_CHECKING:
    from recommender.page.part import Part
    from recommender.types import Recommendation, Track


def card(r: "Recommendation", part: "Part", index: int, *, base: Path) -> Markup:
    """The card of a recommendation, which is number `index` of its part; `base`: the folder of the page."""
    heard = part.heard[index] if index < len(part.heard) else None
    rows = track_rows(r, part, heard)
    drawn = tag("div", *rows, axis(part.duration_s), class_="rows") if rows else Markup("")
    return tag("li", tag("article", _head(r), _facts(r, heard), _why(r), drawn, _preview(r, part, base), class_="card"))


def _head(r: "Recommendation") -> Markup:
    track = r.track
    by = " \u00b7 ".join(filter(None, (track.artist, track.album, str(track.year or ""))))
    named = tag("div", tag("h3", track.title), tag("p", by, class_="soft") if by else Markup(""))
    bar = tag(
        "svg",
        tag("rect", width=100, height=8, class_="all"),
        tag("rect", width=f"{100 * min(max(r.score, 0), 1):.1f}", height=8, class_="part"),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    score = tag("div", tag("span", "score ", class_="soft"), tag("b", f"{r.score:.3f}"), bar, class_="score")
    return tag("div", tag("span", str(r.rank), class_="rank"), named, score, class_="head")


def _facts(r: "Recommendation", heard: Heard | None) -> Markup:
    track = r.track
    told = [("Use", _use(r)), ("Not fitted", r.unfit), ("Tempo", _tempo(track)), ("Key", _key(track))]
    told += [("Feels", _feels(r)), ("Loudness", None if heard is None else loudness_in_words(heard))]
    told += [("Genre", track.genre), ("Licence", track.licence or "not on file: ask before you use it")]
    found = [join(tag("div", tag("dt", name), tag("dd", value))) for name, value in told if value]
    file = tag("div", tag("dt", "File"), tag("dd", near(track.path), class_="path"), class_="wide")
    lost = [tag("div", tag("dt", "Damaged"), tag("dd", str(track.loss)))] if track.loss is not None else []
    return tag("dl", *found, *lost, file, class_="facts")


def _use(r: "Recommendation") -> str:
    """In and out points of the track, of all pieces where it is cut to length."""
    _, pieces = pieces_of(r)
    spans = ", ".join(f"{_precise(start)} to {_precise(end)}" for start, end in pieces)
    return f"{spans} of {clock(r.track.duration_s)}" if r.track.duration_s else spans


def _precise(seconds: float) -> str:
    """`1:02`, and with tenths where there are any: `1:02.5`."""
    tenths = int(seconds * 10 + 0.5)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}" + (f".{tenths % 10}" if tenths % 10 else "")


def _tempo(track: "Track") -> str | None:
    if track.bpm is None:
        return None
    doubt = f", else {track.bpm_alternative:.0f}" if track.bpm_alternative is not None else ""
    return f"{track.bpm:.0f} bpm{_sure(track.bpm_confidence, doubt)}"


def _key(track: "Track") -> str | None:
    return None if track.key is None else f"{track.key}{_sure(track.key_confidence, '')}"


def _sure(confidence: float | None, otherwise: str) -> str:
    return "" if confidence is None else f" ({confidence * 100:.0f} % sure{otherwise})"


def _feels(r: "Recommendation") -> str | None:
    if r.affect.section is not None:
        return mood(r.affect.section)
    return None if r.emotions.section is None else likeliest(r.emotions.section, 2)


def _why(r: "Recommendation") -> Markup:
    """What speaks for the track and what against it, and on request the figures behind the words."""
    sides = (
        ("Fits", None, [why.words for why in r.reasons if why.change > 0]),
        ("Against", "against", [why.words for why in r.reasons if why.change < 0]),
    )
    told = [
        tag("p", tag("b", f"{name}: ", class_=kind or None), ", ".join(words)) for name, kind, words in sides if words
    ]
    if r.fits is False:
        told.append(tag("p", "Its match is rated below 50 %.", class_="soft"))
    if not told:
        return Markup("")
    figures = tag("ul", *(tag("li", why.text) for why in r.reasons))
    return tag("div", *told, tag("details", tag("summary", "The figures behind it"), figures), class_="why")


def _preview(r: "Recommendation", part: "Part", base: Path) -> Markup:
    """The film with this music under it, which waits as a picture from the middle of the clip."""
    if r.preview is None:
        return Markup("")
    name = PurePath(r.preview).name
    inside = tag("p", "The film with this music: ", name)
    label = f"The clip with {r.track.title} under it"
    shown = part.pictures[len(part.pictures) // 2] if part.pictures else None
    size: dict[str, str | float] = {}
    if shown is not None:
        size = {"poster": data_url(shown), "width": shown.width, "height": shown.height}
    given = {"src": _address(r.preview, base), "preload": "none", "aria_label": label}
    return tag("video", inside, controls=True, **given, **size)


def _address(path: str, base: Path) -> str:
    """A file as seen from a page in `base`; of another drive by its whole address."""
    try:
        relative = os.path.relpath(path, base)
    except ValueError:
        return Path(path).absolute().as_uri()
    return "./" + quote(os.fsencode(relative.replace(os.sep, "/")))
