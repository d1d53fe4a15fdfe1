"""Clips that are sent: streamed to the disk, within limits of size, time and number; whole, or not there at all."""

import asyncio
import hashlib
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import NamedTuple, TypeVar

from starlette.requests import Request

from indexing.ingest.suffixes import SUFFIXES, suffix_of
from recommender.atomic import PARTIAL
from recommender.text import show
from webapp.refusal import Refusal
from webapp.settings import Limits

MEDIA = SUFFIXES["video"]
"""Suffixes of what may be sent; the decoder looks at the bytes, and believes no name."""
_WRITTEN = 1 << 20  # bytes written at a time, in a thread: a slow disk keeps nobody else waiting
_CHECKED = 16 << 20  # bytes after which the room left is looked at again
_MOST_NAME = 200  # characters of a name that is shown
_T = TypeVar("_T")


class Received(NamedTuple):
    """A clip that was sent: where it is, the SHA-256 of its bytes in hexadecimal digits, and their number."""

    path: Path
    sha256: str
    size: int


def display_name(name: str) -> str:
    """The name of a clip, to be shown: nothing in it breaks a line, hides, or turns the reading direction."""
    name = show(name.replace("\\", "/").rpartition("/")[2]).strip()
    return name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 4]}...{suffix_of(name)[:8]}"


def check_name(name: str) -> str:
    """The suffix that a clip is kept with; raises Refusal, 415, for a name of no clip."""
    suffix = suffix_of(name)
    if suffix not in MEDIA:
        raise Refusal(415, f"{display_name(name)}: no name of a film or picture; known: mp4, mov, mkv, jpg, ...")
    return suffix


async def receive(request: Request, folder: Path, limits: Limits, *, used_bytes: int) -> Received:
    """Keep the body of `request` in `folder`, as the first digits of its SHA-256 with the suffix of the query's `name`.

    `used_bytes`: of the clips that the session keeps so far. What is under way is told by its files in `folder`, so
    that several at once share what is left. Raises Refusal: 400 cut or empty, 408 idle or slow, 413 too large, 415 no
    clip, 429 too many at once, 507 no room on the disk; nothing of it is left then.
    """
    suffix = check_name(request.query_params.get("name", ""))
    unfinished = folder / f"{PARTIAL}{secrets.token_hex(8)}"
    upload = _Upload(unfinished, limits, used_bytes)
    try:
        upload.check_room(_announced(request))
        if len(list(folder.glob(f"{PARTIAL}*"))) >= limits.uploads:
            raise Refusal(429, f"{limits.uploads} clips are being sent; wait for one of them")
        with FileIO(unfinished, "xb") as file:
            size = await upload.write(request, file)
        if not size:
            raise Refusal(400, "the clip is empty")
        final = folder / f"{upload.sha256[:16]}{suffix}"
        unfinished.replace(final)
    except OSError as error:
        raise Refusal(507, f"the clip cannot be kept: {(error.strerror or str(error)).lower()}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return Received(final, upload.sha256, size)


def _announced(request: Request) -> int:
    """The length that is told ahead, 0 for none."""
    told = request.headers.get("content-length", "0")
    if not (told.isascii() and told.isdigit() and len(told) < 20):
        raise Refusal(400, "the length is no number")
    return int(told)


class _Upload:
    """One upload: what it may take, and what came of it so far."""

    def __init__(self, path: Path, limits: Limits, used_bytes: int) -> None:
        self._path, self._limits, self._used = path, limits, used_bytes
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what was written, in hexadecimal digits."""
        return self._hash.hexdigest()

    def check_room(self, size: int, kept: int = 0) -> None:
        """Raise Refusal where there is no room for a clip of `size` bytes, `kept` of which are on the disk."""
        if size > self._limits.upload_bytes:
            raise Refusal(413, f"a clip may have {self._limits.upload_bytes / 1e9:.1f} GB")
        others = sum(_size(path) for path in self._path.parent.glob(f"{PARTIAL}*") if path != self._path)
        if self._used + others + size > self._limits.kept_bytes:
            raise Refusal(413, f"all clips may have {self._limits.kept_bytes / 1e9:.1f} GB; remove some first")
        if size - kept > shutil.disk_usage(self._path.parent).free - self._limits.spare_bytes:
            raise Refusal(507, "the disk is nearly full; make room")

    async def write(self, request: Request, file: FileIO) -> int:
        """Write the body as it comes; the number of its bytes."""
        size, checked, waiting, pace = 0, 0, bytearray(), _Pace(self._limits)
        more = True
        while more:
            part, more = await pace.wait(request)
            size += len(part)
            waiting += part
            if size > self._limits.upload_bytes or size - checked >= _CHECKED:
                self.check_room(size, checked)
                checked = size
            if len(waiting) >= _WRITTEN or not more:
                await _in_thread(partial(self._keep, bytes(waiting), file))
                waiting.clear()
        self.check_room(size, size)
        return size

    def _keep(self, data: bytes, file: FileIO) -> None:
        self._hash.update(data)
        left = memoryview(data)
        while left:
            left = left[file.write(left) or 0 :]


class _Pace:
    """Takes a body part by part; raises Refusal, 408, where none comes for `idle_s`, or too little in that time."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._came, self._waited = limits, 0, 0.0

    async def wait(self, request: Request) -> tuple[bytes, bool]:
        """The next part, and whether there is more."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.idle_s):
                message = await request.receive()
        except TimeoutError:
            raise Refusal(408, f"nothing came for {self._limits.idle_s:.0f} seconds") from None
        if message["type"] != "http.request":
            raise Refusal(400, "the clip was cut off")
        part, more = message.get("body", b""), message.get("more_body", False)
        self._came += len(part)
        self._waited += time.monotonic() - start
        if self._waited >= self._limits.idle_s and more:
            if self._came < self._limits.slowest * self._waited:
                raise Refusal(408, f"it came slower than {self._limits.slowest:,} bytes a second")
            self._came, self._waited = 0, 0.0
        return part, more


async def _in_thread(call: Callable[[], _T]) -> _T:
    """What `call` gives, in a thread; a request that is cancelled waits for it: its file is not closed meanwhile."""
    work = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
