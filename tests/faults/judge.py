"""What a file may do to its readers: give sane numbers, or one clear line. Everything else is a finding."""

import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from recommender import media
from recommender.errors import MediaError
from recommender.extractors.audio import acoustic, logmel, music, stft
from recommender.extractors.video import video
from recommender.tags import TEXT_TAGS, read_tags
from recommender.types import Features

LONGEST_S = 24 * 3600.0 + 1.0
_SLACK_S = 1.0


def _probe(path: Path) -> Iterator[str]:
    info = media.probe(path)
    if info.duration_s is not None and not (0 < info.duration_s < np.inf):
        yield f"duration of {info.duration_s} s"
    if not (info.has_audio or info.has_video):
        yield "neither sound nor picture, and yet accepted"
    if info.has_video and info.width * info.height > 4 * 100_000_000:
        yield f"a size of {info.width} x {info.height}"
    if min(info.width, info.height) < 0 or (info.fps is not None and not (0 < info.fps < np.inf)):
        yield f"a size of {info.width} x {info.height} at {info.fps} per second"


def _sound(path: Path) -> Iterator[str]:
    count = 0

    def heard() -> Iterator[np.ndarray]:
        nonlocal count
        for block in media.audio_blocks(path, music.SR_HZ, music.BLOCK_S):
            if block.dtype != np.float32 or not np.isfinite(block).all() or np.abs(block).max(initial=0) > 4:
                raise AssertionError("a block that is not finite float32 within 4")
            count += len(block)
            yield block

    found = music.from_blocks(heard())
    yield from _sane(found)
    if abs(found.duration_s - count / stft.SR_HZ) > 0.1:
        yield f"{found.duration_s} s, but {count / stft.SR_HZ} s were decoded"


def _fingerprint(path: Path) -> Iterator[str]:
    fingerprint = acoustic.from_blocks(media.audio_blocks(path, stft.SR_HZ, music.BLOCK_S))
    if fingerprint != () and not 0 <= fingerprint.heard <= len(fingerprint.codes):
        yield f"{fingerprint.heard} codes heard of {len(fingerprint.codes)}"


def _patches(path: Path) -> Iterator[str]:
    for patch in logmel.patches(media.audio_blocks(path, logmel.SR_HZ)):
        if not np.isfinite(patch).all():
            yield "log-mel levels that are not finite"


def _picture(path: Path) -> Iterator[str]:
    found = video.extract(path)
    yield from _sane(found)
    if found.duration_s > LONGEST_S + media.video.MAX_GAP_S:
        yield f"a clip of {found.duration_s} s"
    if not found.facts["frames"]:
        yield "no frame, and yet accepted"


def _sane(found: Features) -> Iterator[str]:
    if not (0 <= found.duration_s < np.inf):
        yield f"a duration of {found.duration_s} s"
    if not (np.isfinite(found.values).all() and np.isfinite(found.item).all()):
        bad = [name for name, value in zip(found.columns, found.item, strict=True) if not np.isfinite(value)]
        yield f"features that are not finite: {bad or 'of a window'}"
    if found.values.shape != (len(found.windows), len(found.columns)):
        yield f"features {found.values.shape} of {len(found.windows)} windows"
    if len(found.windows) and found.windows.max() > found.duration_s + _SLACK_S:
        yield f"windows until {found.windows.max()} of {found.duration_s} s"


def _tags(path: Path) -> Iterator[str]:
    for name, value in read_tags(path).items():
        if name not in TEXT_TAGS or value != " ".join(value.split()) or not value:
            yield f"a tag {name} of {value!r}"


READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "probe": _probe,
    "music": _sound,
    "fingerprint": _fingerprint,
    "log-mel": _patches,
    "video": _picture,
    "tags": _tags,
}


def examine(path: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """(the readers that accepted `path`, findings as pairs of reader and what is wrong)."""
    accepted, findings = [], []
    for name, reader in READERS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                findings += [(name, what) for what in reader(path)]
            if name != "tags":  # they are absent or there, never refused
                accepted.append(name)
        except MediaError as error:
            if fault := _unclear(str(error), path):
                findings.append((name, fault))
        except BaseException as error:
            findings.append((name, _where(error)))
    return accepted, findings


def _unclear(line: str, path: Path) -> str | None:
    """What is wrong with a message, or None."""
    if not line.isprintable() or str(path) not in line or "; " not in line:
        return f"a message that is not one line with the file and what to do: {line!r}"
    return None


def _where(error: BaseException) -> str:
    """The error and the innermost line of ours that it came through."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if re.search(r"recommender|indexing", f.filename)]
    last = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} {ours[-1].name}" if ours else "?"
    return f"{type(error).__name__}: {error} ({last})"
