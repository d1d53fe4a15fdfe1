"""A fake model for library tests: reads small text files, and fails, crashes or dawdles on request."""

import json
import os
import signal
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexing.snapshot.segments import Segment
from recommender.errors import MediaError, ModelError
from recommender.extractors.audio import acoustic
from recommender.extractors.audio.acoustic import BLOCK, LEVELS, Fingerprint
from recommender.types import Analysis, Coded, Features, Space, unit

COLUMNS = ("loudness_db", "onset_rate", "tempo_bpm")
INPUTS = ("onset_rate", "loudness_db")  # another order than the columns: a mix-up shows
DIM = 8


@dataclass(frozen=True)
class FakeAnalyser:
    """Analyses a text file `SEED WINDOWS`: vectors drawn from the seed; one word tells it to misbehave.

    Every analysis appends the file's name to `log` (where given), so that tests can count them. What is measured
    depends on `measures` alone, what is made of it on `revision` too.
    """

    revision: str = "1"
    measures: str = "1"
    log: str = ""
    delay_s: float = 0.0

    @property
    def space(self) -> Space:
        return Space("fake", self.revision, DIM)

    def inputs(self, modality):
        return INPUTS

    def source(self, modality):
        return f"fake {self.measures}"

    def source_columns(self, modality):
        return COLUMNS

    def library_columns(self, modality):
        return COLUMNS

    def code(self, modality, values, still, *, lengths_s=None):
        random = np.random.default_rng([*self.revision.encode()])
        affect = np.tanh(np.einsum("nf,fa->na", values, random.normal(size=(len(COLUMNS), 4))))
        vectors = unit(np.einsum("nf,fd->nd", values, random.normal(size=(len(COLUMNS), DIM))))
        return Coded(values, affect.astype(np.float32), vectors.astype(np.float32))

    def analyse(self, path, modality):
        if self.log:
            with open(self.log, "ab") as log:
                log.write(os.fsencode(path.name).replace(b"\n", b"?") + b"\n")
        time.sleep(self.delay_s)
        words = Path(path).read_text("utf-8").split()
        self._misbehave(words[0] if words else "empty", path)
        seed, n = (1 if words[0] == "touch" else int(words[0])), int(words[1])
        random = np.random.default_rng([seed, *self.measures.encode()])
        values = random.normal(size=(n, len(COLUMNS))).astype(np.float32)
        bounds = np.stack([5.0 * np.arange(n), 5.0 * np.arange(n) + 10], axis=1)
        rows = np.vstack([values, values.mean(axis=0, keepdims=True)])
        _, affect, vectors = self.code(modality, rows, np.zeros(n + 1, bool))
        facts = {"bpm": np.float32(60 + seed), "key": "A minor", "damaged_packets": 0}
        facts |= {"bpm_confidence": 0.5, "bpm_alternative": np.float32(120 + 2 * seed), "key_confidence": None}
        features = Features(COLUMNS, bounds, values, values.mean(axis=0), 5.0 * n + 5, facts)
        tags = {"title": f"Title {seed}"} if seed % 2 else {}
        return Analysis(modality, features, affect[:-1], vectors[:-1], affect[-1], vectors[-1], tags)

    def _misbehave(self, word, path):
        match word:
            case "empty":
                raise MediaError(f"cannot read '{path.name}': it is empty")
            case "bad":
                raise MediaError(f"cannot read '{path.name}': not a toy")
            case "bug":
                raise ZeroDivisionError("division by zero")
            case "model":
                raise ModelError("the model is damaged")
            case "exit":
                os._exit(3)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "nan":
                raise_nan()
            case "touch":
                os.utime(path, ns=(1, 1))
            case "hang":
                time.sleep(3600)
            case "vanish":
                path.unlink()
                raise MediaError("no such file")


@dataclass(frozen=True)
class Marking(FakeAnalyser):
    """Reads `SEED WINDOWS RECORDING`: files of one recording have fingerprints that differ in 6 % of the bits."""

    def analyse(self, path, modality):
        analysis = super().analyse(path, modality)
        seed, _, recording = (*Path(path).read_text().split(), None)[:3]
        if recording is None:
            return analysis
        codes = np.random.default_rng(int(recording)).integers(1, 1 << 32, 300, dtype=np.uint32)
        turned = np.random.default_rng(int(seed)).random((300, 32)) < 0.06
        turned[::4] = False
        codes ^= np.packbits(turned, axis=1).view("<u4")[:, 0]
        fingerprint = acoustic.to_bytes(Fingerprint(codes, np.zeros((-(-300 // BLOCK), LEVELS), np.uint8)))
        return replace(analysis, features=replace(analysis.features, fingerprint=fingerprint))


def raise_nan():
    """A value that is no number, found late."""
    raise FloatingPointError("not finite")


def toy(path: Path, seed: int | str, windows: int = 3) -> Path:
    """A file for the FakeAnalyser; same arguments, same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{seed} {windows}\n")
    return path


def state(library) -> dict:
    """Everything searchable in a library by path: comparable between libraries made in different ways."""
    seen = {}
    for track in library.tracks():
        windows = library.windows_of([track.id])[0]
        arrays = tuple(np.asarray(a).tobytes() for a in windows)
        seen[track.modality, track.path] = (track.title, track.bpm, track.duration_s, track.affect, arrays)
    return seen


def unchecked(folder: Path) -> None:
    """Make a library's snapshot one of before there were checksums."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest.pop("crc")
    for held in manifest["modalities"].values():
        held.pop("crcs")
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def clustered(rows, windows):
    """Unit vectors float32 [rows, 16] around 40 centres, `windows` consecutive ones much alike."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 16))
    tracks = centres[rng.integers(0, 40, rows // windows)] + rng.normal(size=(rows // windows, 16))
    return unit(np.repeat(tracks, windows, axis=0) + rng.normal(size=(rows, 16)) * 0.3).astype(np.float32)


def of_what_is_installed(backends) -> list[Any]:
    """The names of backends as parameters of tests; torch is skipped where it is absent."""
    without = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed (extra `pretrained`)")
    return [pytest.param(name, marks=without) if name == "torch" else name for name in sorted(backends)]


def of_rows(vectors, ids, offsets) -> Segment:
    """A segment of tracks with these ids, that begin at these rows."""
    count = len(ids)
    ends = np.array(offsets)
    return Segment(np.array(ids), np.zeros(count, int), ends, np.ones(count, bool), vectors, vectors, vectors, vectors)
