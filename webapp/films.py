"""Previews that were rendered: films of this session, the latest ones."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.refusal import Refusal

KEPT, KEPT_BYTES = 60, 6 << 30
"""Films that are kept, and the bytes of all of them."""


class Films:
    """Films by what they were made of; the oldest goes first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def get(self, key: str) -> dict[str, Any] | None:
        """What is told of a film, where it is still there."""
        if (told := self._known.get(key)) is None or not (self.folder / told["file"]).is_file():
            return None
        self._known.move_to_end(key)
        return told

    def add(self, key: str, told: dict[str, Any]) -> None:
        """Keep a film."""
        self._known[key] = told
        self._known.move_to_end(key)
        while len(self._known) > 1 and (len(self._known) > KEPT or self._bytes() > KEPT_BYTES):
            _, old = self._known.popitem(last=False)
            (self.folder / old["file"]).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """The file of a film; raises Refusal."""
        if (told := self.get(key)) is None:
            raise Refusal(404, "there is no such preview any more; ask for it again")
        return self.folder / told["file"]

    def _bytes(self) -> int:
        paths = (self.folder / told["file"] for told in self._known.values())
        return sum(path.stat().st_size for path in paths if path.is_file())


def film_key(made_of: Mapping[str, Any]) -> str:
    """The id of a film, by what it is made of."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:24]
