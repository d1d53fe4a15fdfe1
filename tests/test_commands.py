"""What holds for every command, a new one included: its help, its length, and the formats it prints."""

import ast
import csv
import inspect
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import cli
from recommender.outputs import OUTPUTS
from recommender.outputs.listing import FORMATS
from running import ROOT

LONGEST = 40


def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that name it; groups only where they do something themselves."""
    inner = getattr(command, "commands", {})
    if command.callback is not None and (not inner or getattr(command, "invoke_without_command", False)):
        yield words, command
    for name, one in inner.items():
        yield from walk(one, (*words, name))


COMMANDS = dict(walk(typer.main.get_command(cli.make_app())))
FORMATTED = {
    words: next(p.type.choices for p in command.params if "--format" in p.opts)
    for words, command in COMMANDS.items()
    if any("--format" in p.opts for p in command.params)
}


TOLD = {("index", "add"), ("index", "update")}
"""Commands that tell people of their work as they go, on stderr."""


def test_the_walk_finds_them() -> None:
    assert {(), ("index", "beats"), ("dataset", "tag"), ("train", "tagger"), ("eval",)} <= COMMANDS.keys()
    assert {(), ("doctor",), ("models", "list"), ("dataset", "tag")} <= FORMATTED.keys()
    assert len(COMMANDS) >= 30


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_in_its_help(run, words):
    ran = run(*words, "--help")
    assert ran.code == 0
    assert re.search(r"Examples?:\s+recommend " + " ".join(words), ran.out)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of every function of a module, from the first decorator to the end."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, node.end_lineno - first + 1


def test_no_function_of_a_module_with_commands_is_long() -> None:
    files = {Path(inspect.getfile(inspect.unwrap(command.callback))) for command in COMMANDS.values()}
    assert {ROOT / "recommender" / "commands.py", ROOT / "training" / "commands.py"} < files
    files.add(ROOT / "cli.py")
    lengths = {(path.name, name): lines for path in files for name, lines in functions(path)}
    assert len(lengths) > len(COMMANDS)
    assert {where: lines for where, lines in lengths.items() if lines > LONGEST} == {}


@pytest.fixture
def picked(indexed):
    """A pick and an edit in the library, which other tests share."""
    from indexing import Library, picks
    from indexing.edits import kept
    from indexing.edits.uses import Edit, Use

    with Library.open(indexed) as library:
        folder, track = library.folder, picks.describe_track(library, next(library.tracks("music")).id)
    made = picks.add(folder, picks.Pick(picks.PickedClip("calm.mp4"), track, 0.0, 5.0))
    kept.keep(folder, Edit("/calm.mp4", "00", 5.0, (Use(track.hash, track.path, 0.0, 5.0, 1.0),)))
    yield
    picks.undo(folder, made.id)
    kept.remove(folder, "/calm.mp4")


@pytest.fixture
def asked(indexed, picked, music_folder, clip_folder, tmp_path, monkeypatch):
    """What each command that takes --format is given, so that it has something to print."""
    from training.construction.report import BuildReport, SplitReport
    from training.tagger.media import Outcome, TagReport

    built = SplitReport(4, 4, 0, 0, 8, {"tense": 4})
    report = BuildReport(tmp_path, "builtin", "drop", 0, None, {"train": built}, 8, 0, 0, (), 8, "r")
    monkeypatch.setattr("training.construction.build", lambda *_, **__: report)
    tagged = TagReport(tmp_path, tmp_path, (Outcome("a, b.mp4", "failed", None, "no sound"),), ("tense", "sad"), 1)
    monkeypatch.setattr("training.tagger.media.tag_folder", lambda *_, **__: tagged)
    monkeypatch.setattr("training.tagger.model.load", lambda _: None)
    (tmp_path / "q.qrels").write_text("a 0 x 0\na 0 y 1\n")
    (tmp_path / "s.run").write_text("a Q0 x 1 3.0 s\na Q0 y 2 2.0 s\n")
    return {
        (): ("--video", clip_folder / "calm.mp4", "--library", indexed),
        ("film",): (clip_folder / "calm.mp4", "--library", indexed),
        ("doctor",): (),
        ("models", "list"): (),
        ("index", "add"): (music_folder, "--library", indexed),
        ("index", "update"): ("--library", indexed),
        ("index", "list"): ("--library", indexed),
        ("index", "info"): ("--library", indexed),
        ("index", "verify"): ("--library", indexed, "--queries", "1"),
        ("index", "picks"): ("--library", indexed),
        ("edits", "add"): (music_folder / "fast major.mp3", "--library", indexed),
        ("edits", "list"): ("--library", indexed),
        ("edits", "report"): ("--library", indexed, "--clips", clip_folder),
        ("edits", "taste"): ("--library", indexed),
        ("index", "beats"): (music_folder / "fast major.mp3", "--library", indexed),
        ("eval",): (tmp_path / "q.qrels", tmp_path / "s.run"),
        ("dataset", "build"): (tmp_path / "labels.csv", "--out", tmp_path / "built"),
        ("dataset", "tag"): (clip_folder, "--tagger", "mine"),
        ("features", "extract"): (music_folder, "--encoder", "builtin-music", "--out", tmp_path / "f.npy"),
    }


@pytest.mark.parametrize("words", FORMATTED, ids=" ".join)
def test_what_is_printed_parses_as_what_was_asked_for(run, asked, words):
    printed = {shape: run(*words, *asked[words], "--format", shape) for shape in FORMATTED[words]}
    assert {shape: ran.code for shape, ran in printed.items()} == dict.fromkeys(FORMATTED[words], 0)
    assert json.loads(printed["json"].out)
    header, *rows = csv.reader(io.StringIO(printed["csv"].out), strict=True)
    assert len(header) > 1
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in header)
    assert {len(row) for row in rows} <= {len(header)}
    assert bool(rows) == (words != ("index", "verify"))  # which lists problems, and there is none
    assert printed["table"].out or (words in TOLD and printed["table"].err)
    assert len({ran.out for ran in printed.values()}) == len(printed)


@pytest.mark.parametrize("words", FORMATTED, ids=" ".join)
def test_formats_are_those_registered_and_others_are_refused(run, asked, words):
    known = FORMATS if words else OUTPUTS
    assert list(FORMATTED[words]) == list(known)
    ran = run(*words, *asked[words], "--format", "xml")
    assert (ran.code, ran.out) == (2, "")
    (line,) = [line for line in ran.err.splitlines() if "'xml'" in line]
    assert all(name in line for name in known)


def test_problems_of_a_library_are_rows(run, music_folder, tmp_path):
    run("index", "add", music_folder / "slow minor.wav", "--library", tmp_path / "l", "--workers", 1)
    (part,) = (tmp_path / "l").rglob("*.parquet")
    part.write_bytes(part.read_bytes()[:-50])
    ran = run("index", "verify", "--library", tmp_path / "l", "--format", "csv")
    assert ran.code == 1
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert rows[0]["kind"] == "part"
    assert part.name in rows[0]["text"]


def test_answers_go_where_out_says(run, indexed, clip_folder, tmp_path):
    words = ("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "csv")
    ran = run(*words, "--out", tmp_path / "new" / "answers.csv")
    assert (ran.code, ran.out) == (0, "")
    assert (tmp_path / "new" / "answers.csv").read_text() == run(*words).out
    refused = run(*words, "--out", tmp_path)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "cannot write" in refused.err


FILM = """
def write(answers, sink):
    sink.mkdir()
    for answer in answers:
        (sink / "film.txt").write_text(answer.recommendations[0].track.title)
"""
WITH_FILM = """
from recommender.outputs import OUTPUTS, Output
OUTPUTS["film"] = Output("film", "a film per clip", "film", needs_path=True)
import cli
cli.main()
"""


def test_an_output_of_files_needs_a_module_and_a_line(indexed, clip_folder, tmp_path):
    """Without a change of the command: it is offered, asks for a path, and gets it."""
    (tmp_path / "film.py").write_text(FILM)
    (tmp_path / "with_film.py").write_text(WITH_FILM)

    def film(*args: object) -> subprocess.CompletedProcess[str]:
        program = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]; import with_film"
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, args)], capture_output=True, text=True, check=False, timeout=60
        )

    text = " ".join(film("--help").stdout.split())
    assert "<table|json|csv|film>" in text
    assert "film: a film per clip" in text
    asked = ("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "film")
    refused = film(*asked)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: --format film writes a file or folder: say which by --out\n"
    done = film(*asked, "--out", tmp_path / "films")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "films" / "film.txt").read_text() in ("slow major", "slow minor")
