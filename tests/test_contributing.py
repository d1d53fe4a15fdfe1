"""CONTRIBUTING.md and the pages that add something: followed in a copy of the program, and few files each."""

import json
import re
import shutil
import tomllib

import numpy as np
import pytest

from running import ROOT
from tutorials import Program, change_copy, files_of

DOCS = ROOT / "docs"
MOST = 4  # files for one addition
ROW = re.compile(r"^\| (?:an?) (\w+) \| \[.+?\]\((docs/\w+\.md)\) \| (\d+) \| (.+) \|$", re.MULTILINE)


@pytest.fixture
def follow(tmp_path, home):
    """`follow("adding_a_filter", **folders)`: the changed copy, and what the page's commands print there."""

    def run(name: str, **there) -> tuple[Program, list[str]]:
        page = DOCS / f"{name}.md"
        program = change_copy(page, tmp_path)
        for target, source in there.items():
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, tmp_path / target.replace("_", "."))
        return program, list(program.follow(page))

    return run


def test_an_output_is_offered_and_writes_a_playlist(follow, music_folder, clip_folder):
    program, _ = follow("adding_an_output", clip_mp4=clip_folder / "calm.mp4", music=music_folder)
    head, query, *lines = (program.folder / "list.m3u8").read_text(encoding="utf-8").splitlines()
    assert (head, query) == ("#EXTM3U", "# clip.mp4")
    assert len(lines) == 4 * 4
    assert re.fullmatch(r"#EXTINF:\d+,.+", lines[0])
    assert re.fullmatch(r"#EXTVLCOPT:start-time=\d+\.\d{3}", lines[1])
    assert re.fullmatch(r"#EXTVLCOPT:stop-time=\d+\.\d{3}", lines[2])
    assert {line.rpartition("/")[2] for line in lines[3::4]} == {p.name for p in music_folder.rglob("*.*")}
    assert "a playlist, with sections for VLC" in program.ask("recommend", "--help")


def test_an_extractor_measures_and_keeps_the_contract(follow, clip_folder):
    program, (measured, tested) = follow("adding_an_extractor", clips=clip_folder)
    assert "features-brightness.npy" in measured
    levels = np.load(program.folder / "features-brightness.npy")
    assert levels.shape == (3, 1)
    assert ((levels > 0) & (levels < 1)).all()
    assert re.search(r"\d+ passed", tested)
    assert "brightness" in program.ask("recommend", "features", "extract", "--help")


@pytest.mark.slow
def test_a_backend_answers_and_keeps_the_contract(follow, music_folder, clip_folder):
    pytest.importorskip("faiss")
    program, printed = follow("adding_a_backend", clip_mp4=clip_folder / "calm.mp4", music=music_folder)
    found, info, tested = printed[-3:]
    assert len(json.loads(found)) == 4
    assert "float64" in info
    assert re.search(r"\d+ passed", tested)
    assert "float64" in program.ask("recommend", "index", "build", "--help")


def test_a_dataset_is_found_by_name(follow):
    pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    program, (printed,) = follow("adding_a_dataset")
    assert "| **evidence** |" in printed
    report = json.loads((program.folder / "flat-results" / "report.json").read_text(encoding="utf-8"))
    assert report["systems"]["evidence"]["measures"]["AUC"]["mean"] > 0.6
    assert "flat" in program.ask("recommend", "benchmark", "--help")
    told = program.ask("recommend", "benchmark", "--dataset", "flat", "--out", "none", code=2)
    assert "--data FOLDER is needed" in told


def test_the_table_counts_the_files_that_the_pages_touch():
    rows = ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert [row[0] for row in rows] == ["output", "filter", "extractor", "backend", "dataset"]
    for _, page, count, files in rows:
        there = files_of(ROOT / page)
        assert (int(count), sorted(re.findall(r"`(\S+?)`", files))) == (len(there), there)
        assert len(there) <= MOST


def test_every_page_that_adds_something_is_linked_and_followed():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    for one in DOCS.glob("adding_*.md"):
        assert f"(docs/{one.name})" in page
        assert one.stem in tests


def test_the_commands_that_it_names_are_there():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", page):
        assert f"\n{target}:" in makefile
    for path, name in re.findall(r"(tests/\S+\.py)(?:::(\w+))?", page):
        assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for named in re.findall(r"'\.\[(.+?)\]'", page):
        assert set(named.split(",")) <= extras.keys()
