"""Audacity labels: begin, end and text a line, in seconds of the clip, as the stem has them."""

from pathlib import Path

from recommender.text import show
from recommender.timelines.timeline import Timeline


def write(timeline: Timeline, path: Path) -> None:
    """The pieces of the chosen music, then beats and cuts, in order of time."""
    rows = [(mark.at_s, mark.at_s, mark.name) for mark in timeline.marks]
    for music in timeline.heard:
        for part in music.parts:
            label = f"{music.title} from {float(part.in_s):.6f} s"
            rows.append((float(part.start_s), float(part.start_s + part.length_s), label))
    lines = (f"{start:.6f}\t{end:.6f}\t{show(name)}\n" for start, end, name in sorted(rows))
    path.write_text("".join(lines), encoding="utf-8", newline="")
