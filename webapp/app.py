"""What the server knows while it runs."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from indexing.ingest.suffixes import SUFFIXES
from webapp.clips import Clips
from webapp.events import Events
from webapp.films import Films
from webapp.job import LATER
from webapp.jobs import Jobs
from webapp.places import Places
from webapp.refusal import Refusal
from webapp.scores import Scores
from webapp.settings import Settings


class App:
    """The state that all pages share.

    Attributes
    ----------
    settings: what it was started with. jobs, events, clips, scores: see there. films: previews. places: what of this
    machine may be looked into, by kind (music, clips). exports: the folder and the names of files of each export, by
    its id.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.events = Events()
        self.jobs = Jobs(self.events)
        self.clips = Clips(settings, self.jobs, self.events)
        self.films = Films(settings.session / "previews")
        self.scores = Scores(settings.session / "scores")
        self.places = {
            "music": Places(settings.music_folders, SUFFIXES["music"]),
            "clips": Places(settings.clip_folders, SUFFIXES["video"]),
        }
        self.exports: dict[str, tuple[Path, list[str]]] = {}
        self._folders: dict[str, str] = {}

    def warm(self) -> None:
        """Begin to load what the first answer needs."""
        self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        with suppress(Refusal):
            usable = (one["folder"] for one in await self.libraries() if one["error"] is None and one["music"])
            await self.jobs.run("warm", {"folder": next(usable, None)}, priority=LATER)

    async def libraries(self) -> list[dict[str, Any]]:
        """All libraries as the task `libraries` tells them, each with its id."""
        found = await self.jobs.run("libraries", {"also": list(self.settings.libraries)})
        told = [{"id": library_id(one["folder"]), **one} for one in found]
        self._folders |= {one["id"]: one["folder"] for one in told}
        return told

    async def folder(self, library: str) -> str:
        """Where the library of an id lies; raises Refusal."""
        if library not in self._folders:
            await self.libraries()
        if library not in self._folders:
            raise Refusal(404, "there is no such library")
        return self._folders[library]

    def know(self, folder: str) -> str:
        """The id of a library that is about to be made."""
        self._folders[library_id(folder)] = folder
        return library_id(folder)

    async def tracks(self, library: str, ids: list[int]) -> Mapping[int, dict[str, Any]]:
        """Path, title and artist of tracks of a library; raises Refusal for one that is not there."""
        try:
            found = await self.jobs.run("track", {"folder": await self.folder(library), "tracks": ids})
        except Refusal as refusal:
            raise Refusal(404, refusal.line) from None
        return {int(track): told for track, told in found.items()}

    async def close(self) -> None:
        """End all work and all that listens."""
        self.events.close()
        await self.jobs.close()


def library_id(folder: str) -> str:
    """The id of a library: the same in every run, and no path."""
    return hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:12]
