"""MIDI pieces rendered to audio with fluidsynth and a General MIDI soundfont, kept in a cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender import media
from recommender.atomic import publish, sync
from recommender.errors import InputError
from recommender.opening import open_regular

SR_HZ = 22050
"""Rate of the rendering: what the music extractor works at."""
SECONDS = 90.0
"""Only the beginning is kept: 60 s carry all that the ratings can tell, 90 s leave a margin."""
GAIN = 0.7
"""Synthesiser gain: loud enough for 16 bit, no piece clips."""
TIMEOUT_S = 300

SOUNDFONTS = ("TimGM6mb.sf2", "default-GM.sf2", "FluidR3_GM.sf2", "GeneralUser-GS.sf2")
FOLDERS = (
    Path("/usr/share/sounds/sf2"),
    Path("/usr/share/soundfonts"),
    Path("/usr/local/share/soundfonts"),
    Path("/opt/homebrew/share/soundfonts"),
    Path.home() / ".local/share/soundfonts",
)
INSTALL = "install Debian's fluidsynth and timgm6mb-soundfont"


@dataclass(frozen=True)
class Synth:
    """A way to render: the fluidsynth program and one soundfont, known by its content."""

    program: str
    soundfont: Path
    digest: str

    @property
    def name(self) -> str:
        return self.soundfont.name


def find_synth(soundfont: Path | None = None) -> Synth:
    """The synthesiser with `soundfont`, or with the first found in the usual folders.

    Raises InputError, saying what to install, when fluidsynth or the soundfont is missing.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise InputError(f"fluidsynth is not installed and VGMIDI needs rendering: {INSTALL}")
    if soundfont is None:
        found = [f / s for s in SOUNDFONTS for f in FOLDERS if (f / s).is_file()]
        if not found:
            raise InputError(f"no soundfont found ({', '.join(SOUNDFONTS)}): {INSTALL}, or name one")
        soundfont = found[0]
    if not soundfont.is_file():
        raise InputError(f"{soundfont}: no such soundfont: {INSTALL}")
    return Synth(program, soundfont, _digest(soundfont))


def other_synth(first: Synth) -> Synth | None:
    """A synthesiser with another soundfont found in the usual folders (by content), or None."""
    for path in (f / s for s in SOUNDFONTS for f in FOLDERS):
        if path.is_file() and (digest := _digest(path)) != first.digest:
            return Synth(first.program, path.resolve(), digest)
    return None


def renderings_cache() -> Path:
    """Where renderings are kept unless told otherwise: in the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("cliptune") / "renderings"


def render(midi: Path, synth: Synth, cache: Path) -> Path:
    """The FLAC (mono, SR_HZ, at most SECONDS) of `midi`, from the cache or rendered into it.

    The name holds the content of the soundfont and of the piece, so an edited file is rendered anew. Raises
    InputError when fluidsynth fails.
    """
    target = cache / synth.digest[:16] / f"{_digest(midi)[:16]}.flac"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wav = Path(scratch) / "piece.wav"
        _synthesise(midi, synth, wav)
        first = next(media.audio_blocks(wav, SR_HZ, SECONDS))
        flac = wav.with_suffix(".flac")
        media.write_audio(flac, np.asarray(first), SR_HZ)
        sync(flac)
        publish(flac, target)
    return target


def render_all(pieces: Sequence[Path], synth: Synth, cache: Path, *, tick: Callable[[int, int], None]) -> list[Path]:
    """The renderings of `pieces`, in order; `tick(done, total)` after each. One fluidsynth per core."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        done: Iterator[Path] = pool.map(lambda piece: render(piece, synth, cache), pieces)
        out = []
        for path in done:
            out.append(path)
            tick(len(out), len(pieces))
    return out


def _synthesise(midi: Path, synth: Synth, wav: Path) -> None:
    # -n -i: no MIDI driver, no shell; -F: as fast as possible into a file.
    argv = [synth.program, "-n", "-i", "-q", "-g", str(GAIN), "-r", str(SR_HZ), "-F", str(wav)]
    argv += [str(synth.soundfont.resolve()), str(midi.resolve())]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{midi}: fluidsynth failed ({error})") from error
    if done.returncode or not wav.is_file():
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InputError(f"{midi}: fluidsynth failed ({' '.join(said) or f'exit {done.returncode}'})")


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
