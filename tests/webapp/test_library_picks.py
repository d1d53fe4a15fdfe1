"""Picks through the app: made, listed, taken back, taken along."""

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Session(NamedTuple):
    """A person who has a library open and dropped a clip."""

    app: Any
    library: str
    clip: str
    track: dict


@pytest.fixture(scope="module")
def session(served, clip_folder: Path) -> Session:
    (library,) = (one for one in served.get("/api/libraries")["libraries"] if one["name"] == "indexed")
    (track,) = served.get(f"/api/libraries/{library['id']}/tracks", search="slow major")["tracks"]
    return Session(served, library["id"], served.drop(clip_folder / "calm.mp4")["id"], track)


def _body(session: Session, **more) -> dict:
    settings = {"bpm": "60-90", "key": ["A minor", "C major"], "fit": "clip", "track": 3}
    return {
        "clip": session.clip,
        "track": session.track["track"],
        "in_s": 1.5,
        "out_s": 9.0,
        "settings": settings,
        **more,
    }


def test_a_pick_is_made_listed_and_taken_back(session: Session) -> None:
    here = f"/api/libraries/{session.library}/picks"
    first = session.app.ask("POST", here, _body(session, score=0.75))
    assert first.status == 201, first
    second = session.app.ask("POST", here, _body(session, in_s=3.0)).body
    made = first.body
    assert (made["clip"]["id"], made["clip"]["name"]) == (session.clip, "calm.mp4")
    assert made["track"]["title"] == session.track["title"]
    assert (made["in_s"], made["out_s"], made["score"]) == (1.5, 9.0, 0.75)
    assert made["settings"] == _body(session)["settings"]
    assert made["lasts_s"] == made["clip"]["duration_s"] > 0
    assert session.app.ask("GET", here).body["picks"] == [second, made]
    rows = list(
        csv.DictReader(io.StringIO(session.app.ask("GET", f"/media/picks/{session.library}.csv").body.decode()))
    )
    assert [row["timecode_in"] for row in rows] == ["00:00:00:00"] * 2
    assert [row["title"] for row in rows] == [session.track["title"]] * 2
    playlist = session.app.ask("GET", f"/media/picks/{session.library}.m3u8").body.decode().splitlines()
    assert playlist[0] == "#EXTM3U"
    assert session.track["path"] in playlist
    assert session.app.ask("DELETE", f"{here}/{made['id']}").status == 204
    assert session.app.ask("GET", here).body["picks"] == [second]
    assert session.app.ask("DELETE", f"{here}/{made['id']}").status == 404


def test_the_command_sees_what_the_app_picked(session: Session, run, indexed: str) -> None:
    made = session.app.ask("POST", f"/api/libraries/{session.library}/picks", _body(session)).body
    ran = run("index", "picks", "--library", indexed, "--format", "json")
    assert made in json.loads(ran.out)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"track": 10**6}, 404),
        ({"clip": "0" * 16}, 404),
        ({"out_s": 1.0}, 400),
        ({"in_s": -1}, 400),
        ({"settings": {"../x": "1"}}, 400),
        ({"settings": {"fit": "long"}}, 400),
        ({"path": "/etc/passwd"}, 400),
    ],
)
def test_what_is_no_pick_is_refused_in_a_line(session: Session, change: dict, status: int) -> None:
    here = f"/api/libraries/{session.library}/picks"
    before = session.app.ask("GET", here).body
    refused = session.app.ask("POST", here, _body(session, **change))
    assert refused.status == status, refused
    assert "\n" not in refused.body["error"]
    assert session.app.ask("GET", here).body == before
    assert session.app.ask("GET", f"/api/libraries/{'0' * 12}/picks").status == 404
