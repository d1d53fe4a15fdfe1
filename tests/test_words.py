"""One word for one thing, as docs/glossary.md has them; public functions are verbs or what they return."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from layers import modules
from running import ROOT
from test_layers import plant

PACKAGES = ("recommender", "indexing", "training", "cli")


class Word(NamedTuple):
    """A pattern of identifiers, what to say instead, and the modules by their names: `inside` but not `outside`."""

    pattern: str
    instead: str
    inside: str = ""
    outside: str = r"\b\B"


ACOUSTIC = (
    r"recommender\.(types|extractors\.audio|library)|indexing\.(disk\.parts|duplicates|maintenance|writing|catalog)"
)
BANNED = (
    Word(r"[Rr]escor", "rerank"),
    Word(r"[Bb]ackbone", "network, or extractor"),
    Word(r"(^|[_.])deep(_|$)", "pretrained", r"recommender"),
    Word(r"^(Product|Coded)$|\.(product|coded)$", "exact, faiss_pq", r"indexing\.search"),
    Word(r"^links?$", "connection"),
    Word(r"middles", "medians, or centres"),
    Word(r"fingerprint", "content_hash", outside=ACOUSTIC),
    Word(r"^marks?$", "fingerprint", r"recommender\.extractors|indexing", r"indexing\.disk"),
    Word(r"^Segment$", "section, excerpt, piece", outside=r"indexing\.snapshot\.segments"),
)

# Participles that do not end in -ed; those that are the verb itself (`fit`, `read`, `put`, `split`) are none.
PARTICIPLE = re.compile(
    r"""(?x) begun | bought | broken | (re)?built | caught | chosen | dealt | (un|re)?done | (with)?drawn | driven
    | eaten | fallen | fed | felt | forgotten | found | frozen | given | gone | got | grown | heard | held
    | hidden | hung | kept | known | laid | led | left | lent | lit | lost | made | meant | met | paid
    | (re)?written | said | seen | sent | shown | sold | sought | spent | spoken | stolen | stood | struck
    | swept | taken | taught | thought | thrown | told | torn | understood | woken | won | worn
    | (?!(bed|red|shed|embed|.*eed)$) .*ed"""
)
ALLOWED = {
    "elapsed_s": "a noun: elapsed time",
    "known": "what a catalog knows, as the noun `Known`",
    "paired_bootstrap": "the name of the method",
    "paired_test": "the name of the method",
    "supervised_contrastive": "the name of the loss",
}
BY_PLACE = 3  # arguments of a public function that may be given by their place, at most
# Called by place through a type that says so.
CALLED_BY_PLACE = {
    "training.affect.nested.fit_chosen": "a Fitter",
    "training.affect.picture_affect.fit_mirrored": "a Fitter",
    "training.affect.ridge.fit_chosen": "a Fitter",
    "training.affect.signed_ridge.Moments.of": "makes the moments of a Fitter",
    "training.nets.afclnet.AFCLNet.forward": "torch calls it",
}


def functions(tree: ast.AST, name: str) -> Iterator[tuple[str, ast.FunctionDef, bool]]:
    """Full name, node and whether it is bound, of the public functions and methods of a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node, f"{name}.{node.name}")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            bound = isinstance(tree, ast.ClassDef) and "staticmethod" not in map(ast.unparse, node.decorator_list)
            yield f"{name}.{node.name}", node, bound
        elif isinstance(node, ast.If | ast.Try):
            yield from functions(node, name)


def identifiers(tree: ast.AST, name: str) -> Iterator[tuple[int, str]]:
    """Line and spelling of what a module names: itself, functions, classes, arguments."""
    yield 1, name
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def is_participle(name: str) -> bool:
    """Whether a name is, or begins with, a past participle."""
    return PARTICIPLE.fullmatch(name.partition("_")[0]) is not None


def faults(root: Path) -> list[str]:
    """One line per name under `root` that is not as it should be."""
    found = []
    for name, path in modules(root).items():
        tree = ast.parse(path.read_text("utf-8"))
        banned = [w for w in BANNED if re.match(w.inside, name) and not re.match(w.outside, name)]
        for line, spelt in identifiers(tree, name):
            found += [f"{name}:{line}: {spelt}: say {w.instead}" for w in banned if re.search(w.pattern, spelt)]
        for full, node, bound in functions(tree, name):
            kind = " ".join(map(ast.unparse, node.decorator_list))
            if is_participle(node.name) and node.name not in ALLOWED and "property" not in kind:
                found.append(f"{full}: a past participle: say what it does, or what it returns")
            places = len(node.args.posonlyargs) + len(node.args.args) - bound
            if places > BY_PLACE and full not in CALLED_BY_PLACE and not is_command(name, kind):
                found.append(f"{full}: {places} arguments by place, at most {BY_PLACE}")
    return found


def is_command(module: str, decorators: str) -> bool:
    """Whether typer calls a function, by name."""
    return module == "cli" or "commands" in module or bool(re.search(r"command|callback", decorators))


def test_one_word_for_one_thing() -> None:
    broken = faults(ROOT)
    assert not broken, "\n" + "\n".join(broken)


def test_what_is_excused_is_there() -> None:
    names = {full for name, path in modules(ROOT).items() for full, *_ in functions(ast.parse(path.read_text()), name)}
    assert CALLED_BY_PLACE.keys() - names == set()
    assert ALLOWED.keys() - {full.rpartition(".")[2] for full in names} == set()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"recommender__model__rescoring": ""}, "say rerank"),
        ({"training__nets__a": "class Rescorer: pass"}, "Rescorer: say rerank"),
        ({"recommender__a": "def load(backbone): ..."}, "say network"),
        ({"recommender__a": "def load_deep(): ..."}, "say pretrained"),
        ({"indexing__search__backends__product": ""}, "say exact"),
        ({"indexing__catalog__a": "def f(link): ..."}, "say connection"),
        ({"indexing__snapshot__middles": ""}, "say medians"),
        ({"training__a": "def fingerprints(path): ..."}, "say content_hash"),
        ({"indexing__ingest__a": "def f(*, mark): ..."}, "say fingerprint"),
        ({"training__a": "class Segment: ..."}, "say section"),
        ({"indexing__a": "def dealt(): ..."}, "a past participle"),
        ({"indexing__a": "class A:\n    def checked_query(self): ..."}, "a past participle"),
        ({"indexing__a": "def f(a, b, c, d=0): ..."}, "4 arguments by place"),
        ({"recommender__a": "class A:\n    @classmethod\n    def of(cls, a, b, c, d): ..."}, "4 arguments by place"),
    ],
)
def test_a_planted_word_is_found(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert [line for line in faults(plant(tmp_path, **files)) if expected in line]


def test_what_is_right_passes(tmp_path: Path) -> None:
    plant(
        tmp_path,
        recommender__a="def fit(a, b, c, *, d): ...\ndef seed(): ...\ndef _told(): ...\ndef paired_test(): ...",
        recommender__b="class A:\n    @property\n    def imported(self): ...\n    def of(self, a, b, c): ...",
        indexing__duplicates__a="def fingerprint(path): ...",
        indexing__snapshot__segments="class Segment: ...",
        indexing__commands="def index_add(a, b, c, d): ...",
        training__a="def product(x): ...\ndef relink(a): ...",
    )
    assert faults(tmp_path) == []
