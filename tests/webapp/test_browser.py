"""The app as a person uses it, in a real browser: by mouse, by keyboard alone, in two tabs, at every width."""

import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import MOST_BYTES, PLAYS, WIDTHS, grave, tab_to, until, weigh

import media_samples

SELECTED = ".card.selected .section"


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of eight seconds that gets lighter."""
    return media_samples.clip(tmp_path_factory.mktemp("shot") / "my clip.mp4", media_samples.ramp(80, 96, 72), fps=10)


@pytest.fixture(scope="module")
def answer(served, shot: Path, library: str) -> str:
    """The address of the tracks for the clip."""
    return f"{served.address}/answer?clip={served.drop(shot)['id']}&library={library}"


def opened(page: Any, address: str) -> Any:
    """The page of an answer, when its list is there."""
    page.goto(address)
    page.locator(SELECTED).wait_for()
    return page


def titles(page: Any) -> list[str]:
    """Of the tracks, in order."""
    return [text.splitlines()[-1] for text in page.locator(".card h3").all_inner_texts()]


def selected(page: Any) -> str:
    """The title of the selected track."""
    return str(page.locator(".card.selected h3").inner_text().splitlines()[-1])


def begins(page: Any) -> float:
    """Where the section of the selected track begins."""
    return float(page.locator(SELECTED).get_attribute("aria-valuenow"))


def stated(page: Any) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).query)


def picks(served, library: str) -> list[dict]:
    return served.get(f"/api/libraries/{library}/picks")["picks"]


def written(page: Any) -> None:
    """Wait for what came of an export."""
    came = page.locator("dialog .result :is(h3, .fault)")
    came.first.wait_for()
    assert came.first.inner_text() == "Written"


def test_by_mouse_from_a_folder_of_music_to_an_export(page, served, shot, library, tmp_path) -> None:
    page.goto(served.address)
    page.get_by_role("button", name="New library").click()
    page.get_by_label("Name").fill("second")
    page.locator("button.folder").first.click()
    page.get_by_role("button", name="odd name, with spaces").click()
    page.get_by_role("button", name="Take this folder").click()
    page.locator(".library", has_text="second").get_by_text("1 track").wait_for()
    page.locator("input[type=file]").set_input_files(shot)
    page.get_by_label("Look for music in").select_option(library)
    page.get_by_role("link", name="Find music for my clip.mp4").click()
    page.locator(SELECTED).wait_for()
    assert len(titles(page)) == 4
    page.locator(".card.selected .play").click()
    until(page, PLAYS)
    _move_and_filter(page)
    _pick_and_undo(page, served, library)
    _export(page, tmp_path)


def _move_and_filter(page: Any) -> None:
    before, section = begins(page), page.locator(SELECTED)
    at = section.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] * 0.7, at["y"] + at["height"] / 2, steps=4)
    page.mouse.up()
    moved = begins(page)
    assert moved > before + 0.5
    assert abs(float(stated(page)["in"][0]) - moved) < 0.06
    page.locator("summary", has_text="Filters").click()
    tempo, length = (page.locator(f"input[name={name}]") for name in ("bpm", "duration"))
    tempo.fill("1-2")
    tempo.press("Enter")
    page.locator("#wrong").get_by_text("bpm").wait_for()  # nothing is that slow: the list stays
    assert len(titles(page)) == 4
    tempo.fill("")
    tempo.press("Enter")
    length.fill("20-")
    length.press("Enter")
    until(page, "() => document.querySelectorAll('.card').length === 2")
    assert stated(page)["duration"] == ["20-"]


def _pick_and_undo(page: Any, served: Any, library: str) -> None:
    before = len(picks(served, library))
    page.locator(".card.selected .pick").click()
    page.locator(".card.selected .pick[aria-pressed=true]").wait_for()
    made = picks(served, library)[0]
    assert (len(picks(served, library)), made["clip"]["name"]) == (before + 1, "my clip.mp4")
    assert made["track"]["title"] == selected(page)
    assert abs(made["in_s"] - begins(page)) < 0.06
    page.locator("#said").get_by_role("button", name="Undo").click()
    page.locator(".card.selected .pick[aria-pressed=false]").wait_for()
    assert len(picks(served, library)) == before


def _export(page: Any, folder: Path) -> None:
    page.locator(".card.selected").get_by_role("button", name="Export").click()
    page.get_by_role("dialog").get_by_role("button", name="Export", exact=True).click()
    written(page)
    with page.expect_download() as loading:
        page.get_by_role("link", name="All of them in one archive").click()
    loading.value.save_as(folder / "all.zip")
    names = zipfile.ZipFile(folder / "all.zip").namelist()
    assert {Path(name).suffix for name in names} >= {".otio", ".wav"}
    page.get_by_role("dialog").get_by_role("button", name="Close").click()


def choose_by_key(page, file: Path) -> None:
    """Choose a file with the keys; where the page was drawn anew meanwhile, once more."""
    from playwright.sync_api import TimeoutError as NothingOpenedError

    for attempt in range(6):
        tab_to(page, page.get_by_role("button", name="Choose files"))
        try:
            with page.expect_file_chooser(timeout=10_000) as choosing:
                page.keyboard.press("Enter")
        except NothingOpenedError:
            if attempt == 5:
                raise
        else:
            choosing.value.set_files(file)
            return


def follow_by_key(page, link, leads_to) -> None:
    """Follow a link with the keys; where the page was drawn anew meanwhile, once more."""
    from playwright.sync_api import TimeoutError as NothingHappenedError

    for _ in range(5):
        tab_to(page, link)
        page.keyboard.press("Enter")
        try:
            return leads_to.wait_for(timeout=10_000)
        except NothingHappenedError:
            continue
    raise AssertionError(f"{link} does not lead to {leads_to}")


def test_by_keyboard_alone(page, served, shot, library) -> None:
    page.goto(served.address)
    page.locator(".library h3").first.wait_for()
    choose_by_key(page, shot)
    link = page.get_by_role("link", name="Find music for my clip.mp4")
    link.wait_for()
    tab_to(page, link)
    page.keyboard.press("Enter")
    page.locator(SELECTED).wait_for()
    names = titles(page)
    page.keyboard.press("Space")
    until(page, PLAYS)
    page.keyboard.press("ArrowDown")
    page.locator(".card.selected h3", has_text=names[1]).wait_for()
    before = begins(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert begins(page) == pytest.approx(before + 1.1, abs=0.06)
    kept = len(picks(served, stated(page)["library"][0]))
    page.keyboard.press("2")
    page.locator(".card.selected .pick[aria-pressed=true]").wait_for()
    assert len(picks(served, stated(page)["library"][0])) == kept + 1
    page.keyboard.press("e")
    page.get_by_role("dialog").wait_for()
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Export", exact=True))
    page.keyboard.press("Enter")
    written(page)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    undo = page.get_by_role("button", name=f"Undo the pick of {names[1]} for my clip.mp4")
    follow_by_key(page, page.get_by_role("link", name="Picks"), undo.first)
    tab_to(page, undo)
    page.keyboard.press("Enter")
    page.locator("#said").get_by_text("no longer picked").wait_for()


def test_a_link_shows_the_same_in_another_tab(page, window, answer) -> None:
    opened(page, f"{answer}&duration=10-&top=3")
    page.locator(".card h3").nth(1).click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("f")
    until(page, "() => new URLSearchParams(location.search).get('fit') === 'clip'")
    other = opened(window[0].new_page(), page.url)
    assert stated(other) == stated(page)
    assert titles(other) == titles(page)
    assert len(titles(page)) == 3
    assert selected(other) == selected(page) == titles(page)[1]
    assert begins(other) == begins(page)
    assert other.locator("input[name=fit]").is_checked()
    assert other.locator("input[name=duration]").input_value() == "10-"
    other.close()


def test_two_tabs_show_one_state(page, window, served, answer, library) -> None:
    opened(page, answer)
    other = window[0].new_page()
    other.goto(f"{served.address}/picks?library={library}")
    other.get_by_role("heading", name="Picks").wait_for()
    page.bring_to_front()
    rows = len(picks(served, library))
    page.locator(".card.selected .pick").click()
    page.locator(".card.selected .pick[aria-pressed=true]").wait_for()
    other.bring_to_front()
    until(other, "(count) => document.querySelectorAll('tbody tr').length === count", rows + 1)
    other.locator("tbody tr").first.get_by_role("button").click()
    other.locator("#said").get_by_text("no longer picked").wait_for()
    page.bring_to_front()
    page.locator(".card.selected .pick[aria-pressed=false]").wait_for()
    other.close()


def test_every_page_is_accessible_at_every_width_in_light_and_dark(page, served, answer) -> None:
    check = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe().run
    here = served.address
    pages = {here: "h3", f"{here}/picks": "h2, h1", f"{here}/models?model=vggish": ".sheet h2", answer: SELECTED}
    for address, ready in {**pages, f"{here}/benchmarks": ".wide a"}.items():
        page.goto(address)
        page.locator(ready).first.wait_for()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert grave(check, page, width) == [], f"{address}, {scheme}, {width}"
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                    f"{address} is wider than {width}"
                )
    page.get_by_role("link", name="emomv-c-matching").click()
    page.get_by_role("heading", name="Paired tests").wait_for()
    assert grave(check, page, WIDTHS[-1]) == []


def test_a_page_is_light(window, answer) -> None:
    page = window[0].new_page()
    sizes = weigh(page)
    opened(page, answer)
    page.close()
    assert len(sizes) > 5
    assert sum(sizes.values()) <= MOST_BYTES
