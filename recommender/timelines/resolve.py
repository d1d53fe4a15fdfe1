"""Final Cut Pro 7 XML for DaVinci Resolve, which takes percent-encoded letters beyond ASCII for other files."""

from pathlib import Path

from recommender.timelines.timeline import Timeline
from recommender.timelines.xmeml import document
from recommender.timelines.xml import save


def write(timeline: Timeline, path: Path) -> None:
    """As `xmeml` writes it, addresses plain; raises InputError for names that no text can hold."""
    save(document(timeline, encode=False), path, "xmeml")
