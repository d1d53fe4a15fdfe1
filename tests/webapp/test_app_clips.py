"""Clips of a session: kept once, for as long as they can be used, and behind what is asked."""

import asyncio

import pytest

import web_toy
from webapp.app import App
from webapp.job import LATER, SOON
from webapp.refusal import Refusal


class Asked:
    """A queue that does nothing, but remembers; what is looked at fails with `line`."""

    def __init__(self, line=None):
        self.line, self.priorities = line, {}

    def start(self, kind, arguments, *, about=None, priority=SOON, then=None):
        self.priorities[kind] = priority
        self.arguments = arguments

    async def wait(self, job):
        if self.line:
            raise Refusal(422, f"cannot read '{self.arguments['path']}': {self.line}")
        return {"played": True}


def session(tmp_path, monkeypatch, jobs):
    """The clips of an app whose queue is `jobs`."""
    app = App(web_toy.settings(tmp_path))
    monkeypatch.setattr(app.clips, "_jobs", jobs)
    return app.clips


def sent(clips, name, sha256="0123456789abcdef" * 4):
    """A clip as it comes from an upload."""
    path = clips.folder / f"{sha256[:16]}.{name.rpartition('.')[2]}"
    path.write_bytes(b"film")
    return clips.add_upload(path, name, sha256=sha256, size_bytes=4)


def test_the_same_bytes_under_another_suffix_are_kept_once(tmp_path, monkeypatch):
    async def scenario():
        clips = session(tmp_path, monkeypatch, Asked())
        first, second = sent(clips, "a.mp4"), sent(clips, "b.mov")
        await asyncio.sleep(0)
        assert first is second
        assert [path.name for path in clips.folder.iterdir()] == ["0123456789abcdef.mp4"]
        assert clips.kept_bytes == 4

    asyncio.run(scenario())


def test_what_cannot_be_used_is_not_kept_and_its_error_names_no_folder(tmp_path, monkeypatch):
    async def scenario():
        clips = session(tmp_path, monkeypatch, Asked("it is damaged"))
        clip = sent(clips, "holiday.mp4")
        while clip.state == "looking":
            await asyncio.sleep(0)
        assert clip.error == "cannot read 'holiday.mp4': it is damaged"
        assert not list(clips.folder.iterdir())
        assert clips.kept_bytes == 0
        with pytest.raises(Refusal, match="damaged"):
            clips.ready(clip.id)

    asyncio.run(scenario())


def test_what_is_removed_while_it_is_looked_at_leaves_nothing(tmp_path, monkeypatch):
    async def scenario():
        clips = session(tmp_path, monkeypatch, Asked())
        clip = sent(clips, "a.mp4")
        clips.remove(clip.id)
        clips.poster(clip).write_bytes(b"what the worker still wrote")
        while clip.state == "looking":
            await asyncio.sleep(0)
        assert not list(clips.folder.iterdir())

    asyncio.run(scenario())


def test_what_is_asked_goes_before_looking_at_clips(tmp_path, monkeypatch):
    async def scenario():
        jobs = Asked()
        clips = session(tmp_path, monkeypatch, jobs)
        sent(clips, "a.mp4")
        await asyncio.sleep(0)
        assert jobs.priorities == {"look": LATER}

    asyncio.run(scenario())
