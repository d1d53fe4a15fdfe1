"""The HTTP API from a clip that is dropped to the files that are taken home, as a program of this machine asks."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

import media_samples
from indexing import Library
from recommender import Recommender
from recommender.media import probe
from recommender.media.web import is_web_film
from running import recommend_apart


@pytest.fixture(scope="module")
def library(served) -> str:
    (found,) = (one for one in served.get("/api/libraries")["libraries"] if one["name"] == "indexed")
    assert found["music"] == 4
    assert found["error"] is None
    return found["id"]


@pytest.fixture(scope="module")
def clip(served, clip_folder: Path) -> dict:
    return served.drop(clip_folder / "wild.mp4")


@pytest.fixture(scope="module")
def answer(served, library: str, clip: dict) -> dict:
    return served.get("/api/answers", clip=clip["id"], library=library)


def test_a_dropped_clip_is_looked_at_and_can_be_played(served, clip: dict, clip_folder: Path):
    assert (clip["state"], clip["name"], clip["width"], clip["height"]) == ("ready", "wild.mp4", 64, 48)
    assert clip["duration_s"] == pytest.approx(2.0, abs=0.05)
    film = served.ask("GET", clip["film"])
    assert film.body == (clip_folder / "wild.mp4").read_bytes()
    assert film.headers["content-type"] == "video/mp4"
    part = served.ask("GET", clip["film"], Range="bytes=10-19")
    assert (part.status, part.body) == (206, film.body[10:20])
    poster = served.ask("GET", f"/media/clips/{clip['id']}/pictures/0")
    assert poster.body.startswith(b"\xff\xd8")


def test_the_answer_is_that_of_the_command(served, answer: dict, clip_folder: Path):
    with Library.open("indexed") as opened:
        found = Recommender(opened).recommend(clip_folder / "wild.mp4")
    shown = [(r["path"], r["score"], r["in_s"], r["out_s"]) for r in answer["recommendations"]]
    assert shown == [(r.track.path, round(r.score, 6), round(r.in_s, 3), round(r.out_s, 3)) for r in found]
    best = answer["recommendations"][0]
    assert best["for"] == [why.words for why in found[0].reasons if why.change > 0]
    assert answer["query"]["because"] == ", ".join(cue.text for cue in found[0].cues)


def test_filters_a_reference_and_the_number_of_tracks_are_followed(served, library: str, clip: dict, answer: dict):
    asked = {"clip": clip["id"], "library": library}
    titles = [r["title"] for r in answer["recommendations"]]
    assert len(served.get("/api/answers", **asked, top=2)["recommendations"]) == 2
    some = served.get("/api/answers", **asked, duration="20-")["recommendations"]
    assert {r["title"] for r in some} == {"slow major", "fast major"}
    like = answer["recommendations"][0]["track"]
    pulled = served.get("/api/answers", **asked, like=like, like_weight=1)["recommendations"]
    assert titles[0] not in [r["title"] for r in pulled]
    inside = served.get("/api/folders", kind="music")["folders"][0]["id"]
    (odd,) = served.get(f"/api/folders/{inside}", kind="music")["folders"]
    below = served.get("/api/answers", **asked, folder=odd["id"])["recommendations"]
    assert [r["title"] for r in below] == ["fast dissonant"]
    refused = served.ask("GET", f"/api/answers?clip={clip['id']}&library={library}&bpm=500-600")
    assert refused.status == 400
    assert "bpm" in refused.body["error"]


def test_a_preview_is_the_clip_with_the_track_under_it(served, library: str, clip: dict, answer: dict):
    best = answer["recommendations"][0]
    asked = {"clip": clip["id"], "library": library, "track": best["track"], "in": 1.5, "lufs": -23}
    told = served.get("/api/previews", **asked)
    assert told["placement"]["track"] == best["path"]
    assert told["placement"]["pieces"][0]["start_s"] == pytest.approx(1.5, abs=0.021)
    film = served.settings.session / "previews" / f"{told['id']}.mp4"
    assert served.ask("GET", told["film"]).body == film.read_bytes()
    info = probe(film)
    assert info.has_audio
    assert info.duration_s == pytest.approx(2.0, abs=0.1)
    written = film.stat().st_mtime_ns
    assert served.get("/api/previews", **asked) == told
    assert film.stat().st_mtime_ns == written  # the same again costs nothing
    assert served.get("/api/previews", **asked | {"in": 2.5})["id"] != told["id"]


def test_an_export_holds_what_was_heard(served, library: str, clip: dict, answer: dict):
    best, second = answer["recommendations"][:2]
    asked = {"clip": clip["id"], "library": library, "track": best["track"], "in": 1.5}
    heard = served.get("/api/previews", **asked)["placement"]
    others = [{"track": second["track"], "in": 0.5}]
    job = served.ask(
        "POST", "/api/exports", {**asked, "formats": ["otio", "csv"], "alternatives": others, "preview": True}
    )
    assert job.status == 202
    done = served.finish(job.body["job"])
    assert done["state"] == "done", done
    files = {one["name"]: served.ask("GET", one["url"]).body for one in done["result"]["files"]}
    assert set(files) == {"wild.otio", "wild.csv", "wild.wav", "wild.mp4", f"wild - {best['title']}.mp4"}
    timeline = json.dumps(json.loads(files["wild.otio"]))
    assert str(heard["pieces"][0]["start_s"] * 48000).split(".")[0] in timeline
    archive = zipfile.ZipFile(BytesIO(served.ask("GET", done["result"]["archive"]).body))
    assert {name: archive.read(name) for name in archive.namelist()} == files
    folder = Path(done["result"]["folder"])
    assert folder.parent == served.settings.exports
    assert {path.name for path in folder.iterdir()} == set(files)
    assert f"file://{folder}/wild.mp4".replace(" ", "%20") in timeline.replace("\\", "")


def test_a_refused_export_leaves_no_folder(served, library: str, clip: dict, answer: dict):
    asked = {"clip": clip["id"], "library": library, "track": answer["recommendations"][0]["track"]}
    before = set(served.settings.exports.glob("*"))
    job = served.ask("POST", "/api/exports", {**asked, "formats": ["nothing"]})
    done = served.finish(job.body["job"])
    assert done["state"] == "failed"
    assert "unknown timeline" in done["error"]
    assert set(served.settings.exports.glob("*")) == before


def test_a_waveform_shows_the_whole_track(served, library: str, answer: dict):
    one = next(r for r in answer["recommendations"] if r["title"] == "slow major")
    told = served.get(f"/api/libraries/{library}/tracks/{one['track']}/peaks", count=50)
    assert told["duration_s"] == pytest.approx(21, abs=0.1)
    assert len(told["peaks"]) == 50
    assert 0.05 < max(told["peaks"]) <= 1


def test_a_folder_becomes_a_library_and_failures_are_told(served, music_folder: Path):
    (music_folder / "broken.mp3").write_bytes(b"no music at all" * 100)
    try:
        folder = served.get("/api/folders", kind="music")["folders"][0]["id"]
        made = served.ask("POST", "/api/libraries", {"name": "from the page", "folder": folder})
        assert made.status == 202
        done = served.finish(made.body["job"])
        assert done["state"] == "done", done
        assert (done["result"]["analysed"], done["result"]["failed"]) == (4, 1)
        library = served.get(f"/api/libraries/{made.body['library']}")
        assert (library["name"], library["music"], library["failures"]) == ("from the page", 4, 1)
        (failure,) = served.get(f"/api/libraries/{library['id']}/failures")["failures"]
        assert failure["path"].endswith("broken.mp3")
        found = served.get(f"/api/libraries/{library['id']}/tracks", search="MAJOR fast")
        assert [track["title"] for track in found["tracks"]] == ["fast major"]
    finally:
        (music_folder / "broken.mp3").unlink()
    again = served.ask("POST", f"/api/libraries/{library['id']}/update", {"retry": True})
    assert served.finish(again.body["job"])["result"]["unchanged"] == 4
    whole = served.ask("POST", f"/api/libraries/{library['id']}/verify", {})
    assert served.finish(whole.body["job"])["result"]["problems"] == []
    told = recommend_apart("index", "info", "--library", "from the page", "--format", "json")
    assert json.loads(told.out)["modalities"]["music"]["tracks"] == 4


def test_clips_of_a_folder_stay_where_they_are(served, clip_folder: Path):
    top = served.get("/api/folders", kind="clips")["folders"][0]["id"]
    files = {one["name"]: one["id"] for one in served.get(f"/api/folders/{top}", kind="clips")["files"]}
    assert set(files) == {"calm.mp4", "wild.mp4", "picture.png"}
    (taken,) = served.ask("POST", "/api/clips/from-folder", {"file": files["picture.png"]}).body["clips"]
    shown = served.wait(lambda: served.get(f"/api/clips/{taken['id']}"), lambda it: it["film"])
    assert (shown["still"], shown["source"]) == (True, "folder")
    assert served.ask("DELETE", f"/api/clips/{taken['id']}").status == 204
    assert (clip_folder / "picture.png").is_file()
    assert served.ask("GET", f"/api/clips/{taken['id']}").status == 404


def test_what_is_no_film_is_told_in_one_line_and_leaves_nothing(served):
    refused = served.ask("POST", "/api/clips?name=x.mp4", raw=b"this is no film" * 1000)
    assert refused.status == 201
    told = served.wait(lambda: served.get(f"/api/clips/{refused.body['id']}"), lambda it: it["state"] != "looking")
    assert told["state"] == "failed"
    assert "\n" not in told["error"]
    assert served.ask("DELETE", f"/api/clips/{told['id']}").status == 204
    assert not list((served.settings.session / "clips").glob(f"{told['id']}*"))


def test_two_pages_hear_the_same(served, clip_folder: Path):
    with served.listen() as one, served.listen() as other:
        clip = served.drop(clip_folder / "calm.mp4")
        for page in (one, other):
            told = iter(page)
            assert any(clip["id"].encode() in line for line in told)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/answers", 400),
        ("GET", "/api/answers?clip=00000000&library=00000000", 404),
        ("GET", "/api/clips/nonsense", 404),
        ("GET", "/api/jobs/00000000", 404),
        ("GET", "/api/clips?x=1", 400),
        ("PATCH", "/api/clips", 405),
        ("GET", "/api/nothing", 404),
        ("GET", "/media/previews/00000000", 404),
        ("GET", "/media/exports/00000000/archive", 404),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(served, method: str, path: str, status: int):
    found = served.ask(method, path)
    assert found.status == status
    assert list(found.body) == ["error"]
    assert "\n" not in found.body["error"]


def test_methods_that_an_address_knows_are_told(served):
    assert set(served.ask("PATCH", "/api/clips").headers["allow"].split(", ")) >= {"GET", "POST"}


def test_a_preview_of_what_browsers_do_not_play_is_one_that_they_do(served, library: str, tmp_path: Path):
    clip = served.drop(media_samples.clip(tmp_path / "old.avi", media_samples.ramp(25)))
    best = served.get("/api/answers", clip=clip["id"], library=library)["recommendations"][0]
    told = served.get("/api/previews", clip=clip["id"], library=library, track=best["track"])
    assert is_web_film(served.settings.session / "previews" / f"{told['id']}.mp4")
    assert served.get(f"/api/clips/{clip['id']}")["film"]
