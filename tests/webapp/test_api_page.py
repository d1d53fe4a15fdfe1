"""The page about the HTTP API: as the operations are declared, each with an example that runs."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from webapp.server import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
_ENDLESS, _TIMEOUT = "/api/events", 28
_GONE = {("DELETE", "/api/clips/{clip}"), ("DELETE", "/api/libraries/{library}/picks/{pick}")}  # asked last


def test_the_page_is_as_the_operations_are():
    spec = importlib.util.spec_from_file_location("make_api", ROOT / "docs" / "make_api.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert (ROOT / "docs" / "api.md").read_text("utf-8") == make.page(), "stale: run python docs/make_api.py"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_example_runs(served, clip_folder: Path, tmp_path: Path):
    names = told(served, clip_folder)
    shutil.copy(clip_folder / "calm.mp4", tmp_path / "clip.mp4")
    env = os.environ | {"A": served.address, "T": f"Authorization: Bearer {served.settings.token}"} | names
    shown = [one for one in OPERATIONS if "{report}" not in one.path]  # these need a report
    for one in sorted(shown, key=lambda one: (one.method, one.path) in _GONE):
        command = one.example.replace("curl ", "curl --fail --silent --show-error --max-time 30 ", 1)
        if one.path == _ENDLESS:
            command = command.replace("--max-time 30", "--max-time 0.5")
        if '"track": 5' in command:
            command = command.replace('"track": 5', f'"track": {names["TRACK"]}')
        ran = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert ran.returncode == (_TIMEOUT if one.path == _ENDLESS else 0), (command, ran)
    for pick in served.get(f"/api/libraries/{names['LIBRARY']}/picks")["picks"]:  # other tests share the library
        served.ask("DELETE", f"/api/libraries/{names['LIBRARY']}/picks/{pick['id']}")


def told(served, clip_folder: Path) -> dict[str, str]:
    """What the examples name: a clip, a library, and what was made of them."""
    library = next(one["id"] for one in served.get("/api/libraries")["libraries"] if one["name"] == "indexed")
    clip = served.drop(clip_folder / "wild.mp4")["id"]
    asked = {"clip": clip, "library": library}
    best = served.get("/api/answers", **asked)["recommendations"][0]
    placed = {**asked, "track": best["track"]}
    job = served.ask("POST", "/api/exports", {**placed, "formats": ["csv"]}).body["job"]
    assert served.finish(job)["state"] == "done"
    section = {"clip": clip, "track": best["track"], "in_s": best["in_s"], "out_s": best["out_s"]}
    picked = served.ask("POST", f"/api/libraries/{library}/picks", section)
    assert picked.status == 201, picked
    clips = served.get("/api/folders", kind="clips")["folders"][0]["id"]
    score = served.finish(served.ask("POST", "/api/scores", asked).body["job"])["result"]
    return {
        "CLIP": clip,
        "LIBRARY": library,
        "TRACK": str(best["track"]),
        "PREVIEW": served.get("/api/previews", **placed)["id"],
        "JOB": job,
        "SCORE": score["id"],
        "FRAME": score["scenes"][0]["picture"].rpartition("/")[2],
        "PICK": picked.body["id"],
        "MODEL": "builtin",
        "FOLDER": served.get("/api/folders", kind="music")["folders"][0]["id"],
        "FILE": served.get(f"/api/folders/{clips}", kind="clips")["files"][0]["id"],
    }
