"""`recommend app`: start the local web app."""

import errno
import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from recommender.console import tell, write
from recommender.errors import CliptuneError, InputError
from recommender.options import Options, option, setting, take_options
from recommender.text import show

PORT = 8642
"""Where the app listens where nothing else is asked for and nobody else does: links go on working."""
PASSWORD_VARIABLE = "CLIPTUNE_PASSWORD"  # noqa: S105 (its name)


class AppOptions(Options):
    """What the app shows, and to whom."""

    library: list[str] | None = setting("A library to show beside those of your data folder: name or folder; repeat.")
    music_folder: list[Path] | None = setting(
        "A folder of this machine from which music may be added; repeat [default: your home folder]."
    )
    clip_folder: list[Path] | None = setting("A folder of this machine from which clips may be chosen; repeat.")
    reports: list[Path] | None = setting("A folder with reports of `recommend benchmark`; repeat.")
    exports: Path | None = setting("Where exports are kept [default: exports in your data folder].")
    host: str = setting(
        f"Address to listen at; one that other machines reach needs a password, in ${PASSWORD_VARIABLE} or typed in.",
        "127.0.0.1",
    )
    name: list[str] | None = setting("A further host name that the app may be called by; repeat.")


@take_options
def app(
    asked: AppOptions,
    port: Annotated[int | None, option(f"Port [default: {PORT}, or a free one].", "--port", min=0, max=65535)] = None,
    browser: Annotated[bool, option("Open the browser.", "--browser/--no-browser")] = True,
) -> None:
    """Start the local app: drop a clip, hear ten answers, pick one. It ends with Ctrl-C.

    It listens on this machine alone; whoever has the printed address may use it.

    Example: recommend app --library film-music"""
    _require_parts()
    from webapp.addresses import is_loopback
    from webapp.session import open_session
    from webapp.settings import Settings

    alone = is_loopback(asked.host)
    password = None if alone else _password(asked.host)
    listening = listen(asked.host, port)
    taken = listening.getsockname()[1]
    with open_session() as session:
        settings = Settings(
            token=secrets.token_urlsafe(32),
            session=session,
            exports=_exports(asked.exports),
            host=asked.host,
            port=taken,
            password=password,
            names=tuple(asked.name or ()),
            libraries=_checked_libraries(asked.library or ()),
            music_folders=_folders(asked.music_folder, [Path.home()] if alone else []),
            clip_folders=_folders(asked.clip_folder, []),
            reports=_folders(asked.reports, []),
        )
        host = f"[{asked.host}]" if ":" in asked.host else asked.host
        address = f"http://{host}:{taken}/" + (f"?token={settings.token}" if alone else "")
        _announce(address, alone=alone, moved=port is None and taken != PORT)
        if browser:
            webbrowser.open(address)
        _serve(settings, listening)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _require_parts() -> None:
    try:
        import jsonschema  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise CliptuneError(f"the app needs {error.name}: pip install 'cliptune[app]'") from error


def _password(host: str) -> str:
    import typer

    from webapp.login import Login

    tell(
        f"warning: {host} can be reached from other machines, and what is sent is not encrypted: put it behind a proxy "
        "with TLS, or an SSH tunnel"
    )
    found = os.environ.get(PASSWORD_VARIABLE)
    if found is None and sys.stdin.isatty():
        found = typer.prompt("Password for the app", hide_input=True, confirmation_prompt=True)
    if not found:
        raise InputError(f"{host} can be reached from other machines: set {PASSWORD_VARIABLE} to a password")
    Login(found)  # long enough
    return found


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens at a port: `PORT`, or any free one where that is taken and None was asked for.

    Raises CliptuneError where it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried = [PORT, 0] if port is None else [port]
    for one in tried:
        made = socket.socket(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, one))
            made.listen()  # who asks before the server runs waits for it
        except OSError as error:
            made.close()
            if error.errno == errno.EADDRINUSE and one != tried[-1]:
                continue
            reason = (error.strerror or str(error)).lower()
            raise CliptuneError(f"cannot listen at {show(host)}, port {one}: {reason}; give another one") from error
        return made
    raise AssertionError  # not reached: the last one is returned or raised


def _exports(given: Path | None) -> Path:
    from recommender.home import data_home

    return data_home() / "exports" if given is None else given.absolute()


def _folders(given: Sequence[Path] | None, otherwise: Sequence[Path]) -> tuple[Path, ...]:
    for folder in given or ():
        if not folder.is_dir():
            raise InputError(f"no such folder: {show(folder)}")
    return tuple(folder.absolute() for folder in (otherwise if given is None else given))


def _checked_libraries(given: Sequence[str]) -> tuple[str, ...]:
    from indexing.disk.locations import existing

    return tuple(str(existing(name)) for name in given)


def _announce(address: str, *, alone: bool, moved: bool) -> None:
    if moved:
        tell(f"port {PORT} is taken: links to it lead to what listens there")
    tell("Ctrl-C ends it; dropped clips and previews go with it, picks and exports stay.")
    if alone:
        tell("Whoever has this address may use the app:")
    write(f"{address}\n")


def _serve(settings: "Settings", listening: socket.socket) -> None:  # type: ignore[name-defined]  # noqa: F821
    import uvicorn

    from webapp.connections import server_config
    from webapp.server import make_app

    for number in (signal.SIGTERM, signal.SIGHUP):  # what the server passes on after it has ended, the context ends too
        signal.signal(number, _leave)
    config = server_config(make_app(settings), lifespan="on", timeout_keep_alive=15, timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[listening])
