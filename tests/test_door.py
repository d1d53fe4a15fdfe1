"""The public door: what packages export and document, and how errors speak to those who come through it."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import indexing
import indexing.ingest
import recommender
import training
from layers import modules
from recommender.console import word_as_options
from recommender.errors import Argument, CliptuneError, InputError
from running import ROOT

PACKAGES = (recommender, indexing, indexing.ingest, training)
# What only commands print: the advice of doctor, which conditions left nothing, tables, and cards of models.
PAGES = (
    "indexing.maintenance.doctor",
    "recommender.conditions",
    "recommender.outputs.table",
    "training.affect.train",
    "training.reranking.card",
)
FLAG = re.compile(r"(?<![\w-])--[a-z]")
# Named by every method that takes them, and told once, in `LibraryReader` and `Modality`.
PLAIN = {"modality", "where", "path", "name_or_path", "ids", "space", "library", "reason", "seconds", "wait_s"}


def reference() -> ModuleType:
    """The script that writes the reference."""
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


MAKE = reference()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_dir_shows_what_can_be_had_and_nothing_else(package):
    assert dir(package) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None, name
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        _ = package.nothing


def test_everything_a_user_of_python_needs_is_there():
    assert sum(len(package.__all__) for package in PACKAGES) >= 60
    errors = {one.__name__ for one in CliptuneError.__subclasses__()}
    assert errors | {"CliptuneError", "LibraryNotFound", "LibraryLocked", "SpaceMismatch"} <= {*dir(recommender)}
    needed = {"Recommender", "recommend", "blend", "Query", "Model", "Filter", "MemoryLibrary", "Recommendation"}
    assert needed | {"Track", "Affect", "AffectPair", "Reason", "Cue", "LibraryReader"} <= {*dir(recommender)}


def test_importing_the_packages_costs_nothing():
    code = "import sys, recommender, indexing, training; print({'numpy', 'sqlite3', 'logging'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def flags(name: str, path: Path) -> list[str]:
    """The strings of a module that name an option of the command line; docstrings are for people who read code."""
    tree = ast.parse(path.read_text("utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [f"{name}:{s.lineno}: {s.value}" for s in strings if id(s) not in told and FLAG.search(s.value)]


def test_the_core_names_no_option_of_the_command_line():
    core = {name: path for name, path in modules(ROOT).items() if not re.search("^cli|console|commands", name)}
    found = [line for name, path in core.items() if name not in PAGES for line in flags(name, path)]
    assert found == []
    assert [name for name in PAGES if not flags(name, core[name])] == []  # a line goes when its reason does


def test_a_planted_option_is_found(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text('"""Docs may say --top."""\n\ndef f(n):\n    raise InputError(f"{n}: give --top")\n')
    assert flags("planted", planted) == ["planted:4: : give --top"]


def test_an_error_speaks_python_to_python_and_options_to_the_command_line():
    build = Argument("recall", 0.9, "index build")
    error = InputError(Argument("per_artist"), " with ", Argument("ranker", "cosine"), ": run ", build)
    assert str(error) == "`per_artist` with `ranker=cosine`: run `recommend index build` with `recall=0.9`"
    assert word_as_options(error) == "--per-artist with --ranker cosine: run `recommend index build --recall 0.9`"
    renamed = InputError(Argument("calibrate"), ", ", Argument("source", "FILE"), ", ", Argument("clip"))
    assert word_as_options(renamed) == "--calibrate-on-library, --from FILE, --video"
    assert word_as_options(InputError("plain")) == str(InputError("plain")) == "plain"
    assert word_as_options(InputError(Argument("features", command=""))) == "`recommend --features`"


def documented(doc: str) -> set[str]:
    """What the sections of a docstring tell of: `name: ...` at the start of a line, or after a sentence."""
    parts = MAKE.SECTION.split(doc)
    titled = zip(parts[1::2], parts[2::2], strict=True)
    sections = [body for title, body in titled if title in ("Parameters", "Attributes")]
    named = (found for body in sections for found in re.findall(r"(?:^|[.;)] )\s*(\w+(?:, \w+)*):", body, re.MULTILINE))
    return {name for several in named for name in several.split(", ")}


@pytest.mark.parametrize("package", MAKE.PACKAGES)
def test_every_export_tells_what_it_takes_and_holds(package):
    lacking = []
    for name, module in MAKE.exports(package):
        _, node, doc = MAKE.found(name, module)
        assert doc, name
        if node is not None:
            lacking += [f"{name}: {one}" for one in MAKE.parameters(node) if one not in documented(doc) | PLAIN]
        for method in MAKE.methods(node) if isinstance(node, ast.ClassDef) else ():
            told = ast.get_docstring(method) or ""
            known = documented(told) | PLAIN | {*re.findall(r"\w+", told)}
            lacking += [f"{name}.{method.name}: {one}" for one in MAKE.parameters(method) if one not in known]
    assert lacking == []


def test_the_reference_is_as_its_script_writes_it():
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert page == MAKE.page(), "stale: run python docs/make_reference.py"
    assert "### Recommender\n" in page
    assert "- `paths`: in the order of showing." in page
