"""Where the music of a scene begins in its track, as a program sets it and as a person does in a browser."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from browsing import PLAYS, until

_SETTLED = """(count) => {
  const list = document.querySelector(".scenes");
  return list && !list.hasAttribute("aria-busy") && list.children.length === count;
}"""
_HEARD_FROM = "(at) => Math.abs(document.querySelector('video').currentTime - at) < 3"


@pytest.fixture(scope="module")
def clip(served, whole_film: Path) -> str:
    return served.drop(whole_film)["id"]


def score(served, clip: str, library: str, **edits: Any) -> dict[str, Any]:
    found = served.ask("POST", "/api/scores", {"clip": clip, "library": library, "count": 3, **edits})
    assert found.status == 202, found
    return served.finish(found.body["job"])


def told(result: dict[str, Any]) -> list[tuple[int, float]]:
    return [(one["music"]["track"], one["music"]["in_s"]) for one in result["scenes"]]


def test_a_cue_is_moved_in_its_track_and_all_else_stays(served, library: str, clip: str):
    before = score(served, clip, library)["result"]
    track = before["scenes"][1]["music"]["track"]
    made = score(served, clip, library, begins=[{"scene": 2, "track": track, "in_s": 1.3}])["result"]
    assert told(made) == [told(before)[0], (track, 1.3), told(before)[2]]
    assert [one["locked"] for one in made["scenes"]] == [False, True, False]
    assert [one["begins_s"] for one in made["scenes"]] == [None, 1.3, None]
    rows = list(csv.DictReader(io.StringIO(served.ask("GET", f"/media/scores/{made['id']}/scenes.csv").body.decode())))
    assert [(row["music"], row["begins"]) for row in rows] == [("yes", ""), ("kept", "00:00:01.300"), ("yes", "")]
    placed = [heard(served, one["id"]) for one in (before, made)]
    assert placed[1] == pytest.approx([placed[0][0], 1.3, placed[0][2]], abs=1e-6)


def heard(served, made: str) -> list[float]:
    """Where in their tracks the cues of a score begin under the film."""
    job = served.finish(served.ask("POST", f"/api/scores/{made}/preview", {}).body["job"])
    return [one["placement"]["pieces"][0]["start_s"] for one in job["result"]["cues"]]


def test_what_cannot_be_is_one_line(served, library: str, clip: str):
    track = score(served, clip, library)["result"]["scenes"][0]["music"]["track"]
    job = score(served, clip, library, begins=[{"scene": 1, "track": track, "in_s": 3000.0}])
    assert "is to begin at 00:50:00.0: begin earlier" in job["error"]
    job = score(served, clip, library, begins=[{"scene": 9, "track": track, "in_s": 1.0}])
    assert job["error"] == "there is no scene 9: the film has 3"
    found = served.ask("POST", "/api/scores", {"clip": clip, "library": library, "begins": [{"scene": 1, "in_s": 1}]})
    assert found.status == 400


def test_beats_are_told_as_far_as_they_are_known(served, library: str):
    track = served.get(f"/api/libraries/{library}/tracks")["tracks"][0]["track"]
    found = served.get(f"/api/libraries/{library}/tracks/{track}/beats")
    assert set(found) == {"beats_s", "downbeats_s"}
    assert served.get(f"/api/libraries/{library}/tracks/999999/beats") == {"beats_s": [], "downbeats_s": []}


def test_music_is_moved_by_field_keys_and_mouse_heard_at_once_and_taken_back(page, served, library: str, clip: str):
    page.goto(f"{served.address}/film?clip={clip}&library={library}#scenes=3")
    until(page, _SETTLED, 3)
    page.locator(".scene").nth(1).click()
    page.keyboard.press("i")
    page.keyboard.type("")
    field = page.locator("[data-key=begins-2]")
    before = field.input_value()
    field.fill("0:01.2")
    page.keyboard.press("Enter")
    until(page, "() => /begin=2:\\d+@1.2(&|$)/.test(location.hash)")
    until(page, _SETTLED, 3)
    page.locator(".flags").get_by_text("Kept").wait_for()
    until(page, PLAYS)  # without being asked to, from just before its scene
    until(page, _HEARD_FROM, 6.0)
    assert field.input_value() == "0:01.200"
    page.locator("article.selected").focus()
    page.keyboard.press("Shift+ArrowRight")
    until(page, "() => location.hash.includes('@1.3')")  # a frame of the film, 1/10 s
    until(page, _SETTLED, 3)
    slider = page.locator("article.selected .section")
    slider.focus()
    page.keyboard.press("Shift+ArrowLeft")
    until(page, "() => location.hash.includes('@1.2')")
    until(page, _SETTLED, 3)
    moved = "() => /@0(.[0-3]\\d*)?(&|$)/.test(location.hash)"
    for _ in range(5):  # a page that is drawn anew meanwhile drops what the mouse holds
        wave = page.locator("article.selected .waveform")
        wave.hover(position={"x": 9, "y": 9})
        page.mouse.down()
        wave.hover(position={"x": 1, "y": 9})
        page.mouse.up()
        page.wait_for_timeout(500)
        if page.evaluate(moved):
            break
    until(page, moved)
    until(page, _SETTLED, 3)
    while "begin=" in page.url:
        page.go_back()
        page.wait_for_timeout(50)
    until(page, _SETTLED, 3)
    assert page.locator("[data-key=begins-2]").input_value() == before
    page.reload()
    until(page, _SETTLED, 3)


def test_the_score_says_again_where_music_begins(page, served, library: str, clip: str):
    track = score(served, clip, library)["result"]["scenes"][1]["music"]["track"]
    page.goto(f"{served.address}/film?clip={clip}&library={library}#scenes=3&lock=2:{track}&begin=2:{track}@1.5")
    until(page, _SETTLED, 3)
    page.locator(".scene").nth(1).click()
    assert page.locator("[data-key=begins-2]").input_value() == "0:01.500"
    page.get_by_role("button", name="As the score had it").click()
    until(page, "() => !location.hash.includes('begin=') && location.hash.includes('lock=2')")
    until(page, _SETTLED, 3)
    page.get_by_role("button", name="Let the score choose: scene 2").click()
    until(page, "() => !location.hash.includes('lock=')")


def test_the_table_is_taken_back(page, served, library: str, clip: str, tmp_path: Path):
    """What was set by hand, edited in a spreadsheet, loaded into the page; what is wrong is said with its line."""
    track = score(served, clip, library)["result"]["scenes"][1]["music"]["track"]
    set_so = {"labels": [{"scene": 1, "label": "=The lake"}], "silence": [3]}
    made = score(served, clip, library, begins=[{"scene": 2, "track": track, "in_s": 1.3}], **set_so)["result"]
    text = served.ask("GET", f"/media/scores/{made['id']}/scenes.csv").body.decode()
    asked, place = {"library": library, "name": "scenes.csv"}, f"/api/clips/{clip}/scenes"
    found = served.ask("POST", place, {**asked, "table": text})
    assert (found.status, found.body) == (
        200,
        {
            "starts": [6.0, 12.0],
            **set_so,
            "locks": [{"scene": 2, "track": track}],
            "begins": [{"scene": 2, "track": track, "in_s": 1.3}],
        },
    )
    bad = served.ask("POST", place, {**asked, "table": text.replace("00:00:01.300", "soon")})
    assert (bad.status, bad.body["error"]) == (
        400,
        "scenes.csv, line 3: 'soon' is no time of a track: give seconds or 1:02.5",
    )
    edl = "TITLE: X\n001  AX  V  C  00:00:00:00 00:00:10:00 00:00:00:00 00:00:10:00\n"
    shots = served.ask("POST", place, {**asked, "table": edl})
    assert "tells shots, not scenes" in shots.body["error"]
    many = "".join(f"{n * 0.08:.2f}\n" for n in range(1, 210))
    assert served.ask("POST", place, {**asked, "table": many}).status == 400

    (tmp_path / "edited.csv").write_text(text.replace("00:00:01.300", "0:00.8"))
    page.goto(f"{served.address}/film?clip={clip}&library={library}#scenes=3")
    until(page, _SETTLED, 3)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load edited scenes").click()
    chooser.value.set_files(tmp_path / "edited.csv")
    until(page, "() => location.hash.includes('@0.8')")
    until(page, _SETTLED, 3)
    assert page.locator(".scene h3").nth(0).inner_text().endswith("=The lake")
    assert page.locator(".scene .track b").nth(2).inner_text() == "No music"
    page.locator("#said").get_by_role("button", name="Undo").click()
    until(page, "() => location.hash === '#scenes=3'")
