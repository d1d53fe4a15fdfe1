"""Fifty uploads that mean no good beside a person who works with the app: is that person served, and what is left.

    python benchmarks/app_abuse.py [--out docs/results/app.md]

Reads `../shared/data`. The person has a library of the music there, and asks for pages, lists, answers and pieces of a
film, as one asks with the page open: first alone, then beside the uploads. All have the token: those who have none are
turned away before their bodies are read, and are among the fifty as well.
"""

import io
import os
import socket
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import app_running
import numpy as np
from app_running import DATA, ROOT, Client, Running, quantiles, wait_until

sys.path.insert(0, str(ROOT))
from tests.faults import crafted, mutations

SEED = 20261130
QUIET_S = 40.0
"""Seconds that the person is alone; beside the uploads, until they are over and for as long at least."""
GIVE_UP_S = 240.0


class Abuse(NamedTuple):
    """An upload: what is sent under which name, and how."""

    kind: str
    name: str
    body: bytes
    how: Callable[[Running, "Abuse"], str]


def head(server: Running, abuse: Abuse, length: int, token: str | None = None) -> bytes:
    """The head of a request that announces `length` bytes."""
    lines = [f"POST /api/clips?name={abuse.name} HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    lines += [f"Authorization: Bearer {server.token if token is None else token}", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def answered(connection: socket.socket) -> str:
    """The status of what is answered, or how the connection ended."""
    with suppress(OSError):
        got = connection.recv(65536)
        return got.split(b" ", 2)[1].decode() if got else "closed"
    return "reset"


def announced(server: Running, abuse: Abuse) -> str:
    """10 GB are announced, and sent for as long as they are taken."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.sendall(head(server, abuse, 10 << 30))
        with suppress(OSError):
            for _ in range(100_000):
                connection.sendall(bytes(65536))
        return answered(connection)


def unending(server: Running, abuse: Abuse) -> str:
    """256 MB in pieces that nobody counted ahead, and then nobody."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        first = head(server, abuse, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        connection.sendall(first)
        with suppress(OSError):
            for _ in range(4096):
                connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
        connection.close()
        return "cut"


def slow(server: Running, abuse: Abuse) -> str:
    """A byte every half second, again while there are too many."""
    end = time.monotonic() + GIVE_UP_S
    while (ended := _drip(server, abuse)) == "429" and time.monotonic() < end:
        time.sleep(1.0)
    return ended


def _drip(server: Running, abuse: Abuse) -> str:
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.sendall(head(server, abuse, 1 << 20))
        connection.settimeout(0.5)
        for _ in range(600):
            try:
                connection.sendall(b"x")
                got = connection.recv(65536)
                return got.split(b" ", 2)[1].decode() if got else "closed"
            except TimeoutError:
                continue
            except OSError:
                return "reset"
        return "never ended"


def headless(server: Running, abuse: Abuse) -> str:
    """Headers that do not end, a line a second."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        with suppress(OSError):
            connection.sendall(head(server, abuse, 10)[:-2])
            for _ in range(600):
                connection.sendall(b"X-More: x\r\n")
                time.sleep(1)
        return answered(connection)


def cut(server: Running, abuse: Abuse) -> str:
    """Half of it, and then nobody."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.sendall(head(server, abuse, 2 * len(abuse.body)) + abuse.body)
        return "cut"


def stranger(server: Running, abuse: Abuse) -> str:
    """Without the token."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        with suppress(OSError):
            connection.sendall(head(server, abuse, 1 << 30, "guessed") + bytes(1 << 22))
        return answered(connection)


def whole(server: Running, abuse: Abuse) -> str:
    """All of it, again while there are too many."""
    client, end = server.client(), time.monotonic() + GIVE_UP_S
    while time.monotonic() < end:
        status, _ = client.ask(f"/api/clips?name={abuse.name}", method="POST", body=abuse.body)
        if status != 429:
            return str(status)
        time.sleep(1.0)
    return "429"


def png(width: int, height: int) -> bytes:
    """A picture of one colour that is small only as a file."""
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x01\x00\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        crafted.chunk(tag, data) for tag, data in ((b"IHDR", size), (b"IDAT", rows), (b"IEND", b""))
    )


def text_bomb() -> bytes:
    """A picture with a text that unpacks to 200 MB."""
    small, text = png(8, 8), b"Comment\x00\x00\x00\x00\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    return small[:33] + crafted.chunk(b"iTXt", text.replace(b"Comment\x00\x00", b"Comment\x00\x01", 1)) + small[33:]


def zip_bomb() -> bytes:
    """An archive that says that it is a film."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.mp4", bytes(200_000_000))
    return made.getvalue()


SCRIPT = b"<!doctype html><script>fetch('/api/status')</script>"


def polyglots(films: list[bytes]) -> list[tuple[str, bytes]]:
    """Media that are something else, too."""
    jpeg = b"\xff\xd8\xff\xfe" + (len(SCRIPT) + 2).to_bytes(2, "big") + SCRIPT + b"\xff\xd9"
    return [
        ("page.jpg", jpeg),
        ("page.png", png(8, 8) + SCRIPT),
        ("script.mp4", (len(SCRIPT) + 8).to_bytes(4, "big") + b"free" + SCRIPT + films[0]),
        ("script.gif", b"GIF89a/*" + bytes(40) + b"*/=1;alert(1)" + SCRIPT),
    ]


def abuses(films: list[bytes]) -> list[Abuse]:
    """The fifty."""
    rng = np.random.default_rng(SEED)
    made = [Abuse("10 GB announced", "a.mp4", b"", announced)] * 6
    made += [Abuse("256 MB not announced, cut off", "a.mp4", b"", unending)] * 2
    made += [Abuse("a byte every half second", "a.mp4", b"", slow)] * 6
    made += [Abuse("headers that never end", "a.mp4", b"", headless)] * 4
    made += [Abuse("cut off", "a.mp4", film[: len(film) // 2], cut) for film in films[:6]]
    made += [Abuse("no token", "a.mp4", b"", stranger)] * 4
    bombs = [("a.png", png(30_000, 30_000)), ("b.png", png(100_000, 100_000)), ("c.png", text_bomb())]
    bombs += [("d.mp4", zip_bomb())]
    for make in (crafted.gif, crafted.mp4):
        kind, data = make(rng)
        bombs.append((f"e.{kind.lstrip('.')}", data))
    made += [Abuse("bomb", name, body, whole) for name, body in bombs]
    made += [Abuse("polyglot", name, body, whole) for name, body in polyglots(films)]
    while len(made) < 50:
        one, other = (films[int(rng.integers(len(films)))] for _ in range(2))
        made.append(Abuse("fuzzed film", "f.mp4", mutations.havoc(one, rng, other), whole))
    return [made[k] for k in rng.permutation(len(made))]


class Person(threading.Thread):
    """Works with the app until `over`; `took`: seconds of every answer, by what was asked for."""

    def __init__(self, server: Running, clip: str, library: str) -> None:
        super().__init__()
        self._client, self._clip, self._library = server.client(), clip, library
        self._rng = np.random.default_rng(SEED)
        self.over, self.failed = threading.Event(), Counter[str]()
        self.took: dict[str, list[float]] = {}

    def run(self) -> None:
        """Ask, look at it for a moment, ask again."""
        size, number = int(self._client.json(f"/api/clips/{self._clip}")["size_bytes"]), 0
        while not self.over.is_set():
            number += 1
            asked = f"/api/answers?clip={self._clip}&library={self._library}&top={number % 20 + 1}"
            at = int(self._rng.integers(size))
            self._ask("page", "/")
            self._ask("lists", "/api/libraries")
            self._ask("lists", f"/api/libraries/{self._library}/tracks?limit=20")
            self._ask("lists", "/api/clips")
            self._ask("piece of the film", f"/media/clips/{self._clip}/film", Range=f"bytes={at}-{at + 262_143}")
            self._ask("answer", asked)
            self.over.wait(0.1)

    def _ask(self, kind: str, path: str, **headers: str) -> None:
        start = time.perf_counter()
        status, _ = self._client.ask(path, **headers)
        self.took.setdefault(kind, []).append(time.perf_counter() - start)
        if status not in (200, 206):
            self.failed[f"{kind} {status}"] += 1


def census(server: Running) -> dict[str, float]:
    """What the server holds."""
    return {
        "file descriptors": app_running.open_files(server.pid),
        "threads": app_running.threads(server.pid),
        "processes": len(app_running.workers(server.pid)),
        "resident MB": round(app_running.memory_mb(server.pid), 1),
        "files of the session": len(server.kept),
    }


def attack(server: Running, films: list[bytes]) -> Counter[tuple[str, str]]:
    """Let all fifty at the app, and count how each ended."""
    ended: Counter[tuple[str, str]] = Counter()

    def one(abuse: Abuse) -> None:
        try:
            how = abuse.how(server, abuse)
        except Exception as error:  # the table tells of it
            how = type(error).__name__
        ended[abuse.kind, how] += 1

    actors = [threading.Thread(target=one, args=(abuse,)) for abuse in abuses(films)]
    for actor in actors:
        actor.start()
    for actor in actors:
        actor.join(2 * GIVE_UP_S)
    if any(actor.is_alive() for actor in actors):
        ended["hangs", "yes"] += 1
    return ended


def clean(server: Running, own: str) -> Counter[str]:
    """Remove the clips of others, as the person would; how they stood."""
    client = server.client()
    wait_until(lambda: all(clip["state"] != "looking" for clip in client.json("/api/clips")["clips"]), GIVE_UP_S)
    wait_until(
        lambda: all(job["state"] not in ("waiting", "running") for job in client.json("/api/jobs")["jobs"]), GIVE_UP_S
    )
    states: Counter[str] = Counter()
    for clip in client.json("/api/clips")["clips"]:
        if clip["id"] != own:
            states[clip["state"]] += 1
            client.ask(f"/api/clips/{clip['id']}", method="DELETE")
    return states


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def ms(seconds: list[float]) -> str:
    """Median, 95th percentile and largest, in milliseconds."""
    return " / ".join(f"{value * 1000:.0f}" for value in quantiles(seconds))


def attacks(server: Running, films: list[bytes], clip: str) -> Counter[tuple[str, str]]:
    """How the fifty ended, and how the clips that came of them stood; they are removed, and all comes to rest."""
    ended = attack(server, films)
    for state, number in clean(server, clip).items():
        ended["clips that came of them", state] += number
    time.sleep(16)  # connections that were kept open end
    return ended


def measure(server: Running) -> str:
    """The section of the page."""
    client: Client = server.client()
    (library,) = (one["id"] for one in client.json("/api/libraries")["libraries"])
    clip = client.upload(DATA / "clips" / "example.mp4")["id"]
    client.json(f"/api/answers?clip={clip}&library={library}")
    films = [path.read_bytes() for path in sorted((DATA / "clips").glob("*.mp4"))]

    def person(until: Callable[[], object]) -> Person:
        one = Person(server, clip, library)
        one.start()
        until()
        one.over.set()
        one.join(GIVE_UP_S)
        return one

    alone = person(lambda: time.sleep(QUIET_S))
    before, load = census(server), os.getloadavg()[0]
    ended: list[Counter[tuple[str, str]]] = []
    beside = person(lambda: ended.append(attacks(server, films, clip)))
    after = census(server)
    attacks(server, films, clip)
    again = census(server)
    kinds = sorted({kind for kind, _ in ended[0]})
    rows = [(k, sum(n for (a, _), n in ended[0].items() if a == k)) for k in kinds]
    how = {k: ", ".join(f"{h} ({n})" for (a, h), n in sorted(ended[0].items()) if a == k) for k in kinds}
    return "\n\n".join(
        [
            f"{os.cpu_count()} cores, load average {load:.1f} before; seed {SEED}. Made by "
            "`python benchmarks/app_abuse.py --out docs/results/app.md`.",
            table(("uploads", "number", "answered"), [(k, n, how[k]) for k, n in rows]),
            "Milliseconds of the person's answers: median / 95th percentile / largest.",
            table(
                ("asked for", "alone", "beside the uploads", "answers alone", "beside"),
                [(k, ms(alone.took[k]), ms(v), len(alone.took[k]), len(v)) for k, v in beside.took.items()],
            ),
            f"Refused to the person: {sum((alone.failed + beside.failed).values())}. The clips that came of them were "
            "removed by the person; then, and after all of it once more:",
            table(
                ("the server holds", "before", "after", "once more"),
                [(k, v, after[k], again[k]) for k, v in before.items()],
            ),
        ]
    )


def main() -> None:
    args = app_running.read_options(__doc__)
    if not DATA.is_dir():
        raise SystemExit("needs ../shared/data, which is not beside this checkout")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        app_running.recommend(home, "index", "add", str(DATA / "music"), "--library", "music", "--workers", "1")
        with app_running.running(home) as server:
            text = measure(server)
    app_running.write_section(args.out, "Uploads that mean no good", text)


if __name__ == "__main__":
    main()
