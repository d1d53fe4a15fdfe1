"""Figures of fits, kept on disk so that a stopped suite goes on where it was."""

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from recommender.opening import load_json
from training.datasets import generated
from training.evaluation import matching
from training.evaluation.files import write_text
from training.evaluation.trials import code
from training.learning import search
from training.types import Tick

Figures = dict[str, float]


class Kept:
    """Figures by what they depend on; `seconds` of processor time and number of `fits` of all that were asked for.

    A suite counts what it takes altogether, whether a fit was done now or by the run that was stopped.
    """

    def __init__(self, folder: Path, tick: Tick = lambda *_: None, total: int = 0) -> None:
        self.folder, self.tick, self.total = folder, tick, total
        self.seconds, self.fits = 0.0, 0
        self._known: dict[str, Figures] = {}

    def __call__(self, what: str, facts: object, compute: Callable[[], Mapping[str, float]]) -> Figures:
        """The figures of `compute`, done before or now. `facts`: all it depends on but code, as `repr` shows it."""
        key = hashlib.sha256(repr((facts, _sources())).encode()).hexdigest()
        if key not in self._known:
            self.tick(what, self.fits, self.total)
            found = self._read(key) or self._compute(key, what, compute)
            self.count(found.pop("seconds"))
            self._known[key] = found
        return self._known[key]

    def count(self, seconds: float, fits: int = 1) -> None:
        """Add fits that are kept elsewhere."""
        self.seconds += seconds
        self.fits += fits

    def _compute(self, key: str, what: str, compute: Callable[[], Mapping[str, float]]) -> Figures:
        start = time.process_time()
        found = {name: float(value) for name, value in compute().items()}
        found["seconds"] = time.process_time() - start
        write_text(self._path(key), json.dumps({"what": what, "figures": found}, indent=1) + "\n")
        return found

    def _read(self, key: str) -> Figures | None:
        try:
            figures = load_json(self._path(key))["figures"]
            return {str(name): float(value) for name, value in figures.items()}
        except (OSError, ValueError, KeyError, TypeError):
            return None  # absent or cut short: computed again

    def _path(self, key: str) -> Path:
        return self.folder / "fits" / f"{key[:32]}.json"


@cache
def _sources() -> str:
    """A hash over the sources that a kept figure comes from."""
    files = [Path(inspect.getfile(module)) for module in (generated, matching, search)]
    files += [Path(__file__).with_name(f"{name}.py") for name in ("labelled", "rated")]
    texts = [file.read_bytes() for file in files]
    return hashlib.sha256(b"".join([code().encode(), *texts])).hexdigest()
