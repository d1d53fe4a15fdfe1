"""Clips: what they are, and what of them a browser plays."""

from pathlib import Path
from typing import Any

from webapp.tasks import Tell

POSTER_PX = 960
"""The longest side of what is shown of a film before it plays."""


def look(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """What a clip is, with its first picture as JPEG at `poster`. Raises MediaError for what shows nothing."""
    from recommender.editing.placing import clip_length
    from recommender.errors import MediaError
    from recommender.media import probe
    from recommender.media.web import has_web_pictures, is_web_film
    from recommender.page.strip import still
    from recommender.text import show

    path = Path(arguments["path"])
    info = probe(path)
    if not info.has_video:
        raise MediaError(f"{show(path.name)} shows no pictures: give a film, an animation or a still")
    duration_s = clip_length(path)
    Path(arguments["poster"]).write_bytes(still(path, duration_s, POSTER_PX)[0].jpeg)
    shape = {"width": info.width, "height": info.height, "fps": info.fps, "has_audio": info.has_audio}
    return {
        "duration_s": round(duration_s, 3),
        "still": info.still,
        "played": is_web_film(path),
        "web_pictures": has_web_pictures(path),
        **shape,
    }


def film(arguments: dict[str, Any], tell: Tell) -> None:
    """Make a film of a clip that browsers do not play, at `film`."""
    from recommender.editing.placing import clip_length
    from recommender.editing.preview import write_web_film

    clip = Path(arguments["path"])
    length_s = clip_length(clip)
    whole = max(1, round(length_s))
    write_web_film(
        clip,
        Path(arguments["film"]),
        picture_s=length_s,
        on_second=lambda at_s: tell.stage("making a film that browsers play, seconds", min(whole, int(at_s)), whole),
    )
