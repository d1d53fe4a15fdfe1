"""A taste that was learnt: said above a list and a film, left out for one question, and remembered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import grave, until

from indexing import Library
from indexing.edits.taste_file import Figures, forget, keep
from recommender.model import Model
from recommender.rankers.taste import TERMS, Taste, Weight

FIGURES = Figures(31, 120, 24.0, 15.5, 0.1, 0.2, (0.63, 0.4, 0.8))
_LISTED = "() => document.querySelector('.tracks') && !document.querySelector('.tracks').hasAttribute('aria-busy')"
_SETTLED = """() => {
  const list = document.querySelector(".scenes");
  return list && !list.hasAttribute("aria-busy") && list.children.length > 0;
}"""


@pytest.fixture
def liked(indexed: str) -> Iterator[Path]:
    """The library's folder, its owner's taste surely for what is calm."""
    with Library.open(indexed) as opened:
        folder, space = opened.folder, opened.space
    weights = {name: Weight(0.0, 0.0, 1.0) for name in TERMS} | {"arousal": Weight(-3.0, 0.0, 0.2)}
    ranker = Model.load().ranker_for("music")
    keep(folder, Taste(space, ranker, weights), FIGURES)
    yield folder
    forget(folder)


@pytest.fixture(scope="module")
def clip(served, whole_film: Path) -> str:
    return served.drop(whole_film)["id"]


def ask(served, clip: str, library: str, **also: Any) -> dict[str, Any]:
    return served.get("/api/answers", clip=clip, library=library, **also)


def scores(answer: dict[str, Any]) -> dict[int, float]:
    return {one["track"]: one["score"] for one in answer["recommendations"]}


def test_an_answer_says_whether_it_goes_by_the_taste(served, liked: Path, library: str, clip: str):
    with_it, without = ask(served, clip, library), ask(served, clip, library, taste="false")
    assert with_it["taste"] == {"applied": True, "likes": ["calmer"], "films": 31, "why_not": None}
    assert without["taste"] == {"applied": False, "likes": ["calmer"], "films": 31, "why_not": None}
    assert scores(with_it) != scores(without)
    assert any("your taste" in word for one in with_it["recommendations"] for word in [*one["for"], *one["against"]])
    forget(liked)
    plain = ask(served, clip, library)
    assert plain["taste"] is None
    assert scores(plain) == scores(without)


def test_why_it_cannot_be_used_is_said(served, liked: Path, library: str, clip: str):
    other = ask(served, clip, library, ranker="afclnet" if Model.load().ranker_for("music") != "afclnet" else "cosine")
    assert not other["taste"]["applied"]
    assert other["taste"]["why_not"].startswith("your taste was learnt on scores by ")
    (liked / "taste.json").write_text("{")
    assert "is damaged: learn it again" in ask(served, clip, library)["taste"]["why_not"]


def test_a_film_is_scored_by_it_or_without(served, liked: Path, library: str, clip: str):
    told = []
    for also in ({}, {"taste": False}):
        found = served.ask("POST", "/api/scores", {"clip": clip, "library": library, "count": 3, **also})
        told.append(served.finish(found.body["job"])["result"])
    assert [one["taste"]["applied"] for one in told] == [True, False]
    words = [[*one["music"]["for"], *one["music"]["against"]] for one in told[0]["scenes"]]
    assert any("your taste" in word for some in words for word in some)
    assert not any("your taste" in str(one["music"]) for one in told[1]["scenes"])


def test_it_is_switched_in_the_page_and_remembered(page, served, liked: Path, library: str, clip: str):
    check = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe().run
    page.goto(f"{served.address}/answer?clip={clip}&library={library}")
    until(page, _LISTED)
    switch = page.get_by_role("checkbox", name="Your taste: calmer")
    assert switch.is_checked()
    page.get_by_text("learnt from 31 films").wait_for()
    assert grave(check, page, 1440) == []
    switch.uncheck()
    until(page, "() => location.search.includes('taste=false')")
    page.get_by_text("left out here").wait_for()
    page.goto(f"{served.address}/film?clip={clip}&library={library}#scenes=3")  # what was chosen last holds
    until(page, _SETTLED)
    switch = page.get_by_role("checkbox", name="Your taste: calmer")
    assert not switch.is_checked()
    switch.check()
    until(page, "() => location.search.includes('taste=true')")
    until(page, _SETTLED)
    page.get_by_text("your taste: calmer").first.wait_for()
    page.goto(f"{served.address}/answer?clip={clip}&library={library}&taste=false")  # a link says it itself
    until(page, _LISTED)
    assert not page.get_by_role("checkbox", name="Your taste: calmer").is_checked()
