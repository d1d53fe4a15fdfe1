"""House rules that hold for every file: size, docstrings, nothing unpickled, no shell strings, no machine paths."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 400
PACKAGES = ("recommender", "indexing", "training", "webapp", "cli.py")
PICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
SHELLS = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput")}
# Built from pieces, so that this file does not trip over itself. What stands before the slash may not
# belong to a longer path, an address or a closing tag. Examples in the docs may call a user `me`.
MACHINE_PATH = re.compile(r"(?<![\w.~<>\-/*}])/(?:work|root|(?:home|Users)(?!/me/)|tmp/" + r"venv)(?![\w.\-])")


def text_files(root: Path) -> dict[str, str]:
    """Relative path -> text of what git tracks or would track; of every file where there is no git."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listing, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [str(p.relative_to(root)) for p in root.rglob("*") if not _hidden(p.relative_to(root))]
    found = {}
    for name in names:
        path = root / name
        if name and path.is_file():
            data = path.read_bytes()
            if b"\0" not in data:
                found[name] = data.decode("utf-8", "replace")
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") and part != ".ci" for part in path.parts) or "__pycache__" in path.parts


def faults(name: str, text: str) -> list[str]:
    """One line per rule that this file breaks."""
    found = [f"{name}:{text[: m.start()].count(chr(10)) + 1}: {m.group()}" for m in MACHINE_PATH.finditer(text)]
    if not name.endswith(".py"):
        return found
    lines = text.count("\n")
    if lines > LIMIT:
        found.append(f"{name}: {lines} lines, at most {LIMIT}")
    if re.search(r"# fmt: " + "(off|skip)", text):
        found.append(f"{name}: the formatter is switched off")
    tree = ast.parse(text)
    if name.startswith(PACKAGES) and not ast.get_docstring(tree):
        found.append(f"{name}: no docstring")
    return found + [f"{name}:{node.lineno}: {what}" for node, what in _unsafe(tree)]


def _unsafe(tree: ast.AST) -> list[tuple[ast.expr | ast.stmt, str]]:
    """Nodes that unpickle or hand text to a shell."""
    found: list[tuple[ast.expr | ast.stmt, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                modules = {module.partition(".")[0]}
                if {(module, alias.name) for alias in names} & SHELLS:
                    found.append((node, "a shell"))
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in SHELLS:
                found.append((node, "a shell"))
                continue
            case ast.Call(keywords=keywords):
                off = {k.arg for k in keywords if isinstance(k.value, ast.Constant) and not k.value.value}
                given = {k.arg for k in keywords} - off
                found += [(node, f"{word}=") for word in ("shell", "allow_pickle") if word in given]
                continue
            case _:
                continue
        found += [(node, f"imports {module}") for module in modules & PICKLERS]
    return found


def test_every_file_keeps_the_house_rules() -> None:
    files = text_files(ROOT)
    assert "tests/test_tree.py" in files
    broken = [fault for name, text in files.items() for fault in faults(name, text)]
    assert not broken, "\n" + "\n".join(broken)


def test_every_package_and_the_command_are_looked_at() -> None:
    files = text_files(ROOT)
    for package in ("recommender/", "indexing/", "training/", "cli.py", "tests/", "Makefile"):
        assert [name for name in files if name.startswith(package)], package


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("recommender/a.py", "x = 1\n", "no docstring"),
        ("tests/a.py", "x = 1\n" * 401, "401 lines"),
        ("tests/a.py", "import pick" + "le", "imports pickle"),
        ("tests/a.py", "x = 1  # fmt: " + "skip", "the formatter is switched off"),
        ("cli.py", '"""D."""\ndef f():\n    from joblib.memory import Memory', ":3: imports joblib"),
        ("tests/a.py", "import os\nos.system('ls')", ":2: a shell"),
        ("tests/a.py", "from os import popen", "a shell"),
        ("tests/a.py", "run('ls', shell=True)", "shell="),
        ("tests/a.py", "run('ls', shell=flag)", "shell="),
        ("tests/a.py", "np.load(p, allow_pickle=True)", "allow_pickle="),
        ("README.md", "Look\nin /ho" + "me/ann/Music", "README.md:2: /"),
        ("docs/a.md", "`/wo" + "rk`", "docs/a.md:1: /"),
        ("docs/a.md", "cd /ro" + "ot", "docs/a.md:1: /"),
        ("Makefile", "A=/tmp/ve" + "nv/bin/python", "Makefile:1: /"),
    ],
)
def test_a_planted_fault_is_caught(name: str, text: str, expected: str) -> None:
    assert [fault for fault in faults(name, text) if expected in fault]


@pytest.mark.parametrize(
    "text",
    [
        "found in /ho" + "me/me/Music",
        "https://example.org/ho" + "me/page",
        "framework/wo" + "rk, ~/ro" + "ot, ../wo" + "rk, </ro" + "ot>",
        "/works and /ho" + "memade, /tmp/ve" + "nvs",
        "run(words, shell=False); np.load(p, allow_pickle=False)",
    ],
)
def test_what_only_looks_like_a_fault_passes(text: str) -> None:
    assert faults("tests/a.py" if "run(" in text else "a.md", text) == []


def test_without_git_every_visible_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a b.md").write_text("text")
    (tmp_path / "binary").write_bytes(b"\0\1")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.md").write_text("text")
    assert text_files(tmp_path) == {"docs/a b.md": "text"}
