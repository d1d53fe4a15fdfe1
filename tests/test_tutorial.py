"""The pages of systems: the tutorial makes one that the benchmark reports, and the list names them all."""

import ast
import json

import pytest

from running import ROOT
from test_docs import blocks

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import training.systems
from training.learning.search import configurations, configure
from training.systems import RAW_SYSTEMS, SYSTEMS, makers, space, system

PAGE = ROOT / "docs" / "adding_a_system.md"
NAME = "prototypes"


def read() -> tuple[str, str, str]:
    """The file, the line and the script of the page."""
    *file, line, script = blocks(PAGE, "python")
    return "\n\n".join(file), line, script


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The system added as the page says, to the package as it is here."""
    file, line, _ = read()
    (tmp_path / f"{NAME}.py").write_text(file, encoding="utf-8")
    monkeypatch.setattr(training.systems, "__path__", [*training.systems.__path__, str(tmp_path)])
    for name, module in ast.literal_eval(f"{{{line}}}").items():
        monkeypatch.setitem(SYSTEMS, name, module)


def test_the_line_is_one_line_of_the_table():
    _, line, _ = read()
    assert line.count("\n") == 1
    source = (ROOT / "training" / "systems" / "__init__.py").read_text(encoding="utf-8")
    start = "\nSYSTEMS = {\n"
    assert source.count(start) == 1
    tree = ast.parse(source.replace(start, start + line))
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "SYSTEMS"]
    assert ast.literal_eval(tables[0]) == {NAME: NAME} | SYSTEMS


def test_the_system_is_made_and_tuned_by_name(added):
    assert makers(NAME)[NAME]() == system(NAME)
    tried = [configure(system(NAME), v).config.sharpness for v in configurations(system(NAME), space(NAME), 12, seed=0)]
    assert sorted(tried) == [3.0, 10.0, 30.0]
    assert tried[0] == system(NAME).config.sharpness


def test_the_benchmark_reports_it(added, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(read()[2], str(PAGE), "exec"), {})  # noqa: S102 (our own page)
    (command,) = blocks(PAGE, "")
    ran = run(*command.split()[1:])
    assert ran.code == 0, ran.err
    assert f"| **{NAME}** |" in ran.out
    report = json.loads((tmp_path / "prototypes-results" / "report.json").read_text(encoding="utf-8"))
    auc = report["systems"][NAME]["measures"]["AUC"]["mean"]
    assert auc > 0.7
    assert report["systems"][NAME]["measures"]["video emotion accuracy"]["mean"] > 0.5


def test_the_page_of_systems_has_every_name():
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    missing = [name for name in SYSTEMS | RAW_SYSTEMS if f"`{name}`" not in page]
    assert not missing, f"docs/systems.md says nothing of {', '.join(missing)}"
