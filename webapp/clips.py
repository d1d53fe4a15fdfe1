"""The clips of a session: films and pictures that were dropped, or chosen from a folder of this machine."""

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from recommender.text import show
from webapp.events import Events
from webapp.job import LATER, Job
from webapp.jobs import Jobs
from webapp.refusal import Refusal
from webapp.settings import Settings

State = Literal["looking", "ready", "failed"]


@dataclass
class Clip:
    """A clip.

    Attributes
    ----------
    id: of its content, or of a file of this machine. path: of the file. name: for people. source: how it came.
    state: whether it was looked at. error: why it cannot be used. facts: what it is. film: what browsers play, the clip
    itself or a copy; None until there is one. job: what is done to it. looked, settled: when it was looked at, and when
    its film is made, or cannot be.
    """

    id: str
    path: Path
    name: str
    source: Literal["uploaded", "folder"]
    size_bytes: int
    state: State = "looking"
    error: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    film: Path | None = None
    job: Job | None = None
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def record(self) -> dict[str, Any]:
        """As JSON."""
        shape = {name: self.facts.get(name) for name in ("duration_s", "width", "height", "fps", "has_audio", "still")}
        ready = self.state == "ready"
        return {
            "id": self.id,
            "name": self.name,
            "size_bytes": self.size_bytes,
            "source": self.source,
            "state": self.state,
            "error": self.error,
            **shape,
            "pictures": int(ready),
            "film": f"/media/clips/{self.id}/film" if self.film is not None else None,
            "job": None if self.job is None or self.job.is_over else self.job.id,
        }


class Clips:
    """All clips of a session."""

    def __init__(self, settings: Settings, jobs: Jobs, events: Events) -> None:
        self._settings, self._jobs, self._events = settings, jobs, events
        self._clips: dict[str, Clip] = {}
        self._looks: set[Any] = set()
        self.folder = settings.session / "clips"
        self.folder.mkdir(parents=True, exist_ok=True)

    def all(self) -> list[Clip]:
        """In the order in which they came."""
        return list(self._clips.values())

    def get(self, clip_id: str) -> Clip:
        """The clip of that id; raises Refusal."""
        if (clip := self._clips.get(clip_id)) is None:
            raise Refusal(404, "there is no such clip in this session: drop it again")
        return clip

    def ready(self, clip_id: str) -> Clip:
        """The clip of that id, where it can be asked about; raises Refusal."""
        clip = self.get(clip_id)
        if clip.state == "failed":
            raise Refusal(422, clip.error or "the clip cannot be used")
        return clip

    @property
    def kept_bytes(self) -> int:
        """What uploaded clips take."""
        return sum(c.size_bytes for c in self._clips.values() if c.source == "uploaded" and c.state != "failed")

    def check_room(self, more: int = 1) -> None:
        """Raise Refusal where so many more are too many."""
        most = self._settings.limits.clips
        if len(self._clips) + more > most:
            raise Refusal(429, f"a session holds {most} clips; remove some of them first")

    def add_upload(self, path: Path, name: str, *, sha256: str, size_bytes: int) -> Clip:
        """A clip that was received; the same one again is the one that is there, and is kept once."""
        clip = self._add(Clip(sha256[:16], path, name, "uploaded", size_bytes))
        if clip.path != path:
            path.unlink(missing_ok=True)
        return clip

    def add_file(self, path: Path) -> Clip:
        """A file of this machine, which stays where it is."""
        stat = path.stat()
        key = f"{os.fsencode(path)!r} {stat.st_size} {stat.st_mtime_ns}"
        return self._add(Clip(hashlib.sha256(key.encode()).hexdigest()[:16], path, path.name, "folder", stat.st_size))

    def _add(self, clip: Clip) -> Clip:
        if (known := self._clips.get(clip.id)) is not None and known.state != "failed":
            return known
        self._clips[clip.id] = clip
        look = asyncio.create_task(self._look(clip))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)
        self._events.tell_change("clips")
        return clip

    async def _look(self, clip: Clip) -> None:
        """Find out what a clip is, and make what browsers play of it where they do not play it itself."""
        about = {"clip": clip.id, "name": clip.name}
        arguments = {"path": str(clip.path), "poster": str(self.poster(clip))}
        try:
            clip.job = self._jobs.start("look", arguments, about=about, priority=LATER)  # what is asked goes first
            clip.facts = await self._jobs.wait(clip.job)
            clip.state = "ready"
            clip.looked.set()
            if clip.facts["played"]:
                clip.film = clip.path
            self._events.tell_change("clips")
            if clip.film is None:
                await self._make_film(clip, about)
        except Refusal as refusal:
            clip.state, clip.error = "failed", refusal.line.replace(show(clip.path), show(clip.name))
            if clip.source == "uploaded" and self._clips.get(clip.id) is clip:
                clip.path.unlink(missing_ok=True)  # nobody can use it
        if clip.id not in self._clips:  # removed meanwhile
            self._delete(clip)
        clip.looked.set()
        clip.settled.set()
        self._events.tell_change("clips")

    async def look_at(self, clip: Clip) -> None:
        """Wait until it is known what a clip is; raises Refusal where it cannot be used."""
        await clip.looked.wait()
        self.ready(clip.id)

    async def film_of(self, clip: Clip) -> Path:
        """The film that is made of a clip, when it is; raises Refusal where it cannot be."""
        await clip.settled.wait()
        if clip.film is None:
            raise Refusal(422, clip.error or "browsers do not play this clip, and no film could be made of it")
        return clip.film

    async def _make_film(self, clip: Clip, about: dict[str, str]) -> None:
        film = self.folder / f"{clip.id}-film.mp4"
        clip.job = self._jobs.start("film", {"path": str(clip.path), "film": str(film)}, about=about, priority=LATER)
        try:
            await self._jobs.wait(clip.job)
            clip.film = film
        except Refusal as refusal:
            clip.error = f"it cannot be shown here: {refusal.line}"

    def poster(self, clip: Clip) -> Path:
        """Where its first picture is."""
        return self.folder / f"{clip.id}-poster.jpg"

    def remove(self, clip_id: str) -> None:
        """Forget a clip, and delete what was kept of it; a file of this machine stays."""
        clip = self.get(clip_id)
        del self._clips[clip_id]
        if clip.job is not None and not clip.job.is_over:
            self._jobs.cancel(clip.job)
        self._delete(clip)
        self._events.tell_change("clips")

    def _delete(self, clip: Clip) -> None:
        for path in (self.poster(clip), self.folder / f"{clip.id}-film.mp4"):
            path.unlink(missing_ok=True)
        if clip.source == "uploaded":
            clip.path.unlink(missing_ok=True)
