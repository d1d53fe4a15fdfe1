"""A score under its film: heard, and taken home as timelines and cue sheets."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.tasks import Tell
from webapp.tasks.exports import keep, list_files, near, new_folder, rendering
from webapp.tasks.limits import LEVELS
from webapp.tasks.opened import keep_latest
from webapp.tasks.plans import beats_by, cues_in
from webapp.tasks.renders import web_suffix

if TYPE_CHECKING:
    from recommender.editing.placing import Levels
    from recommender.films.cues import MusicCue

_LAID = 6
_laid: "OrderedDict[Any, list[MusicCue]]" = OrderedDict()


def lay(film: Path, arguments: Mapping[str, Any], tell: Tell) -> "list[MusicCue]":
    """The cues of a plan laid under a film, once for as long as nothing changes.

    arguments: `plan`, see `plans`; `library`, a path; `levels`: the names of `LEVELS`, and `recut`. Raises InputError
    where no scene has music.
    """
    import json

    from recommender.errors import InputError
    from recommender.films.laying import lay as lay_cues
    from recommender.media.kept import state_of

    if all(one["music"] is None for one in arguments["plan"]):
        raise InputError("no scene of the film has music: there is nothing to lay under it")
    asked = [arguments[name] for name in ("plan", "library", "levels")]
    key = film, state_of(film), json.dumps(asked, sort_keys=True)

    def make() -> "list[MusicCue]":
        cues, levels = cues_in(arguments["plan"], arguments["library"]), _levels(arguments["levels"])
        beats, recut = beats_by(arguments["library"]), arguments["levels"].get("recut", False)
        return lay_cues(film, cues, levels=levels, beats_of=beats, recut=recut, progress=tell)

    return keep_latest(_laid, key, make, most=_LAID)


def _levels(given: Mapping[str, Any]) -> "Levels":
    from recommender.editing.placing import Levels

    asked = {**LEVELS, **{name: value for name, value in given.items() if name in LEVELS}}
    loud = asked["speech_lu"], asked["lufs"], asked["peak"]
    return Levels(*loud, asked["fade_in"], asked["fade_out"], not asked["mute_clip"])


def preview(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write the film with all its music into the folder `folder`, under the name `name`.

    arguments: `clip`, a path, and what `lay` takes.
    """
    from recommender.editing.preview import write_preview
    from recommender.films.levels import bed, placement_of
    from recommender.outputs.records import placement_record

    film = Path(arguments["clip"])
    cues = lay(film, arguments, tell)
    path = Path(arguments["folder"]) / f"{arguments['name']}{web_suffix(film)}"
    told = write_preview(bed(film, cues), path, overwrite=True, on_second=rendering(cues[-1].scene.end_s, tell))
    return {
        "file": path.name,
        "cues": [
            {
                "number": cue.scene.number,
                "ends": None if cue.transition is None or placement is None else cue.transition.words,
                "placement": None if placement is None else placement_record(placement),
            }
            for cue, placement in zip(cues, map(placement_of, cues), strict=True)
        ],
        "remarks": list(told),
    }


def sheet(arguments: dict[str, Any], tell: Tell) -> None:
    """Write the cue sheet of a film to `out`, a table (.csv) or a page (.html).

    arguments: `clip`, a path, `name`: what the film is called, and what `lay` takes.
    """
    from recommender.page.cue_sheet import write_cue_sheet

    film = Path(arguments["clip"])
    write_cue_sheet(film, lay(film, arguments, tell), Path(arguments["out"]), name=arguments["name"], overwrite=True)


def export(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write a film with its music as editing programs read it, with its cue sheets and the table of its scenes.

    arguments: what `lay` takes, `table` of the score; `clip`, `name`, `kept`, `folder`, `formats`, `marks`, `preview`
    as `exports.export` takes them.
    """
    from recommender.atomic import write
    from recommender.editing.preview import preview_suffix
    from recommender.films.delivery import export_film, preview_film
    from recommender.page.cue_sheet import SHEETS, write_cue_sheet
    from recommender.text import file_name
    from recommender.timelines import formats_in

    name = file_name(Path(arguments["name"]).stem)
    with new_folder(Path(arguments["folder"]), name) as folder:
        film = Path(arguments["clip"]) if arguments["kept"] else keep(arguments, folder)
        cues = lay(film, arguments, tell)
        formats = formats_in(",".join(arguments["formats"])) if arguments["formats"] else []
        cuts_s = arguments["cuts_s"] if arguments["marks"] else ()
        tell.stage("writing timelines and the stem", 0, 1)
        made = export_film(film, cues, formats, out=folder, name=name, cuts_s=cuts_s)
        files, lines = [*made.files, *([] if arguments["kept"] else [film])], list(made.remarks)
        for suffix in SHEETS:
            files.append(folder / f"{name} - cue sheet{suffix}")
            write_cue_sheet(film, cues, files[-1])
        files.append(folder / f"{name} - scenes.csv")
        write(files[-1], arguments["table"])
        if arguments["preview"]:
            files.append(folder / f"{name} - with music{preview_suffix(film)}")
            lines += preview_film(film, cues, files[-1], on_second=rendering(cues[-1].scene.end_s, tell))
        return {"folder": str(folder), "files": list_files(files), "remarks": near(lines, folder)}
