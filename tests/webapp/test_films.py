"""A whole film, as a program asks and as a person does in a browser: scenes with music, edited, heard, taken home."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import MOST_BYTES, PLAYS, WIDTHS, grave, tab_to, until, weigh

import media_samples
from recommender.media import probe
from recommender.media.web import is_web_film

_SETTLED = """(count) => {
  const list = document.querySelector(".scenes");
  return list && !list.hasAttribute("aria-busy") && (count === null || list.children.length === count);
}"""


@pytest.fixture(scope="module")
def clip(served, whole_film: Path) -> str:
    return served.drop(whole_film)["id"]


@pytest.fixture(scope="module")
def scored(served, library: str, clip: str) -> dict[str, Any]:
    return score(served, clip, library, count=3)["result"]


def score(served, clip: str, library: str, **edits: Any) -> dict[str, Any]:
    """The job of a score, when it is over."""
    found = served.ask("POST", "/api/scores", {"clip": clip, "library": library, **edits})
    assert found.status == 202, found
    return served.finish(found.body["job"])


def starts(result: dict[str, Any]) -> list[float]:
    return [one["start_s"] for one in result["scenes"]]


def tracks(result: dict[str, Any]) -> list[int | None]:
    return [one["music"] and one["music"]["track"] for one in result["scenes"]]


def test_a_film_is_cut_where_it_changes_and_every_scene_has_music_of_its_own(served, scored, clip: str):
    assert starts(scored) == pytest.approx([0.0, 6.0, 12.0], abs=1e-6)
    assert len(set(tracks(scored))) == 3
    first, second, _ = scored["scenes"]
    assert (first["why"], first["timecode_in"]) == ("the film begins", "00:00:00:00")
    assert second["why"].startswith("cut; ")
    assert first["music"]["track"] not in [one["track"] for one in first["alternatives"]]
    assert served.ask("GET", first["picture"]).body.startswith(b"\xff\xd8")
    assert served.get(f"/api/scores/{scored['id']}")["scenes"] == scored["scenes"]


def test_borders_names_silence_themes_and_locks_are_as_somebody_set_them(served, library: str, clip: str, scored):
    chosen = scored["scenes"][1]["alternatives"][0]["track"]
    made = score(
        served,
        clip,
        library,
        starts=[6.0, 9.0, 12.0],
        labels=[{"scene": 1, "label": "The lake"}],
        silence=[3],
        themes=[[1, 4]],
        locks=[{"scene": 2, "track": chosen}],
    )["result"]
    assert starts(made) == pytest.approx([0.0, 6.0, 9.0, 12.0])
    lake, locked, silent, again = made["scenes"]
    assert (lake["label"], silent["music"], silent["music_why"]) == ("The lake", None, "silence: asked for")
    assert lake["music"]["track"] == again["music"]["track"]
    assert (lake["theme"], again["theme"]) == ("A", "A")
    assert (locked["music"]["track"], locked["locked"], lake["locked"]) == (chosen, True, False)
    assert chosen not in [one["track"] for one in locked["alternatives"]]
    assert locked["alternatives"]
    assert silent["why"].startswith("set by hand")
    table = served.ask("GET", f"/media/scores/{made['id']}/scenes.csv").body.decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["label"], row["music"]) for row in rows] == [
        ("The lake", "yes"),
        ("", "kept"),
        ("", "silence"),
        ("", "yes"),
    ]
    assert len(score(served, clip, library, count=2)["result"]["scenes"]) == 2


def test_the_film_is_read_once(served, library: str, clip: str, scored):
    job = score(served, clip, library, starts=[5.0])
    assert starts(job["result"]) == pytest.approx([0.0, 5.0])
    assert "read" not in job["verb"]
    told = served.get("/api/jobs")["jobs"]
    assert sum(one["kind"] == "score" for one in told) > 1


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        ({"silence": [7]}, "there is no scene 7: the film has 3"),
        ({"labels": [{"scene": 4, "label": "x"}]}, "there is no scene 4: the film has 3"),
        ({"themes": [[1, 2], [2, 3]]}, "scene 2 is named twice in themes: a scene has one"),
        ({"silence": [1], "themes": [[1, 2]]}, "scene 1 is to be silent, and to have music: take one back"),
        ({"locks": [{"scene": 1, "track": 999_999}]}, "scene 1: 999999 is not in this library"),
        ({"starts": [9.0, 6.0]}, "scenes begin in order of time, 1 s apart: not so at 6.00 s"),
        ({"starts": [99.0]}, "a scene cannot begin at 99.00 s: the film ends at 00:00:18:00, 1 s at least"),
        ({"bpm": "1-2"}, "no track meets all conditions"),
    ],
)
def test_what_does_not_fit_the_film_is_one_line(served, library: str, clip: str, scored, edits: dict, line: str):
    job = score(served, clip, library, **({} if "starts" in edits else {"count": 3}), **edits)
    assert job["state"] == "failed"
    assert job["error"].startswith(line)
    assert "\n" not in job["error"]


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        ({"count": 2, "starts": [6.0]}, "count says into how many scenes, starts where: give one of them"),
        ({"count": 201}, "the body.count: 201 is greater than the maximum of 200"),
        ({"themes": [[1]]}, "the body.themes.0: [1] is too short"),
        ({"path": "/etc/passwd"}, "the body: Additional properties are not allowed ('path' was unexpected)"),
    ],
)
def test_what_no_film_could_have_is_refused_at_once(served, library: str, clip: str, edits: dict, line: str):
    found = served.ask("POST", "/api/scores", {"clip": clip, "library": library, **edits})
    assert (found.status, found.body["error"]) == (400, line)


def test_a_picture_has_no_scenes_and_an_empty_library_no_music(served, library: str, clip: str, clip_folder, tmp_path):
    from indexing import Library
    from recommender import Model

    picture = served.drop(clip_folder / "picture.png")["id"]
    found = served.ask("POST", "/api/scores", {"clip": picture, "library": library})
    assert (found.status, found.body["error"].partition(":")[0]) == (422, "picture.png is a picture and has no scenes")
    Library.create("nothing in it", Model.load().space).close()
    empty = next(one["id"] for one in served.get("/api/libraries")["libraries"] if one["name"] == "nothing in it")
    assert score(served, clip, empty)["error"] == "the library holds no music: add some first"
    assert served.ask("GET", f"/api/scores/{'0' * 24}").status == 404


def test_a_score_is_heard_and_taken_home(served, library: str, clip: str, scored, whole_film: Path, tmp_path: Path):
    asked = f"/api/scores/{scored['id']}/preview"
    made = served.finish(served.ask("POST", asked, {"recut": True}).body["job"])["result"]
    film = tmp_path / "film.mp4"
    film.write_bytes(served.ask("GET", made["film"]).body)
    assert is_web_film(film)
    assert probe(film).duration_s == pytest.approx(18.0, abs=0.2)
    assert [one["placement"]["at_s"] for one in made["cues"]] == pytest.approx([0.0, 6.0, 12.0], abs=2.5)
    again = served.finish(served.ask("POST", asked, {"recut": True}).body["job"])
    assert (again["result"]["film"], again["verb"]) == (made["film"], "")
    sheet = served.ask("GET", f"/media/scores/{scored['id']}/cue-sheet.csv?recut=true").body.decode()
    assert [row["title"] for row in csv.DictReader(io.StringIO(sheet))] == [
        one["music"]["title"] for one in scored["scenes"]
    ]
    page = served.ask("GET", f"/media/scores/{scored['id']}/cue-sheet.html?recut=true")
    assert page.headers["content-type"].startswith("text/html")
    assert b"Cue sheet of three parts.mp4" in page.body
    job = served.ask("POST", f"/api/scores/{scored['id']}/exports", {"formats": ["otio"], "recut": True}).body["job"]
    written = served.finish(job)["result"]
    names = zipfile.ZipFile(io.BytesIO(served.ask("GET", written["archive"]).body)).namelist()
    ends = ["three parts - cue sheet.csv", "three parts - cue sheet.html", "three parts - scenes.csv"]
    assert sorted(names) == sorted([*ends, "three parts.mp4", "three parts.otio", "three parts.wav"])


def test_a_film_all_silent_has_nothing_to_hear(served, library: str, clip: str, scored):
    made = score(served, clip, library, count=3, silence=[1, 2, 3])["result"]
    job = served.finish(served.ask("POST", f"/api/scores/{made['id']}/preview", {}).body["job"])
    assert job["error"] == "no scene of the film has music: there is nothing to lay under it"


def test_a_removed_film_takes_its_scores_along(served, library: str, tmp_path: Path):
    short = served.drop(media_samples.clip(tmp_path / "short.mp4", media_samples.ramp(30), fps=10))["id"]
    made = score(served, short, library)["result"]
    assert len(made["scenes"]) == 1
    served.ask("DELETE", f"/api/clips/{short}")
    assert served.ask("GET", f"/api/scores/{made['id']}").status == 404
    assert not list((served.settings.session / "scores" / short).glob("*"))


@pytest.fixture(scope="module")
def film(served, clip: str, library: str) -> str:
    """The address of the film's score, in three scenes."""
    return f"{served.address}/film?clip={clip}&library={library}#scenes=3"


def opened(page: Any, address: str) -> Any:
    page.goto(address)
    until(page, _SETTLED, 3)
    return page


def changed(page: Any) -> dict[str, list[str]]:
    """What the address says was changed by hand."""
    return parse_qs(urlsplit(page.url).fragment)


def settle(page: Any, change: str, scenes: int) -> None:
    """Wait until the address holds a change, and its score is there."""
    until(page, "(change) => location.hash.includes(change)", change)
    until(page, _SETTLED, scenes)


def titles(page: Any) -> list[str]:
    return page.locator(".scene .track b").all_inner_texts()


def test_from_the_first_page_to_a_film_with_its_music(page, served, film: str, whole_film: Path) -> None:
    page.goto(served.address)
    page.get_by_role("link", name=f"Score the whole film: {whole_film.name}").click()
    until(page, _SETTLED)
    opened(page, film)
    before = titles(page)
    page.locator(".scene").nth(1).click()
    page.locator("[data-key=track-2]").select_option(index=1)
    settle(page, "lock=2:", 3)
    assert titles(page)[1] != before[1]
    page.locator(".flags").get_by_text("Kept").wait_for()
    page.go_back()
    settle(page, "#scenes=3", 3)
    assert titles(page) == before
    page.locator(".hear").click()
    until(page, PLAYS)
    page.get_by_text("At its end: ").first.wait_for()
    page.locator(".scene.playing").wait_for()
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Cue sheet to print").click()
    opening.value.get_by_role("heading", name=f"Cue sheet of {whole_film.name}").wait_for()
    opening.value.close()


def test_a_film_by_keyboard_alone(page, film: str) -> None:
    opened(page, film)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    settle(page, "silence=2", 3)
    assert titles(page)[1] == "No music"
    page.keyboard.press("m")
    settle(page, "starts=6", 2)
    assert changed(page) == {"starts": ["6"], "silence": ["2"]}
    page.keyboard.press("z")
    settle(page, "#scenes=3", 3)
    page.keyboard.press("n")
    page.keyboard.type("The mosaic")
    page.keyboard.press("Enter")
    settle(page, "label=2:The+mosaic", 3)
    assert page.locator(".scene h3").nth(1).inner_text().endswith("The mosaic")
    tab_to(page, page.get_by_role("button", name="Reset all changes"))
    page.keyboard.press("Enter")
    until(page, "() => location.hash === ''")
    until(page, _SETTLED)


def test_the_page_is_light_and_accessible_in_both_themes_and_on_a_phone(page, film: str) -> None:
    check = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe().run
    sizes = weigh(page)
    opened(page, film)
    assert len(sizes) > 5
    assert sum(sizes.values()) <= MOST_BYTES
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (WIDTHS[0], WIDTHS[-1]):
            page.set_viewport_size({"width": width, "height": 900})
            assert grave(check, page, width) == [], f"{scheme}, {width}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_no_film_and_what_does_not_fit_is_said(
    page, served, film: str, library: str, clip_folder: Path
) -> None:
    picture = served.drop(clip_folder / "picture.png")["id"]
    page.goto(f"{served.address}/film?clip={picture}&library={library}")
    page.get_by_text("A picture has no scenes").wait_for()
    page.goto(f"{film.partition('#')[0]}#silence=9")
    page.locator(".progress .fault").get_by_text("there is no scene 9").wait_for()
    page.get_by_role("button", name="Reset all changes").click()
    until(page, _SETTLED)
