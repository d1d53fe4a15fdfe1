"""Short questions: which libraries there are, what they hold, what can be asked for."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.tasks import Tell
from webapp.tasks.opened import library

if TYPE_CHECKING:
    from indexing.library import Library


def libraries(arguments: dict[str, Any], tell: Tell) -> list[dict[str, Any]]:
    """Those of the data folder, and `also`: names or folders that were given on the command line."""
    from indexing.disk.locations import library_names, library_path

    folders = [library_path(name) for name in (*arguments["also"], *library_names())]
    return [_library(folder) for folder in dict.fromkeys(folders)]


def _library(folder: Path) -> dict[str, Any]:
    from recommender.errors import CliptuneError
    from recommender.text import show

    told: dict[str, Any] = {"name": folder.name, "path": show(folder), "folder": str(folder)}
    nothing: dict[str, Any] = {
        "error": None,
        "music": 0,
        "clips": 0,
        "failures": 0,
        "roots": [],
        "model": None,
        "revision": None,
        "size_bytes": 0,
    }
    try:
        held = _held(library(str(folder)))
        return told | nothing | held | {"name": _name(folder, held["roots"])}
    except CliptuneError as error:
        return told | nothing | {"error": str(error)}


def _name(folder: Path, roots: list[str]) -> str:
    """What people call a library: of the private one of a music folder, that folder's name."""
    private = folder.name.startswith("folder-") and len(roots) == 1
    return Path(roots[0]).name if private else folder.name


def _held(opened: "Library") -> dict[str, Any]:
    from indexing.disk.durable import tree_bytes
    from recommender.text import show

    with opened.catalog() as catalog:
        music, clips = catalog.counts("music"), catalog.counts("video")
    return {
        "music": music["tracks"],
        "clips": clips["tracks"],
        "failures": music["failures"] + clips["failures"],
        "roots": [show(root.path) for root in opened.roots()],
        "model": opened.space.model,
        "revision": opened.space.revision,
        "size_bytes": tree_bytes(opened.folder),
    }


def failures(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Files of the library in `folder` that could not be analysed, from `offset` on, `limit` at most."""
    from recommender.outputs.records import failure_record

    return _page([failure_record(one) for one in library(arguments["folder"]).failures()], "failures", arguments)


def tracks(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Tracks of the library in `folder` with all words of `search` in title, artist, album or path."""
    from recommender.outputs.records import track_record
    from recommender.text import fold

    opened, words = library(arguments["folder"]), fold(arguments["search"]).split()
    found = [at for at, text in _texts(opened).items() if all(word in text for word in words)]
    first = arguments["offset"]
    shown = opened.tracks_of(found[first : first + arguments["limit"]])
    return {"total": len(found), "tracks": [{"track": one.id, **track_record(one)} for one in shown]}


_known: "dict[Path, tuple[int, dict[int, str]]]" = {}


def _texts(opened: "Library") -> dict[int, str]:
    """What is searched of every track, by its id, in order of paths; gathered once for each state of a library."""
    from recommender.text import fold

    before, texts = _known.get(opened.folder, (-1, {}))
    if before != opened.generation:
        texts = {
            one.id: fold(" ".join(filter(None, (one.title, one.artist, one.album, one.path))))
            for one in opened.tracks("music")
        }
        _known[opened.folder] = opened.generation, texts
    return texts


def track(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The path and the title of tracks of the library in `folder` by their ids."""
    found = library(arguments["folder"]).tracks_of(arguments["tracks"])
    return {str(one.id): {"path": one.path, "title": one.title, "artist": one.artist} for one in found}


def beats(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """When beats of `track` of the library in `folder` fall, and when its bars begin, in seconds; as far as known."""
    from indexing.beats import beats_or_none
    from recommender.extractors.audio.beats import NONE

    found = beats_or_none(library(arguments["folder"]), arguments["track"]) or NONE
    times = {"beats_s": found.times_s, "downbeats_s": found.downbeats_s}
    return {name: [round(at_s, 4) for at_s in some.tolist()] for name, some in times.items()}


def _page(found: list[dict[str, Any]], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    first = arguments["offset"]
    return {"total": len(found), name: found[first : first + arguments["limit"]]}


def options(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """What can be asked for: filters, formats of timelines, levels, rankers."""
    from recommender.rankers import RANKERS
    from recommender.timelines import TIMELINES
    from webapp.tasks.limits import LEVELS

    formats = [{"name": f.name, "help": f.help, "suffix": f.suffix, "loses": f.loses} for f in TIMELINES.values()]
    return {"formats": formats, "levels": LEVELS, "rankers": list(RANKERS)}
