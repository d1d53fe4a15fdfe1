"""The documentation does what it says: its Python runs, its commands exist, its links lead somewhere."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from running import ROOT

PAGES = [*map(ROOT.joinpath, ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted((ROOT / "docs").rglob("*.md"))]
GROUPS = ("edits", "index", "models", "train", "dataset", "features")
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [body for name, body in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def test_the_python_page_runs_from_top_to_bottom(home, tmp_path, monkeypatch, music_folder, clip_folder, capsys):
    shutil.copytree(music_folder, tmp_path / "music")
    shutil.copy(clip_folder / "calm.mp4", tmp_path / "clip.mp4")
    shutil.copy(music_folder / "fast major.mp3", tmp_path / "reference.mp3")
    shutil.copy(music_folder / "fast major.mp3", tmp_path / "music" / "demo.mp3")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(ROOT / "docs" / "python.md", "python"):
        exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102 (our own page)
    out = capsys.readouterr().out
    assert re.search(r"^1 .* 0\.\d+ \d+\.\d+ \d+\.\d+$", out, re.MULTILINE)
    assert "library's median" in out
    assert re.search(r"^[1-4] tracks qualify$", out, re.MULTILINE)
    assert "\n`keys` X minor: no key; write it as" in out
    assert "Affect(valence=" in out
    assert out.rstrip().endswith("(1, 64)")


def commands() -> list[str]:
    """Every `recommend ...` command line in a shell block of any page."""
    found = set()
    for page in PAGES:
        for block in blocks(page, ""):
            for line in block.splitlines():
                for part in line.split("#")[0].split("&&"):
                    if part.strip().startswith("recommend "):
                        found.add(part.strip())
    return sorted(found)


@pytest.mark.parametrize("command", commands())
def test_commands_in_the_docs_use_options_that_exist(run, command):
    words = shlex.split(command)[1:]
    groups = []
    for word in words:
        if word.startswith("-") or len(groups) == 2 or (groups and groups[0] not in GROUPS):
            break
        groups.append(word)
    text = run(*groups, "--help").out
    for word in words:
        if word.startswith("--"):
            assert word in text, f"{command}: no option {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
