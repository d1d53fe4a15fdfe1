"""A real browser on the app: Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PATIENCE_MS = 60_000
WIDTHS = (1440, 1024, 390)
MOST_BYTES = 300_000
"""Of a page with all its files."""
FOCUSED = "(element) => element === document.activeElement"
PLAYS = """() => {
  const video = document.querySelector("video");
  const plays = video.currentTime > 0.1 && video.webkitAudioDecodedByteCount > 0;
  return plays && video.currentSrc.includes("/media/previews/");
}"""
"""Whether a preview plays: its picture goes on, and its sound was decoded."""
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
_TABS = 150


@contextmanager
def browser() -> Iterator[Any]:
    """A context with the browser; skips where there is none."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright (the extra `dev`)")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--mute-audio"])
        try:
            yield opened
        finally:
            opened.close()


class Watched:
    """What the pages of a browser context asked for, and what went wrong in them."""

    def __init__(self, context: Any) -> None:
        self.requests: list[str] = []
        self.faults: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("console", self._hear)
        context.on("response", self._look)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"{message.type}: {message.text}")

    def _look(self, response: Any) -> None:
        """A file of the pages that is not there is a fault; the API may refuse what a person asks for."""
        if response.status >= 400 and "/api/" not in response.url:
            self.faults.append(f"{response.status}: {response.url}")


def tab_to(page: Any, target: Any) -> None:
    """Go to an element by the tab key alone, and wait until the page was drawn: keys before that are dropped."""
    for _ in range(_TABS):
        if _has_focus(target) and page.evaluate(_DRAWN) and _has_focus(target):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {target} by keyboard")


def _has_focus(target: Any) -> bool:
    return bool(target.count() and target.first.evaluate(FOCUSED))


def until(page: Any, condition: str, argument: Any = None) -> None:
    """Wait until a function of the page says yes."""
    page.wait_for_function(condition, arg=argument, timeout=PATIENCE_MS)


def grave(check: Any, page: Any, width: int) -> list[tuple[str, str]]:
    """What axe-core calls serious or critical; colours, a second of work, are looked at in the widest and narrowest."""
    options = {"rules": {"color-contrast": {"enabled": width != WIDTHS[1]}}}
    found = check(page, options=options).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


def weigh(page: Any) -> dict[str, int]:
    """The bytes of a page and of its files by address, as they come."""
    sizes: dict[str, int] = {}
    page.on("response", lambda one: sizes.update({one.url: len(one.body())}) if _is_ours(one) else None)
    return sizes


def _is_ours(response: Any) -> bool:
    """Whether it is a page, or a file of the pages."""
    return "/static/" in response.url or "text/html" in response.headers.get("content-type", "")
