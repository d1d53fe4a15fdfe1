"""Title, artist and album as a file's tags give them."""

from pathlib import Path

TEXT_TAGS = ("title", "artist", "album")


def read_tags(path: Path) -> dict[str, str]:
    """The text tags of a music file that are present; unreadable or missing tags are simply absent."""
    from tinytag import TinyTag, TinyTagException

    try:
        tag = TinyTag.get(path, tags=True, duration=False)
    except (TinyTagException, OSError, ValueError, UnicodeError, OverflowError, MemoryError):
        return {}
    values = {name: getattr(tag, name, None) for name in TEXT_TAGS}
    return {name: " ".join(str(value).split()) for name, value in values.items() if value and str(value).strip()}
