"""Write docs/reference.md from the docstrings of what the packages export.

    python docs/make_reference.py

Reads the sources' syntax trees alone, so that the page is the same whatever is installed.
"""

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("recommender", "indexing", "indexing.ingest", "training")
HEAD = """# Reference

What the packages export, from their docstrings: `python docs/make_reference.py` writes this page, and a test says when
it is stale. [Python API](python.md) shows how it goes together. Arrays are numpy's, with their shapes in brackets.
"""

Node = ast.ClassDef | ast.FunctionDef
SECTION = re.compile(r"^(\w+)\n-{3,}$", re.MULTILINE)
ITEM = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*):\s+", re.MULTILINE)
INLINE = re.compile(r"(?<=\.) (?=[a-z_]+(?:, [a-z_]+)*: )")  # several on a line, each after a full stop


def source(module: str) -> ast.Module:
    """The syntax tree of a module or package."""
    path = ROOT / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text("utf-8"))


def exports(package: str) -> Iterator[tuple[str, str]]:
    """Every exported name of a package with the module that it is imported from, in alphabetical order."""
    homes = {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(source(package))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in sorted(names(package), key=str.lower):
        if homes[name] != package:  # a package of its own has its own chapter
            yield name, homes[name]


def names(package: str) -> list[str]:
    """`__all__` of a package, which may be added to in several lines."""
    listed: list[str] = []
    for node in source(package).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__":
            listed += ast.literal_eval(node.value)
    return listed


def found(name: str, module: str) -> tuple[str, Node | None, str]:
    """Where a name is defined, its class or function (None for a value), and its docstring."""
    body = source(module).body
    for at, node in enumerate(body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module, node, ast.get_docstring(node) or ""
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            after = body[at + 1] if at + 1 < len(body) else None
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            return module, None, str(after.value.value) if told else ""
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return found(name, node.module)
    raise SystemExit(f"{module} has no {name}")


def parameters(node: Node) -> list[str]:
    """Names of what a function takes, or a class when it is made; without `self`."""
    if isinstance(node, ast.FunctionDef):
        taken = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        return [name for name in taken if name not in ("self", "cls")]
    made = next((m for m in methods(node, hidden=True) if m.name == "__init__"), None)
    return parameters(made) if made is not None else [field.target.id for field in fields(node)]


def fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    """The fields of a dataclass or named tuple."""
    told = any("dataclass" in ast.unparse(d) for d in node.decorator_list) or "NamedTuple" in map(
        ast.unparse, node.bases
    )
    return [item for item in node.body if told and isinstance(item, ast.AnnAssign)]


def methods(node: ast.ClassDef, hidden: bool = False) -> list[ast.FunctionDef]:
    """The public methods of a class, properties included."""
    return [m for m in node.body if isinstance(m, ast.FunctionDef) and (hidden or not m.name.startswith("_"))]


def is_property(method: ast.FunctionDef) -> bool:
    """Whether a method is read as an attribute."""
    return any("property" in ast.unparse(d) for d in method.decorator_list)


def signature(node: Node, of: str = "") -> str:
    """As it is called."""
    if isinstance(node, ast.ClassDef):
        made = next((m for m in methods(node, hidden=True) if m.name == "__init__"), None)
        if made is not None:
            return f"{node.name}({arguments(made)})"
        inside = ", ".join(ast.unparse(field).replace(" = field(default_factory=", " = (") for field in fields(node))
        return f"{node.name}({inside})" if inside else node.name
    back = f" -> {unquoted(ast.unparse(node.returns))}" if node.returns is not None else ""
    return (
        f"{of}{node.name}{back.replace(' ->', ':')}"
        if is_property(node)
        else f"{of}{node.name}({arguments(node)}){back}"
    )


def arguments(node: ast.FunctionDef) -> str:
    """What stands between the parentheses of a call, with types and defaults."""
    told = ast.unparse(node.args)
    return unquoted(re.sub(r"^(self|cls)(, )?", "", told))


def unquoted(annotation: str) -> str:
    """Types that stand in quotes because they are imported late."""
    return re.sub(r"'([\w.\[\], |]+)'(?=[,\]=) ]|$)", r"\1", annotation) if "'" in annotation else annotation


def text(doc: str) -> str:
    """A docstring as markdown: its sections as bold words over lists."""
    parts = SECTION.split(doc)
    said = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        said.append(f"**{title}**\n\n{items(body)}")
    return "\n\n".join(said)


def items(body: str) -> str:
    """The lines `name: what it is` of a section as a list, and what is no such line as it stands."""
    listed, *more = textwrap.dedent(body.strip("\n")).split("\n\n")
    listed = INLINE.sub("\n", listed)
    marked = ITEM.sub(lambda m: f"- `{m[1].replace(', ', '`, `')}`: ", listed)
    lines = [line if line.startswith("- ") else f"  {line.strip()}" for line in marked.splitlines()]
    if not marked.startswith("- "):  # `Returns` may be a sentence
        lines = listed.splitlines()
    return "\n\n".join(["\n".join(lines), *(part.strip() for part in more)])


def entry(name: str, module: str) -> Iterator[str]:
    """The lines of one name, the methods of a class below it."""
    home, node, doc = found(name, module)
    yield f"### {name}"
    yield f"```python\n{signature(node) if node is not None else name}\n```\n\nfrom `{home}`"
    yield text(doc)
    for method in methods(node) if isinstance(node, ast.ClassDef) else ():
        yield f"#### {name}.{method.name}"
        yield f"```python\n{signature(method)}\n```"
        yield text(ast.get_docstring(method) or "")


def page() -> str:
    """The whole page."""
    parts = [HEAD.strip()]
    for package in PACKAGES:
        parts.append(f"## {package}")
        for name, module in exports(package):
            parts += [part for part in entry(name, module) if part]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "reference.md").write_text(page(), encoding="utf-8")
    sys.stdout.write("docs/reference.md\n")
