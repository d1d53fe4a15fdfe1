"""What the app was started with."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What uploads may take.

    Attributes
    ----------
    upload_bytes: of one clip. kept_bytes: of all clips of a session. clips: how many are kept. uploads: at one time.
    idle_s: seconds without a byte. slowest: bytes a second, on average, after the first `idle_s`.
    spare_bytes: left free on the disk.
    """

    upload_bytes: int = 4 << 30
    kept_bytes: int = 16 << 30
    clips: int = 200
    uploads: int = 4
    idle_s: float = 30.0
    slowest: int = 16_384
    spare_bytes: int = 1 << 30


@dataclass(frozen=True)
class Settings:
    """What the app was started with.

    Attributes
    ----------
    token: who has it may ask. session: folder of what goes with this run: clips and previews. exports: folder of what
        stays: files for editing programs.
    host, port: where it listens. password: asked for where it listens beyond loopback. names: further host names that
        it may be called by.
    libraries: named on the command line, names or folders; those of the data folder come too.
    music_folders, clip_folders: what of this machine may be looked into, for music and for clips.
    reports: folders with reports of `recommend benchmark`.
    """

    token: str
    session: Path
    exports: Path
    host: str = "127.0.0.1"
    port: int = 0
    password: str | None = None
    names: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    music_folders: tuple[Path, ...] = ()
    clip_folders: tuple[Path, ...] = ()
    reports: tuple[Path, ...] = ()
    limits: Limits = Limits()
