"""Imports point one way, as docs and design say; the checker is itself checked on planted violations."""

import subprocess
import sys
from pathlib import Path

import pytest

from layers import HOMES, ORDER, loaded_by, modules, violations
from running import ROOT

HEAVY = {"torch", "lightgbm"}
# What a query with the built-in model runs through.
CORE = ("cli", "recommender", "recommender.engine", "recommender.model", "indexing.library", "indexing.ingest.run")


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


def test_every_unit_is_there() -> None:
    known = modules(ROOT)
    assert [unit for unit in ORDER if unit not in known] == []
    assert [home for homes in HOMES.values() for home in homes if home not in known] == []


def test_the_core_loads_neither_torch_nor_lightgbm() -> None:
    loaded = loaded_by(CORE, ROOT)
    assert "numpy" in loaded  # the walk did reach the code
    assert {name: loaded[name] for name in HEAVY & loaded.keys()} == {}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"recommender__model": "import indexing.disk", "indexing__disk__parts": ""}, "upwards"),
        ({"indexing__disk__parts": "from training.learning import loop", "training__learning__loop": ""}, "upwards"),
        ({"training__learning__loop": "import cli", "cli": ""}, "upwards"),
        ({"training__learning__loop": "import webapp.app", "webapp__app": ""}, "upwards"),
        ({"recommender__media": "from recommender import engine", "recommender__engine": ""}, "upwards"),
        ({"recommender__text": "from recommender.errors import E", "recommender__errors": ""}, "sibling"),
        ({"recommender__media": "import recommender.home", "recommender__home": ""}, "sibling"),
        ({"recommender__engine": "from recommender import recommend"}, "upwards"),
        ({"recommender__types": "def f():\n    import recommender.model", "recommender__model": ""}, "upwards"),
        ({"recommender__types": "f = lambda: __import__('recommender.model')", "recommender__model": ""}, "upwards"),
        (
            {
                "recommender__extractors__audio__key": "from recommender.extractors.video import lab",
                "recommender__extractors__video__lab": "",
            },
            "sibling",
        ),
        (
            {
                "recommender__extractors__networks__vggish": "import recommender.weights.shelf",
                "recommender__weights__shelf": "",
            },
            "upwards",
        ),
        ({"recommender__weights__shelf": "import recommender.extractors"}, "no such module"),
        (
            {"recommender__weights__shelf": "import recommender.extractors", "recommender__extractors__audio__key": ""},
            "upwards",
        ),
        ({"indexing__disk__parts": "from indexing.catalog import schema", "indexing__catalog__schema": ""}, "upwards"),
        (
            {
                "indexing__catalog__queries": "def f():\n    from indexing.snapshot.facts import later",
                "indexing__snapshot__facts": "",
            },
            "upwards",
        ),
        (
            {
                "indexing__snapshot__snapshot": "from indexing.duplicates import groups",
                "indexing__duplicates__groups": "",
            },
            "sibling",
        ),
        ({"indexing__writing__changes": "from indexing import ingest", "indexing__ingest__run": ""}, "upwards"),
        ({"indexing__library": "import indexing.maintenance.verify", "indexing__maintenance__verify": ""}, "upwards"),
        ({"indexing__ingest__run": "import indexing.commands", "indexing__commands": ""}, "upwards"),
        ({"training__types": "import training.measures.order", "training__measures__order": ""}, "sibling"),
        ({"training__nets__acp": "from training.systems import acp", "training__systems__acp": ""}, "upwards"),
        ({"training__affect__train": "import training.retrieval.train", "training__retrieval__train": ""}, "sibling"),
        ({"training__retrieval__train": "import training.reranking", "training__reranking__train": ""}, "upwards"),
        (
            {
                "indexing__library": "from importlib import import_module as i\nimport importlib\n"
                "importlib.import_module('cli')",
                "cli": "",
            },
            "upwards",
        ),
        ({"recommender__affect__a": "from . import b", "recommender__affect__b": ""}, "relative"),
        ({"recommender__affect__a": "from ..types import Array", "recommender__types": ""}, "relative"),
        ({"recommender__novel": ""}, "give it a step"),
        ({"recommender__extractors__novel": ""}, "give it a step"),
        (
            {
                "recommender__rankers__cosine": "from recommender.extractors import EXTRACTORS",
                "recommender__extractors__audio__key": "",
            },
            "sibling",
        ),
        ({"indexing__novel": ""}, "give it a step"),
        ({"training__novel__a": ""}, "give it a step"),
        ({"indexing__library": "import recommender.gone", "recommender__types": ""}, "no such module"),
        (
            {
                "indexing__disk__a": "import indexing.disk.b",
                "indexing__disk__b": "def f():\n    from indexing.disk.a import x",
            },
            "cycle",
        ),
        ({"indexing__search__batch": "import sqlalchemy as sa"}, "sqlalchemy, which is at home in indexing.catalog"),
        ({"indexing__snapshot__segments": "def f():\n    from sqlite3 import connect"}, "at home in indexing.catalog"),
        ({"indexing__catalogue": "import alembic.op"}, "at home in indexing.catalog"),
        ({"indexing__search__ann_index": "if True:\n    import faiss"}, "at home in indexing.search.backends"),
        ({"training__learning__loop": "import faiss"}, "at home in indexing.search.backends"),
        ({"indexing__snapshot__facts": "import pyarrow.parquet as pq"}, "at home in indexing.disk.parts"),
        ({"recommender__extractors__video__video": "from av.container import Flags"}, "at home in recommender.media"),
        ({"cli": "def f():\n    import av"}, "at home in recommender.media"),
        ({f"training__{name}": "" for name in ("types", "commands", "dataset_commands", "losses")}, "4 loose modules"),
    ],
)
def test_the_checker_catches_a_planted_violation(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert [line for line in violations(plant(tmp_path, **files)) if expected in line]


def test_the_checker_lets_the_right_order_pass(tmp_path: Path) -> None:
    plant(
        tmp_path,
        recommender__types="import numpy",
        recommender__affect__space="from recommender.types import Array",
        recommender__affect__linear="from recommender.affect import space\nimport recommender.affect.space",
        recommender__extractors__windows="import recommender.types",
        recommender__extractors__audio__key="from recommender.extractors import windows",
        recommender__weights__shelf="from recommender.extractors.audio import key",
        recommender__media__video="import av\nfrom av.container import Flags",
        recommender__model__affect="from recommender.extractors import EXTRACTORS",
        recommender__engine="from recommender import types",
        indexing__library="from recommender.engine import recommend\nfrom recommender import engine",
        indexing__catalog__schema="import sqlite3\ndef f():\n    from indexing.catalog import migrations",
        indexing__catalog__migrations__version_2="import alembic\nimport sqlalchemy as sa",
        indexing__disk__parts="def f():\n    import pyarrow.parquet",
        indexing__search__backends__faiss_pq="import faiss",
        indexing__ingest__run="from indexing.library import Library\nfrom indexing.search.backends import faiss_pq",
        indexing__maintenance__doctor="from indexing import ingest\nfrom indexing.ingest import run",
        cli="def main():\n    import training.learning.loop, webapp.app",
        training__learning__loop="import indexing.library",
        training__affect__fit="",
        training__reranking__train="from training.affect import fit\nfrom training.learning import loop",
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
