"""The lowest versions that pyproject.toml promises, a line `name==version` each, as constraints for pip.

    python tests/lowest.py cpu train test > constraints.txt

names those of the dependencies and of the extras given.
"""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[.*\])?(?:[>=]=(?P<lowest>[\d.]+))?")


def lowest(extras: Iterable[str], pyproject: Path = PYPROJECT) -> list[str]:
    """`name==version` of every dependency and of those of `extras`; ValueError for one without a lower bound."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return sorted({_pinned(line) for line in wanted if not line.startswith(project["name"])})


def _pinned(requirement: str) -> str:
    found = _REQUIREMENT.match(requirement)
    if found is None or found["lowest"] is None:
        raise ValueError(f"{requirement}: no lower bound")
    return f"{found['name']}=={found['lowest']}"


if __name__ == "__main__":
    print("\n".join(lowest(sys.argv[1:])))
