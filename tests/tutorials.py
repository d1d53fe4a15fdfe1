"""Pages that add something to the program, followed as a reader would: their changes are made to a copy of it.

A block `diff` begins with the path of a file and is a change of it. A block `python` that begins with a path as a
comment is a new file; another is a script. Lines of a block `console` are commands.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from running import ROOT
from test_docs import FENCE, blocks

NEW = re.compile(r"# (\S+/\S+\.py)\n")
LIMIT_S = 300  # on a busy machine; some seconds otherwise


class Change(NamedTuple):
    """Lines of a file before and after; nothing was before in a new file."""

    file: str
    before: str
    after: str


def changes(page: Path) -> list[Change]:
    """Every change of a page, in order."""
    found = []
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "diff":
            file, *lines = block.splitlines(keepends=True)
            before, after = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
            found.append(Change(file.strip(), before, after))
        elif language == "python" and (new := NEW.match(block)):
            found.append(Change(new[1], "", block[new.end() :]))
    return found


def files_of(page: Path) -> list[str]:
    """The files that a page changes or makes."""
    return sorted({change.file for change in changes(page)})


def scripts(page: Path) -> list[str]:
    """The Python of a page that is run."""
    return [block for block in blocks(page, "python") if not NEW.match(block)]


def commands(page: Path) -> list[list[str]]:
    """The commands of a page, each as its words."""
    return [shlex.split(line) for block in blocks(page, "console") for line in block.splitlines()]


class Program(NamedTuple):
    """A copy of the program, with its tests, in a folder of its own."""

    folder: Path

    def ask(self, *words: object, cwd: Path | None = None, code: int = 0) -> str:
        """What `recommend ...` or `python ...` prints, in the copy's folder or `cwd`: its errors where they are due."""
        first, *rest = map(str, words)
        start = {"recommend": [sys.executable, str(self.folder / "cli.py")], "python": [sys.executable]}[first]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        env |= {"PYTHONPATH": str(self.folder), "PYTHONIOENCODING": "utf-8"}
        asked = {"cwd": cwd or self.folder, "env": env, "timeout": LIMIT_S}
        ran = subprocess.run([*start, *rest], capture_output=True, encoding="utf-8", check=False, **asked)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    def follow(self, page: Path) -> Iterator[str]:
        """Run the scripts of a page, then its commands: what each command prints."""
        for script in scripts(page):
            self.ask("python", "-c", script)
        for words in commands(page):
            yield self.ask(*words)


def change_copy(page: Path, folder: Path) -> Program:
    """A copy of the program in `folder`, with the changes of `page` made."""
    for file in ("cli.py", "pyproject.toml"):
        shutil.copy(ROOT / file, folder)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("*.pyc.*"))
    for package in ("recommender", "indexing", "training"):  # links: weights are large, and byte code stays valid
        ignored = shutil.ignore_patterns("*.pyc.*")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored, copy_function=os.symlink)
    for file, before, after in changes(page):
        path = folder / file
        if not before:
            assert not path.exists(), f"{file} is there"
            path.write_text(after, encoding="utf-8")
            continue
        source = path.read_text(encoding="utf-8")
        assert source.count(before) == 1, f"{file} has changed: {before}"
        path.unlink()  # the link, not what it leads to
        path.write_text(source.replace(before, after), encoding="utf-8")
    return Program(folder)
