"""Rows of curves on the clip's clock, each with its name, what its ends mean, and a description to be read aloud."""

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recommender.editing.loudness import HOP_S
from recommender.editing.placement import Stretch
from recommender.outputs.table import clock
from recommender.page import drawing
from recommender.page.markup import Markup, tag
from recommender.page.sound import Heard, chance_of_beat, on_beats, pieces_of
from recommender.page.strip import Picture

if TYPE_CHECKING:
    from recommender.page.part import Part
    from recommender.types import Moment, Recommendation

DIMENSIONS = ((1, "Energy", "energetic", "calm"), (0, "Pleasantness", "pleasant", "unpleasant"))
"""Of an affect: its place, its name for people, and its ends."""
SILENT_LUFS = -70.0
MOST_TOLD = 20
"""Cuts whose times are read aloud."""
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds between two labels of the clock; at most so many are shown."""
MOST_LABELS = 7


def clip_rows(part: "Part") -> list[Markup]:
    """The clip's pictures, curves, and speech and cuts."""
    rows = [_pictures(part.pictures)] if part.pictures else []
    for dimension, name, top, bottom in DIMENSIONS if part.answer.course else ():
        told = f"{name} of the picture over time: {_goes(part.answer.course, dimension)}. {_scale(top, bottom)}"
        curve = drawing.course(part.answer.course, dimension, duration_s=part.duration_s, shift_s=0.0, kind="picture")
        rows.append(_row(name, drawing.canvas(_speech(part), drawing.neutral(), curve, label=told), top, bottom))
    cuts = _count(len(part.cuts_s), "cut")
    if part.cuts_s:
        later = " and later" if len(part.cuts_s) > MOST_TOLD else ""
        told = f"{cuts} at {', '.join(clock(at) for at in part.cuts_s[:MOST_TOLD])}{later}"
        marks = drawing.ticks(part.cuts_s, part.duration_s, kind="cut", top=0, bottom=drawing.LOW)
        rows.append(_row("Cuts", _low(_speech(part, drawing.LOW), marks, label=told), note=cuts))
    return rows


def track_rows(r: "Recommendation", part: "Part", heard: Heard | None) -> list[Markup]:
    """A track's curves over those of the clip, its loudness, its beats under the clip's cuts."""
    rows = []
    at_s, pieces = pieces_of(r)
    shift = at_s - pieces[0].start_s
    for dimension, name, top, bottom in DIMENSIONS if r.course and len(pieces) == 1 else ():
        told = f"{name} of the music: {_goes(r.course, dimension)}"
        if part.answer.course:
            told += f"; of the picture: {_goes(part.answer.course, dimension)}"
        picture = drawing.course(part.answer.course, dimension, duration_s=part.duration_s, shift_s=0.0, kind="picture")
        music = drawing.course(r.course, dimension, duration_s=part.duration_s, shift_s=shift, kind="music")
        drawn = drawing.canvas(drawing.neutral(), picture, music, label=f"{told}. {_scale(top, bottom)}")
        rows.append(_row(name, drawn, top, bottom))
    if heard is not None:
        rows += [_loudness(part, heard), *_beats(part, heard)]
    return rows


def axis(duration_s: float) -> Markup:
    """Seconds of the clip below the rows."""
    step = next((step for step in STEPS_S if duration_s / step <= MOST_LABELS), duration_s)
    at = [step * i for i in range(int(duration_s / step + 1e-6) + 1)]
    times = (_time(seconds, duration_s) for seconds in at)
    return _row("", tag("svg", *times, class_="times", aria_hidden="true"))


def _time(seconds: float, duration_s: float) -> Markup:
    """A label of the clock; the first and the last stay inside the row."""
    share = seconds / duration_s
    anchor = "start" if share < 0.03 else "end" if share > 0.97 else "middle"
    label = clock(seconds) if seconds == int(seconds) else f"{seconds:.1f} s"
    return tag("text", label, x=f"{100 * share:.2f}%", y="75%", text_anchor=anchor)


def legend(part: "Part") -> Markup:
    """What the lines are."""
    entries = [("picture", "the picture"), ("music", "the music")]
    marks = [tag("span", _sample(kind), name) for kind, name in entries]
    if _spoken(part):
        marks.append(tag("span", _swatch(), "somebody speaks"))
    return tag("p", *marks, class_="legend")


def _sample(kind: str) -> Markup:
    line = tag("path", d="M0 5H40", class_=f"line {kind}")
    return tag("svg", line, viewBox="0 0 40 10", aria_hidden="true")


def _swatch() -> Markup:
    return tag("svg", tag("rect", width=40, height=10, class_="speech"), viewBox="0 0 40 10", aria_hidden="true")


def data_url(picture: Picture) -> str:
    """A picture as an address that holds it."""
    return f"data:image/jpeg;base64,{b64encode(picture.jpeg).decode('ascii')}"


def _pictures(pictures: Sequence[Picture]) -> Markup:
    shown = (
        tag(
            "img",
            src=data_url(one),
            alt=f"The clip at {clock(one.at_s)}",
            width=one.width,
            height=one.height,
        )
        for one in pictures
    )
    return _row("Pictures", tag("div", *shown, class_="strip"))


def loudness_in_words(heard: Heard) -> str:
    """Integrated loudness of a section as it is in the file."""
    return f"{heard.lufs:.1f} LUFS".replace("-", "\u2212") if heard.lufs > SILENT_LUFS else "silent"


def _loudness(part: "Part", heard: Heard) -> Markup:
    told = loudness_in_words(heard)
    where = {"at_s": heard.at_s, "hop_s": HOP_S, "duration_s": part.duration_s}
    drawn = drawing.canvas(
        _speech(part),
        drawing.waveform(heard.peaks, **where),
        drawing.loudness(heard.short_lufs, **where),
        drawing.ticks(heard.joints_s, part.duration_s, kind="joint", top=0, bottom=drawing.HIGH),
        label=f"Loudness of the section as it is in the file, over three seconds: {told} in all",
    )
    return _row("Loudness", drawn, "loud", "soft")


def _beats(part: "Part", heard: Heard) -> list[Markup]:
    """Beats below, cuts from above, those that meet marked."""
    if not len(heard.beats_s) and not part.cuts_s:
        return []
    hits = on_beats(part.cuts_s, heard.beats_s)
    told = _beats_in_words(part, heard, sum(hits))
    met = [cut for cut, hit in zip(part.cuts_s, hits, strict=True) if hit]
    high = drawing.LOW
    marks = (
        drawing.ticks(met, part.duration_s, kind="hit", top=0, bottom=high),
        drawing.ticks(heard.beats_s, part.duration_s, kind="beat", top=high * 0.62, bottom=high),
        drawing.ticks(heard.downbeats_s, part.duration_s, kind="down", top=high * 0.5, bottom=high),
        drawing.ticks(part.cuts_s, part.duration_s, kind="cut", top=0, bottom=high * 0.45),
    )
    row = _row("Cuts and beats", _low(_speech(part, high), *marks, label=told))
    return [row, _row("", tag("p", told, class_="times", aria_hidden="true"))]


def _beats_in_words(part: "Part", heard: Heard, hits: int) -> str:
    if not len(heard.beats_s):
        return "No beat to tap to was found in this section"
    beats = f"{_count(len(heard.beats_s), 'beat')} in {_count(len(heard.downbeats_s), 'bar')}"
    if not part.cuts_s:
        return beats
    chance = len(part.cuts_s) * chance_of_beat(heard.beats_s, part.duration_s)
    return f"{hits} of {_count(len(part.cuts_s), 'cut')} on a beat ({chance:.1f} expected by chance); {beats}"


def _row(name: str, drawn: str, top: str = "", bottom: str = "", *, note: str = "") -> Markup:
    told = ((top, "span", "top"), (name, "b", None), (bottom, "span", "bottom"), (note, "span", None))
    labels = (tag(kind, text, class_=place) for text, kind, place in told if text)
    return tag("div", tag("div", *labels, class_="label"), drawn, class_="row")


def _low(*inside: str, label: str) -> Markup:
    drawn = drawing.canvas(*inside, label=label, high=drawing.LOW)
    return Markup(drawn.replace('class="plot"', 'class="plot low"', 1))


def _speech(part: "Part", high: float = drawing.HIGH) -> Markup:
    return drawing.spans(_spoken(part), part.duration_s, kind="speech", high=high)


def _spoken(part: "Part") -> Sequence[Stretch]:
    return part.answer.speech


def _goes(moments: "Sequence[Moment]", dimension: int) -> str:
    """`from -0.4 to +0.6, give or take 0.4`; `steadily +0.3, ...`."""
    values = [moment.affect[dimension] for moment in moments]
    unsure = f"give or take {max(moment.affect[dimension + 2] for moment in moments):.1f}"
    if max(values) - min(values) < 0.1:
        return f"steadily {_signed(sum(values) / len(values))}, {unsure}"
    return f"from {_signed(values[0])} to {_signed(values[-1])}, {unsure}"


def _scale(top: str, bottom: str) -> str:
    return f"\u22121 is {bottom}, +1 is {top}."


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\u2212")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
