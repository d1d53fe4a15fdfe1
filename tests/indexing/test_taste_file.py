"""A taste lies with its library: in force until it is put out, told where it is damaged or of another model."""

import json
import logging
from dataclasses import replace

import pytest

from indexing import Library
from indexing.edits.taste_file import FILE, Figures, describe, forget, keep, load, taste_of
from indexing.maintenance.verify import info
from recommender.errors import LibraryError
from recommender.rankers.taste import TERMS, Taste, Weight
from recommender.types import Space

SPACE = Space("toy", "1", 3)
FIGURES = Figures(31, 120, 24.0, 15.5, 0.1, 0.2, (0.63, 0.4, 0.8), (1.1, 0.7, 1.5))
WEIGHTS = {name: Weight(0.0, 0.0, 1.0) for name in TERMS} | {"tempo": Weight(1.5, 0.1, 0.4)}
TASTE = Taste(SPACE, "cosine", WEIGHTS)


@pytest.fixture
def library(tmp_path):
    with Library.create(tmp_path / "l", SPACE) as opened:
        yield opened


def test_what_is_kept_comes_back_until_it_is_forgotten(library):
    assert load(library.folder) is None is describe(library.folder, SPACE)
    kept = keep(library.folder, TASTE, FIGURES)
    assert load(library.folder) == kept
    assert taste_of(library) == TASTE
    assert info(library)["taste"]["likes"] == ["faster"]
    assert info(library)["taste"]["in_force"]
    assert forget(library.folder)
    assert taste_of(library) is None
    assert "taste" not in info(library)
    assert not forget(library.folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["terms"].pop("tempo"),
        lambda value: value["terms"].pop("loudness"),
        lambda value: value["terms"].update(brass=value["terms"]["tempo"]),
        lambda value: value["terms"]["tempo"].update(weight=float("nan")),
        lambda value: value["terms"]["tempo"].update(scale=0),
        lambda value: value["terms"]["tempo"].pop("centre"),
        lambda value: value.update(space={"model": "toy"}),
        lambda value: value.update(ranker=None),
        lambda value: value["figures"].pop("mrr"),
        lambda value: value["figures"].update(halvings=[1, 2]),
        lambda value: value["figures"].update(agreement=[1, 2]),
        lambda value: value.update(terms=[]),
    ],
)
def test_a_damaged_file_is_told_in_a_line_and_ranked_without(library, change, caplog):
    keep(library.folder, TASTE, FIGURES)
    path = library.folder / FILE
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    with pytest.raises(LibraryError, match=r"taste.json is damaged: learn it again .* or remove the file"):
        load(library.folder)
    with caplog.at_level(logging.WARNING):
        assert taste_of(library) is None
    assert caplog.messages[0].endswith("ranked without it")
    assert not info(library)["taste"]["in_force"]
    assert forget(library.folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '"taste"', "null"])
def test_what_is_no_taste_is_damaged_too(library, text):
    (library.folder / FILE).write_text(text)
    with pytest.raises(LibraryError, match="is damaged"):
        load(library.folder)


def test_a_later_format_is_not_called_damaged(library):
    keep(library.folder, TASTE, FIGURES)
    value = json.loads((library.folder / FILE).read_text())
    (library.folder / FILE).write_text(json.dumps({**value, "format": 3}))
    with pytest.raises(LibraryError, match="written by a later version"):
        load(library.folder)


def test_a_taste_of_the_first_format_loads_with_new_terms_that_weigh_nothing(library, run):
    keep(library.folder, TASTE, FIGURES)
    value = json.loads((library.folder / FILE).read_text())
    value["format"] = 1
    for name in ("loudness", "cuts"):
        del value["terms"][name]
    del value["figures"]["agreement"]
    (library.folder / FILE).write_text(json.dumps(value))
    found = load(library.folder)
    assert found is not None
    assert found.taste == TASTE
    assert found.figures == replace(FIGURES, agreement=None)
    told = run("edits", "taste", "--library", library.folder).out
    assert "learnt by an earlier version" in told
    value["terms"].pop("tempo")
    (library.folder / FILE).write_text(json.dumps(value))
    with pytest.raises(LibraryError, match="is damaged"):
        load(library.folder)


def test_another_model_is_told_and_ranked_without(library, caplog):
    keep(library.folder, replace(TASTE, space=Space("toy", "0", 3)), FIGURES)
    with caplog.at_level(logging.WARNING):
        assert taste_of(library) is None
    assert "learnt on model 'toy' revision 0, the library is searched with 'toy' revision 1" in caplog.messages[0]
    assert "revision 0" in info(library)["taste"]["why_not"]
    keep(library.folder, TASTE, FIGURES)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert taste_of(library, calibrate=True) is None
    assert "without calibration" in caplog.messages[0]


def test_the_command_ranks_with_it_and_without(run, indexed, clip_folder):
    asked = ("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "json")
    before = run(*asked)
    with Library.open(indexed) as opened:
        keep(opened.folder, replace(TASTE, space=opened.space), FIGURES)
        try:
            after, without = run(*asked), run(*asked, "--no-taste")
            told = run("edits", "taste", "--library", indexed)
        finally:
            off = run("edits", "taste", "--library", indexed, "--off")
    assert without.out == before.out == run(*asked).out != after.out
    assert "your taste: faster" in after.out
    assert "24.0 without it, 15.5 with it" in told.out
    assert "+1.10 [+0.70, +1.50]" in told.out
    assert (off.code, off.err.splitlines()[0]) == (0, "your taste is out of force")
