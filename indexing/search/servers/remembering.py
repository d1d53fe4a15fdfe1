"""Which server answers for which library on this machine: kept in the user's data folder, by the library's own id.

Not in the library: one that comes from somebody else cannot name a server that is asked, or sent a key.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.search.servers.address import LOCAL, Address, read_address
from recommender.atomic import write
from recommender.errors import InputError
from recommender.home import data_home, model_errors
from recommender.logs import getLogger
from recommender.opening import load_json
from recommender.text import show

if TYPE_CHECKING:
    from indexing.search.servers.serving import Serving

FILE = "servers.json"
_log = getLogger(__name__)


def remember(uid: str, address: Address) -> None:
    """From now on the library of that id is asked for at an address; LOCAL: it answers by itself."""
    path = data_home() / FILE
    known = {**_load(path), uid: str(address)}
    if address.kind == LOCAL:
        del known[uid]
    if known or path.exists():
        with model_errors(path):
            write(path, json.dumps(known, indent=1) + "\n")


def addresses() -> list[str]:
    """Every address at which a library is asked for on this machine, sorted."""
    with suppress(InputError):  # no home is known, so nothing is remembered
        return sorted(set(map(str, _load(data_home() / FILE).values())))
    return []


def find_server(uid: str) -> "Serving | None":
    """What asks the server of the library of that id, None where it answers by itself."""
    try:
        path = data_home() / FILE
        text = _load(path).get(uid) if path.exists() else None
        address = None if text is None else read_address(str(text))
    except InputError as error:
        _log.warning("the server of a library cannot be told (%s): it answers by itself", error)
        return None
    if address is None:
        return None
    from indexing.search.servers.serving import Serving

    return Serving(address)


def _load(path: Path) -> dict[str, Any]:
    """What is remembered; nothing where the file is absent, or damaged, which a line in the log says."""
    if not path.exists():
        return {}
    try:
        known = load_json(path)
        if isinstance(known, dict):
            return known
    except (OSError, ValueError, InputError) as error:
        _log.warning("%s is not read (%s): libraries answer by themselves", show(path), error)
        return {}
    _log.warning("%s is damaged: libraries answer by themselves", show(path))
    return {}
