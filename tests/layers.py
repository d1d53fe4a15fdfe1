"""The floors of the code: which module may import which, what is imported at its home alone, and a checker of both."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# A unit (a package, or a module at the top of a layer) may import from units of earlier steps, and from itself; never
# from its own step's siblings. A package whose units stand here by themselves is above all of them, or where it
# stands itself.
LAYERS = ("recommender", "indexing", "training", "webapp", "cli")
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "recommender": (
        ("opening",),
        ("errors", "text", "plain", "atomic", "exports", "streams"),
        ("charsets", "names", "faults"),
        ("lists",),
        ("conditions",),
        ("editing.placement",),
        ("types",),
        ("logs", "media", "home", "filters", "extractors.running", "extractors.windows", "extractors.networks"),
        ("editing.loudness", "editing.limiter"),
        ("editing.mix",),
        ("editing.placing", "editing.stem", "editing.preview"),
        ("tags",),  # what FFmpeg knows of tags comes through media
        ("extractors.audio", "extractors.video"),
        ("fitting",),
        ("weights",),
        ("affect", "encoders", "extractors.pretrained"),
        ("rankers", "extractors"),
        ("explain",),
        ("model",),
        ("memory", "relative", "sharing"),
        ("query",),
        ("timelines", "standings"),
        ("engine", "outputs", "sample", "options"),
        ("editing.export",),
        ("films",),
        ("console", "page"),  # the console offers the formats that outputs register
        ("commands", "editing_commands", "failing"),
    ),
    "indexing": (
        ("disk", "executors"),
        ("catalog",),
        ("duplicates", "snapshot"),
        ("search",),
        ("writing",),
        ("library",),
        ("beats", "picks"),
        ("edits",),
        ("ingest",),
        ("maintenance",),
        ("commands",),
    ),
    "training": (
        ("types", "measures"),
        ("learning",),
        ("datasets",),
        ("construction",),
        ("nets",),
        ("systems",),
        ("evaluation", "tagger"),
        ("affect", "retrieval", "taste"),
        ("reranking",),
        ("dataset_commands",),
        ("commands",),
    ),
    "webapp": (
        ("settings", "refusal"),
        ("addresses",),
        ("login", "uploads", "session", "places"),
        ("tasks",),
        ("worker", "events"),
        ("job",),
        ("lane",),
        ("jobs",),
        ("films", "clips"),
        ("app",),
        ("operations",),
        ("api", "guard", "openapi"),
        ("server", "connections"),
        ("commands",),
    ),
}
ORDER = {
    f"{layer}.{unit}": step for layer, steps in FLOORS.items() for step, units in enumerate(steps) for unit in units
}
LOOSE = 3  # modules at the top of a layer other than `recommender`, at most
# What only its home imports, so that it can be exchanged there; Parquet also where people bring theirs.
HOMES: dict[str, tuple[str, ...]] = {
    "sqlalchemy": ("indexing.catalog",),
    "sqlite3": ("indexing.catalog",),
    "alembic": ("indexing.catalog",),
    "faiss": ("indexing.search.backends",),
    "pyarrow": ("indexing.disk.parts", "indexing.ingest.import_vectors", "training.construction.batch"),
    "distributed": ("indexing.executors.dask",),
    "qdrant_client": ("indexing.search.servers.qdrant",),
    "pymilvus": ("indexing.search.servers.milvus",),
    "av": ("recommender.media",),
}


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
    """(layer, step, unit) of a module; raises KeyError for one that has no step."""
    layer = module.partition(".")[0]
    if layer not in FLOORS:
        return LAYERS.index(layer), 0, layer
    parts = module.split(".")
    unit = next((name for n in range(len(parts), 1, -1) if (name := ".".join(parts[:n])) in ORDER), None)
    if unit is not None and (unit == module or not any(name.startswith(f"{unit}.") for name in ORDER)):
        return LAYERS.index(layer), ORDER[unit], unit
    if any(name.startswith(f"{module}.") for name in ORDER):
        return LAYERS.index(layer), len(FLOORS[layer]), module
    raise KeyError(module)


def is_placed(module: str) -> bool:
    """Whether a module has a step."""
    try:
        place(module)
    except KeyError:
        return False
    return True


def violations(root: Path) -> list[str]:
    """One line per import under `root` that breaks the order, one per cycle, and what `strays` finds."""
    known = modules(root)
    found = [f"{name}: give it a step in tests/layers.py" for name in known if not is_placed(name)]
    graph: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for item in imports(name, path, known):
            if fault := "relative" if item.target.startswith(".") else _fault(item, known):
                found.append(f"{name}:{item.line}: imports {item.target} ({fault})")
            elif item.target in known:
                graph[name].add(item.target)
    return found + strays(root) + [f"cycle: {' -> '.join(cycle)}" for cycle in cycles(graph)]


def strays(root: Path) -> list[str]:
    """One line per import of what has its home elsewhere, and one per layer with too many loose modules."""
    known, found = modules(root), []
    for name, path in known.items():
        for item in imports(name, path, known):
            package = item.target.partition(".")[0]
            homes = HOMES.get(package, (name,))
            if not any(name == home or name.startswith(f"{home}.") for home in homes):
                found.append(f"{name}:{item.line}: imports {package}, which is at home in {', '.join(HOMES[package])}")
    for layer in ("indexing", "training"):
        loose = [path.stem for path in sorted((root / layer).glob("*.py")) if path.stem != "__init__"]
        if len(loose) > LOOSE:
            found.append(f"{layer}: {len(loose)} loose modules, at most {LOOSE}: {', '.join(loose)}")
    return found


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
