"""What is taken home: timelines, the stem, the preview, in a folder that stays, and together as one file."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from webapp.tasks import Tell
from webapp.tasks.mixing import find_kept_beats, lay


def export(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write a clip with a track under it as editing programs read it.

    arguments: `clip`, a path, `name`: how the clip is called, `kept`: whether it stays where it is, else it is laid
    beside the timelines; `folder`: of all exports; `tracks`: the chosen one first, each with its `path`, `title` and
    `settings` (see `mixing.lay`); `formats`, `marks`; `preview`: whether the film is written too.
    """
    from recommender.editing.export import take_home
    from recommender.editing.placing import remarks
    from recommender.editing.preview import preview_suffix, write_preview
    from recommender.text import file_name
    from recommender.timelines import formats_in

    name = file_name(Path(arguments["name"]).stem)
    with new_folder(Path(arguments["folder"]), name) as folder:
        clip = Path(arguments["clip"]) if arguments["kept"] else keep(arguments, folder)
        placements = [_lay(clip, one, tell) for one in arguments["tracks"]]
        formats = formats_in(",".join(arguments["formats"])) if arguments["formats"] else []
        titles = {Path(one["path"]): one["title"] for one in arguments["tracks"]}
        beats = find_kept_beats(arguments["tracks"][0]["settings"]) if arguments["marks"] else None
        told: dict[str, Any] = {"titles": titles, "slides": False, "marks": arguments["marks"], "beats": beats}
        made = take_home(placements, formats, (folder, name), **told, progress=tell)
        lines = [*made.remarks, *remarks(placements[0])]
        files = [*made.files, *([] if arguments["kept"] else [clip])]
        if arguments["preview"]:
            files.append(folder / f"{name} - {file_name(arguments['tracks'][0]['title'])}{preview_suffix(clip)}")
            lines += write_preview(placements[0], files[-1], on_second=rendering(placements[0].clip_s, tell))
        return {"folder": str(folder), "files": list_files(files), "remarks": near(lines, folder)}


def pack(arguments: dict[str, Any], tell: Tell) -> None:
    """All files of the folder `folder` as one, at `archive`: stored, for films do not get smaller."""
    from recommender.atomic import new_file

    with new_file(Path(arguments["archive"])) as partial, ZipFile(partial, "w", ZIP_STORED) as archive:
        for path in sorted(Path(arguments["folder"]).iterdir()):
            if path.is_file():
                archive.write(path, path.name)


def _lay(clip: Path, one: Mapping[str, Any], tell: Tell) -> Any:
    return lay(clip, Path(one["path"]), one["settings"], tell=tell)[0]


def rendering(whole_s: float, tell: Tell) -> Any:
    """What tells how many seconds of a preview are rendered."""
    whole = max(1, round(whole_s))
    return lambda at_s: tell.stage("rendering the preview, seconds", min(whole, max(0, int(at_s))), whole)


@contextmanager
def new_folder(home: Path, name: str) -> Iterator[Path]:
    """A context with an empty folder of that name, with a number where there is one; removed where it fails."""
    folder = _make_folder(home, name)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _make_folder(home: Path, name: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    for number in range(1, 10_000):
        folder = home / (name if number == 1 else f"{name} ({number})")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise FileExistsError(f"{home / name} and 9,999 more are there already")


def keep(arguments: Mapping[str, Any], folder: Path) -> Path:
    """A clip that goes with the session, laid beside its timelines: they would lead nowhere."""
    from recommender.text import file_name

    clip = Path(arguments["clip"])
    kept = folder / (file_name(Path(arguments["name"]).stem) + clip.suffix)
    try:
        os.link(clip, kept)
    except OSError:
        shutil.copyfile(clip, kept)
    return kept


def list_files(files: list[Path]) -> list[dict[str, Any]]:
    """Files as the page tells them."""
    return [{"name": path.name, "size_bytes": path.stat().st_size} for path in files]


def near(lines: list[str], folder: Path) -> list[str]:
    """Lines that name files of a folder without it."""
    return [line.replace(f"{folder}{os.sep}", "") for line in lines]
