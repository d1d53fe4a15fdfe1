"""Imports point one way, as docs and design say; the checker is itself checked on planted violations."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A unit may import from units of earlier steps, and from itself; never from its own step's siblings.
LAYERS = ("recommender", "indexing", "training", "webapp", "cli")
STEPS = (
    ("types", "errors", "text", "plain"),
    ("measures", "media", "tags", "home", "filters", "networks"),
    ("features",),
    ("nets",),
    ("checkpoints",),
    ("affect", "encoders", "deep"),
    ("rankers",),
    ("model",),
    ("explain", "relative", "sharing"),
    ("engine", "outputs", "sample", "console"),
    ("commands",),
)
ORDER = {unit: step for step, units in enumerate(STEPS) for unit in units}
HEAVY = {"torch", "lightgbm"}
# What a query with the built-in model runs through.
CORE = ("cli", "recommender", "recommender.engine", "recommender.model", "indexing.library", "indexing.ingest")


class Import(NamedTuple):
    """`source` imports `target` at `line`; `lazy` when only inside a function or for type checkers."""

    source: str
    target: str
    line: int
    lazy: bool


def modules(root: Path) -> dict[str, Path]:
    """Dotted name -> file of every module of the layers under `root`."""
    found = {}
    for layer in LAYERS:
        for path in [root / f"{layer}.py", *sorted((root / layer).rglob("*.py"))]:
            if path.is_file():
                parts = path.relative_to(root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[Import]:
    """Every import statement of a module, those inside functions included; relative ones as `.target`."""
    for node, lazy in _walk(ast.parse(path.read_text("utf-8")), lazy=False):
        if isinstance(node, ast.Import):
            yield from (Import(name, alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield Import(name, deeper if deeper in known else base, node.lineno, lazy)
        elif (target := _imported_by_call(node)) is not None:
            yield Import(name, target, node.lineno, lazy)


def _walk(node: ast.AST, lazy: bool) -> Iterator[tuple[ast.expr | ast.stmt, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside = inside or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        if isinstance(child, ast.expr | ast.stmt):
            yield child, lazy
        yield from _walk(child, inside)


def _imported_by_call(node: ast.AST) -> str | None:
    """The literal module name in `import_module("x")` or `__import__("x")`."""
    match node:
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(str(name)), *_]):
            return name if called in ("import_module", "__import__") else None
    return None


def place(module: str) -> tuple[int, int, str]:
    """(layer, step, unit) of a module; the package `recommender` itself stands above all its units."""
    layer, _, rest = module.partition(".")
    unit = rest.partition(".")[0]
    if layer != "recommender":
        return LAYERS.index(layer), 0, layer
    return 0, ORDER[unit] if unit else len(STEPS), unit or layer


def violations(root: Path) -> list[str]:
    """One line per import under `root` that breaks the order, and one per cycle."""
    known = modules(root)
    found = [
        f"{name}: give it a step in tests/test_layers.py"
        for name in known
        if name.startswith("recommender.") and name.split(".")[1] not in ORDER
    ]
    graph: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for item in imports(name, path, known):
            if fault := "relative" if item.target.startswith(".") else _fault(item, known):
                found.append(f"{name}:{item.line}: imports {item.target} ({fault})")
            elif item.target in known:
                graph[name].add(item.target)
    return found + [f"cycle: {' -> '.join(cycle)}" for cycle in cycles(graph)]


def _fault(item: Import, known: dict[str, Path]) -> str | None:
    """Why an absolute import is not allowed, or None."""
    if item.target.partition(".")[0] not in LAYERS:
        return None
    if item.target not in known:
        return "no such module"
    try:
        (from_layer, from_step, from_unit), (layer, step, unit) = place(item.source), place(item.target)
    except KeyError:
        return None  # a unit without a step is reported as such
    if layer > from_layer:
        return "upwards"
    if layer == from_layer and unit != from_unit and step >= from_step:
        return "sibling" if step == from_step else "upwards"
    return None


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The import cycles met by a depth-first search, each closed by its first module."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            found.append([*trail[trail.index(name) :], name])
        elif name not in done:
            for target in sorted(graph[name]):
                visit(target, [*trail, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return found


def loaded_by(roots: tuple[str, ...], root: Path) -> dict[str, list[str]]:
    """External top-level package -> modules that import it, over all that importing `roots` executes."""
    known = modules(root)
    todo, seen, external = [name for name in roots if name in known], set[str](), dict[str, list[str]]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if "." in name:
            todo.append(name.rpartition(".")[0])  # importing a module runs its packages first
        for item in imports(name, known[name], known):
            if item.lazy:
                continue
            if item.target in known:
                todo.append(item.target)
            else:
                external.setdefault(item.target.partition(".")[0], []).append(name)
    return external


def plant(root: Path, **files: str) -> Path:
    """`root` with a module per keyword; `__` in a name stands for a folder."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.parents:
            if folder == root:
                break
            (folder / "__init__.py").touch()
    return root


def test_imports_point_one_way() -> None:
    broken = violations(ROOT)
    assert not broken, "\n" + "\n".join(broken)


def test_the_core_loads_neither_torch_nor_lightgbm() -> None:
    loaded = loaded_by(CORE, ROOT)
    assert "numpy" in loaded  # the walk did reach the code
    assert {name: loaded[name] for name in HEAVY & loaded.keys()} == {}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"recommender__model": "import indexing.disk.parts", "indexing__store": ""}, "upwards"),
        ({"indexing__store": "from training.learning import loop as fit", "training__fit": ""}, "upwards"),
        ({"training__fit": "import cli", "cli": ""}, "upwards"),
        ({"training__fit": "import webapp.app", "webapp__app": ""}, "upwards"),
        ({"recommender__media": "from recommender import engine", "recommender__engine": ""}, "upwards"),
        ({"recommender__text": "from recommender.errors import E", "recommender__errors": ""}, "sibling"),
        ({"recommender__media": "import training.measures", "recommender__measures": ""}, "sibling"),
        ({"recommender__engine": "from recommender import recommend"}, "upwards"),
        ({"recommender__types": "def f():\n    import recommender.model", "recommender__model": ""}, "upwards"),
        ({"recommender__types": "f = lambda: __import__('recommender.model')", "recommender__model": ""}, "upwards"),
        ({"indexing__a": "from importlib import import_module as i\nimport importlib\nimportlib.import_module('cli')",
          "cli": ""}, "upwards"),
        ({"recommender__affect__a": "from . import b", "recommender__affect__b": ""}, "relative"),
        ({"recommender__affect__a": "from ..types import Array", "recommender__types": ""}, "relative"),
        ({"recommender__novel": ""}, "give it a step"),
        ({"indexing__a": "import recommender.gone", "recommender__types": ""}, "no such module"),
        ({"indexing__a": "import indexing.b", "indexing__b": "def f():\n    from indexing.a import x"}, "cycle"),
    ],
)  # fmt: skip
def test_the_checker_catches_a_planted_violation(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert [line for line in violations(plant(tmp_path, **files)) if expected in line]


def test_the_checker_lets_the_right_order_pass(tmp_path: Path) -> None:
    plant(
        tmp_path,
        recommender__types="import numpy",
        recommender__affect__space="from recommender.types import Array",
        recommender__affect__linear="from recommender.affect import space\nimport recommender.affect.space",
        recommender__engine="from recommender import types",
        indexing__library="from recommender.engine import recommend\nfrom recommender import engine",
        cli="def main():\n    import training.learning.loop, webapp.app",
        training__fit="import indexing.library",
        webapp__app="import training.learning.loop",
    )
    assert violations(tmp_path) == []


def test_what_is_loaded_is_followed_through_packages_but_not_into_functions(tmp_path: Path) -> None:
    plant(
        tmp_path,
        cli="from indexing.deep import library\ndef f():\n    import scipy",
        indexing__deep__library="if True:\n    import recommender.types",
        recommender__types="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import lightgbm\nimport json.tool",
    )
    (tmp_path / "indexing" / "deep" / "__init__.py").write_text("import torch.nn")
    loaded = loaded_by(("cli",), tmp_path)
    assert set(loaded) == {"torch", "json", "typing"}
    assert loaded["torch"] == ["indexing.deep"]


@pytest.mark.parametrize(
    "statement",
    ["import cli", "import recommender", "import cli, sys; sys.argv = ['recommend', '--help']; cli.main()"],
)
def test_help_and_imports_cost_little(statement: str) -> None:
    """In a fresh interpreter: no array, vector or tensor library is loaded."""
    program = f"""
import atexit, sys
heavy = ("torch", "lightgbm", "numpy", "scipy", "faiss", "cv2", "av", "pyarrow", "sqlalchemy")
atexit.register(lambda: print("\\nLOADED", [name for name in heavy if name in sys.modules]))
{statement}
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"
