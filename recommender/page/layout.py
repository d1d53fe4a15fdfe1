"""The page as HTML: a header in plain words, a part per clip, a card per track. No script, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from recommender.affect.course import Course
from recommender.outputs.table import NOTHING_FITS, STILL, likeliest, near, nothing_fits, of_stills
from recommender.page.card import card
from recommender.page.markup import Markup, join, tag
from recommender.page.rows import axis, clip_rows, legend

if TYPE_CHECKING:
    from recommender.page.part import Part

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$style</style>
</head>
<body>
$body
</body>
</html>
""")

HOW = (
    (
        "Energy (arousal) and pleasantness (valence)",
        "Two numbers describe a feeling. Energy goes from calm (\u22121) to energetic (+1), pleasantness from dark or "
        "unpleasant (\u22121) to bright and pleasant (+1); 0 is what is usual. A wistful slow piece is low in both, a "
        "cheerful dance high in both, a fight energetic but unpleasant.",
    ),
    (
        "Curves and bands",
        "A curve shows how a feeling moves, over windows of ten seconds; dashed is the picture, solid the music. All "
        "rows share the clip's clock. The band is how unsure the estimate is: in about two of three cases people would "
        "place the feeling inside it.",
    ),
    (
        "Score",
        "How well the music's feeling fits the picture's, from 0 (not at all) to 1 (the same). It is an estimate of "
        "feeling alone: your ears decide.",
    ),
    (
        "Cuts and beats",
        "Thin lines are beats, thicker ones the first of a bar, lines from above the cuts of the clip. A cut within "
        "0.08 s of a beat is marked as falling on it; how many would do so by chance stands beside it.",
    ),
)
"""What a stranger needs to know, in plain words."""


def page(parts: "Sequence[Part]", base: Path) -> str:
    """The whole page; `base`: the folder that it will lie in, from which previews are found."""
    names = [near(part.answer.query) for part in parts]
    title = f"Music for {_named(names[0])}" if len(parts) == 1 else f"Music for {len(parts)} clips"
    body = join(
        tag("header", tag("h1", title), _lede(parts), _how()),
        tag("main", _contents(names), *(_part(part, i, base, alone=len(parts) == 1) for i, part in enumerate(parts))),
        tag("footer", footer()),
    )
    return document(title, body)


def document(title: str, body: Markup, *styles: str) -> str:
    """A whole page of that title; `styles`: names of further style sheets beside this module."""
    folder = files("recommender.page")
    style = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", *styles))
    return _PAGE.substitute(policy=_policy(style), title=join(title), style=style, body=body)


def _policy(style: str) -> str:
    """What the page may load: its own style, its own pictures, films that lie beside it; nothing may send anything."""
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{known}'; img-src data:; media-src 'self' file:; "
        "base-uri 'none'; form-action 'none'"
    )


def _named(name: str) -> str:
    return f"\u201c{Path(name).name or name}\u201d"


def _lede(parts: "Sequence[Part]") -> Markup:
    tracks = sum(len(part.answer.recommendations) for part in parts)
    what = "one piece" if tracks == 1 else f"{tracks} pieces"
    return tag("p", f"{what} of music, chosen by how the pictures feel, best first.".capitalize(), class_="soft")


def _how() -> Markup:
    terms = (tag("div", tag("dt", name), tag("dd", told)) for name, told in HOW)
    return tag("details", tag("summary", "How to read this page"), tag("dl", *terms), class_="how", open=True)


def _contents(names: Sequence[str]) -> Markup:
    if len(names) == 1:
        return Markup("")
    links = (tag("li", tag("a", name, href=f"#clip-{i + 1}")) for i, name in enumerate(names))
    return tag("nav", tag("ol", *links), aria_label="Clips")


def _part(part: "Part", number: int, base: Path, *, alone: bool) -> Markup:
    answer = part.answer
    heading = Markup("") if alone else tag("h2", _named(near(answer.query)))
    if answer.error is not None:
        inside = tag("p", f"This clip could not be used: {answer.error}", class_="note")
        return tag("section", heading, inside, class_="clip", id=f"clip-{number + 1}")
    cards = [card(r, part, i, base=base) for i, r in enumerate(answer.recommendations)]
    told = [*(_sentences(part)), *(tag("p", line, class_="note") for line in _notes(part))]
    sheet = tag(
        "div", *told, legend(part), tag("div", *clip_rows(part), axis(part.duration_s), class_="rows"), class_="sheet"
    )
    nothing = tag("p", "Nothing to recommend: the library holds no tracks.", class_="note")
    listed = tag("ol", *cards) if cards else nothing
    label = f"Clip {near(answer.query)}"
    return tag("section", heading, sheet, listed, class_="clip", id=f"clip-{number + 1}", aria_label=label)


def _sentences(part: "Part") -> list[Markup]:
    """What the clip feels like and why, in words."""
    from recommender.affect.words import mood

    answer, found = part.answer, []
    if answer.affect is not None:
        found.append(tag("p", "The clip feels ", tag("b", mood(answer.affect)), "."))
    elif answer.emotions is not None:
        found.append(tag("p", f"The clip feels {likeliest(answer.emotions, 2)}."))
    if moves := _movement(part):
        found.append(tag("p", moves))
    if answer.cues:
        found.append(tag("p", f"Because: {', '.join(cue.text for cue in answer.cues)}.", class_="soft"))
    return found


def _movement(part: "Part") -> str | None:
    """How the clip surely moves, in words; None where it does not."""
    moments = part.answer.course
    if not moments:
        return None
    windows, affect = np.array([m[:2] for m in moments]), np.array([m.affect for m in moments])
    course = Course(windows, affect, part.duration_s)
    if not course.has_arc:
        return None
    movement, dimension = course.movement
    name = "pleasantness" if dimension == 0 else "energy"
    return f"As it goes on, its {name} {movement}; music that does the same is preferred."


def _notes(part: "Part") -> list[str]:
    answer = part.answer
    told = {NOTHING_FITS: nothing_fits(answer), STILL: of_stills(answer), str(answer.loss): answer.loss is not None}
    return [*(line for line, said in told.items() if said), *part.remarks]


def footer() -> str:
    """Who made a page."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("cliptune")
    except PackageNotFoundError:
        number = ""
    return f"Made by cliptune {number}".strip() + ", on this machine: nothing was sent anywhere."
