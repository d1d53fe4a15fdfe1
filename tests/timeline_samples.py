"""Clips of any rate and timecode, music whose every place can be told from any other, and readers by other hands."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as tree

import av
import numpy as np
import pytest

from recommender.editing.placement import Placement, Stretch
from recommender.media import write_audio
from recommender.media.footage import Footage, Sound
from recommender.timelines.timecode import frame_at
from recommender.timelines.timeline import Mark, Music, Timeline, frames_of, parts_of

HZ = 48_000
ODD = "a é #1 %20 & \"b\" 'c'"
"""A name with a space, é, #, %, & and quotes."""
NTSC = Fraction(1000, 1001)
RATES = {
    "23.976": 24 * NTSC,
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": 30 * NTSC,
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": 60 * NTSC,
    "60": Fraction(60),
}
STARTS = ("00:00:00:00", "01:00:00:00")
CASES = [(name, start) for name in RATES for start in STARTS] + [("29.97", "01:00:00;00"), ("29.97", "00:00:00;00")]
CASES += [("59.94", "01:00:00;00")]


def film(path: Path, rate: Fraction, frames: int, timecode: str | None = None) -> Path:
    """A clip of `frames` small pictures with silent stereo sound; mov and mp4 keep a timecode."""
    with av.open(str(path), "w") as container:
        if timecode:
            container.metadata["timecode"] = timecode
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt, video.codec_context.time_base = 64, 48, "yuv420p", 1 / rate
        audio = container.add_stream("pcm_s16le", rate=HZ, layout="stereo")
        for at in range(frames):
            picture = np.full((48, 64, 3), 30 + 7 * at % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = at, 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        silence = np.zeros((1, 2 * round(frames / rate * HZ)), np.int16)
        frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = HZ, 0, Fraction(1, HZ)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


def noise(path: Path, seconds: float = 8.0, seed: int = 0, *, channels: int = 2) -> Path:
    """Noise: any piece of it is found in it at one place only."""
    shape = (channels, round(seconds * HZ))
    write_audio(path, np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32), HZ)
    return path


def timeline(
    rate: Fraction, start: str = "00:00:00:00", *placements: Placement, marks: tuple[Mark, ...] = ()
) -> Timeline:
    """Four seconds of a clip that need not exist, with placements of tracks of a minute."""
    frame, drop = frame_at(start, rate) or (0, False)
    sound = Sound(HZ, 2, 60.0)
    seen = Footage(rate, round(4 * rate), 1280, 720, start, sound)
    music = [Music(p, p.track.stem, sound, parts_of(p, seen, sound), frames_of(sound, rate)) for p in placements]
    return Timeline(ODD, Path(f"/films/{ODD}.mov"), seen, tuple(music), marks, frame, drop, 0.0)


def placement(*pieces: tuple[float, float], name: str = ODD, **known: Any) -> Placement:
    """Pieces of a track that need not exist under a clip of four seconds."""
    clip, track = Path(f"/films/{ODD}.mov"), Path(f"/music/{name}.wav")
    return Placement(clip, 4.0, track, tuple(Stretch(*piece) for piece in pieces), **known)


def heard(path: Path) -> np.ndarray:
    """The left channel of a sound file, resampled to 48 kHz where it has another rate, float64 [n]."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="dblp", rate=HZ)
        decoded = [*container.decode(audio=0), None]
        frames = [piece for frame in decoded for piece in resampler.resample(frame) if piece is not None]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def found_in(source: np.ndarray, sound: np.ndarray, at_s: float, length_s: float = 0.05) -> tuple[float, float]:
    """(second of `source` that sounds at `at_s` of `sound`, gain in dB there); raises where nothing of it does."""
    piece = sound[round(at_s * HZ) : round((at_s + length_s) * HZ)]
    size = 1 << (len(source) + len(piece)).bit_length()
    spectrum = np.fft.rfft(source, size) * np.conj(np.fft.rfft(piece, size))
    likeness = np.fft.irfft(spectrum, size)[: len(source) - len(piece) + 1]
    power = np.concatenate([[0.0], np.cumsum(np.square(source))])
    power = np.maximum(power[len(piece) :] - power[: len(likeness)], 1e-3 * (piece @ piece))
    place = int((likeness / np.sqrt(power)).argmax())
    other = source[place : place + len(piece)]
    assert piece @ other > 0.9 * np.sqrt((piece @ piece) * (other @ other)), f"nothing of the source at {at_s} s"
    return place / HZ + at_s - round(at_s * HZ) / HZ, 20 * np.log10(piece @ other / (other @ other))


def melt(project: Path, out: Path) -> np.ndarray:
    """What MLT's `melt` renders of the sound of a project.

    It decodes `%20` in the name of the project itself, which therefore gets a plain one. One start in ten it hangs
    before it has written anything: it is then started again.
    """
    command, project = require("melt"), project.replace(out.with_suffix(project.suffix))
    consumer = [f"avformat:{out}", "real_time=-1", "vn=1", "acodec=pcm_s16le", f"ar={HZ}", "ac=2"]
    for _ in range(8):
        out.unlink(missing_ok=True)
        with subprocess.Popen(
            [command, f"xml:{project}", "-consumer", *consumer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            if _ends(process, out):
                return heard(out)
            process.kill()
    raise AssertionError("melt did not render in eight tries")


def _ends(process: subprocess.Popen, out: Path, *, start_s: float = 6.0, limit_s: float = 30.0) -> bool:
    """Whether a process ends well within `limit_s`, having written something to `out` after `start_s`."""
    since = time.monotonic()
    while (passed_s := time.monotonic() - since) < limit_s:
        if process.poll() is not None:
            return process.returncode == 0 and out.is_file() and out.stat().st_size > 0
        if passed_s > start_s and not (out.is_file() and out.stat().st_size):
            return False
        time.sleep(0.05)
    return False


_CAPS = r"audio/x-raw\,\ format\=\(string\)S16LE\,\ rate\=\(int\)48000\,\ channels\=\(int\)2"


def ges(project: Path, out: Path) -> np.ndarray:
    """What GStreamer Editing Services render of the enabled sound of an .otio, as OpenTimelineIO hands it over."""
    command, otio = require("ges-launch-1.0"), pytest.importorskip("opentimelineio")
    whole = otio.adapters.read_from_file(str(project))
    for track in list(whole.tracks):
        if not track.enabled or track.kind == otio.schema.TrackKind.Video:
            whole.tracks.remove(track)
            continue
        for clip in track.find_clips():
            _count_from_zero(otio, clip)
    there = out.with_suffix(".xges")
    otio.adapters.write_to_file(whole, str(there), adapter_name="xges")
    document = tree.parse(there)
    for track in document.iter("track"):
        track.set("properties", f'properties, mixing=(boolean)true, restriction-caps=(string)"{_CAPS}";')
    document.write(there)
    options = ["--no-interactive", "--track-types=audio", "--load", there, "-f", "audio/x-wav:audio/x-raw"]
    subprocess.run(
        [command, *options, "-o", out.as_uri()], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    return heard(out)


def _count_from_zero(otio: Any, clip: Any) -> None:
    """GES counts files from their beginning and not by their timecode; effects that it does not know end it."""
    del clip.effects[:]
    whole, span = clip.media_reference.available_range, clip.source_range
    clip.source_range = otio.opentime.TimeRange(span.start_time - whole.start_time, span.duration)
    zero = otio.opentime.RationalTime(0, whole.duration.rate)
    clip.media_reference.available_range = otio.opentime.TimeRange(zero, whole.duration)


def require(command: str) -> str:
    """Where a program is; skips the test where it is not installed."""
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"{command} is not installed (.ci/run installs it)")
    return os.fspath(found)


def fcpxml_clips(path: Path) -> Iterator[tuple[str, Fraction, Fraction, Fraction]]:
    """(src, second after the timeline's beginning, first second of the source, length) of an FCPXML's clips, exact."""
    root = tree.parse(path).getroot()
    sources = {one.get("id"): one.find("media-rep").get("src") for one in root.iter("asset")}
    sequence = root.find("library/event/project/sequence")
    for clip in sequence.find("spine"):
        offset, start = seconds(clip.get("offset")) - seconds(sequence.get("tcStart")), seconds(clip.get("start"))
        yield sources[clip.get("ref")], offset, start, seconds(clip.get("duration"))
        for inner in clip.iter("asset-clip"):
            if inner is not clip:
                at = offset + seconds(inner.get("offset")) - start
                yield sources[inner.get("ref")], at, seconds(inner.get("start")), seconds(inner.get("duration"))


def seconds(text: str) -> Fraction:
    """Of FCPXML's `1001/24000s`."""
    assert text.endswith("s")
    return Fraction(text[:-1])
