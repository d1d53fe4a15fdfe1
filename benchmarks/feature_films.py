"""Films of feature length, joined from shots of real clips by FFmpeg, for `benchmarks/feature_film.py`."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scenes_films as films

from recommender.extractors.video.parts import Reading
from recommender.media import stereo
from recommender.media.footage import footage
from recommender.types import Array

FFMPEG = shutil.which("ffmpeg") or "ffmpeg"
FPS, WIDTH, HEIGHT, RATE_HZ = 24, 960, 540, stereo.RATE_HZ
LOOKS = 60
"""Sources of scenes: a clip with a light, a colour and a part of the picture of its own."""
SHOT_S, SCENE_S = (2.0, 6.0), (10.0, 300.0)
MEDIAN_S, SPREAD = 40.0, 0.8
"""Of the lengths of scenes, log-normal."""
DARK, DARK_S = 0.15, 1.5
"""Share of scenes that follow upon black, and how long that is."""
CREDITS = 0.03
"""Share of the film that is text on black, at its end."""
VOICE_S = 60
"""Of each recording of somebody who speaks."""
SOUNDS = ("speech", "ambience", "quiet")


class Feature(NamedTuple):
    """A film with when its scenes begin in s, the first at 0; black between scenes belongs to none."""

    path: Path
    starts_s: list[float]


def feature(folder: Path, data: Path, minutes: float, *, speech: Sequence[Path], seed: int) -> Feature:
    """A film of so many minutes, made where it is not there."""
    rng, path = np.random.default_rng(seed), folder / f"feature {minutes:g} min.mp4"
    looks = [_shots(folder, source, number) for number, source in enumerate(_sources(data, rng))]
    black = _text(folder, "black", DARK_S, lines=0)
    credits_s = 60 * minutes * CREDITS
    shown: list[Path] = []
    starts, kinds, at = list[float](), list[str](), 0.0
    while at < 60 * minutes - credits_s:
        if shown and rng.random() < DARK:
            shown, at = [*shown, black], at + DARK_S
        starts, kinds = [*starts, at], [*kinds, str(rng.choice(SOUNDS, p=(0.45, 0.35, 0.2)))]
        length_s = float(np.clip(rng.lognormal(np.log(MEDIAN_S), SPREAD), *SCENE_S))
        ends, shots = at + length_s, looks[int(rng.integers(len(looks)))]
        while at < ends:
            shot = shots[int(rng.integers(len(shots)))]
            shown, at = [*shown, shot[0]], at + shot[1]
    shown.append(_text(folder, f"credits {minutes:g}", credits_s, lines=40))
    if not path.exists():
        _join(path, shown, _sound([*starts[1:], at, at + credits_s], [*kinds, "quiet"], speech, rng))
    return Feature(path, [*starts, at])


def repeat(film: Feature, times: int) -> Feature:
    """The same film so many times, one after the other; black and credits included."""
    path = film.path.with_stem(f"{film.path.stem} x {times}")
    lists = path.with_suffix(".pictures.txt"), path.with_suffix(".sound.txt")
    lists[0].write_text(film.path.with_suffix(".txt").read_text(encoding="utf-8") * times, encoding="utf-8")
    lists[1].write_text(f"file '{film.path.resolve()}'\n" * times, encoding="utf-8")
    if not path.exists():
        read = [word for one in lists for word in ("-f", "concat", "-safe", "0", "-i", str(one))]
        how = ["-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart"]
        subprocess.run([FFMPEG, "-v", "error", "-y", *read, *how, str(path)], check=True)
    lasts_s = length_s(film.path)
    return Feature(path, [n * lasts_s + at for n in range(times) for at in film.starts_s])


def length_s(film: Path) -> float:
    """How long the pictures of a film are shown: it comes back after so long where it is repeated."""
    return float(Fraction(footage(film).frames, FPS))


def tile(reading: Reading, lasts_s: float, times: int) -> Reading:
    """What was read of a film, as if it were read of the film so many times."""
    measured, found = reading.measured, reading.measured.found
    after = [n * lasts_s for n in range(times)]
    steps = [one._replace(start_s=one.start_s + at, end_s=one.end_s + at) for at in after for one in found.steps]
    shifted = {
        name: np.concatenate([getattr(found, name) + at for at in after]) for name in ("still_s", "cut_s", "look_s")
    }
    same = {name: np.concatenate([getattr(found, name)] * times) for name in ("hold_s", "cut", "assumed")}
    same |= {name: np.concatenate([getattr(found, name)] * times) for name in ("stills", "looks")}
    whole = replace(found, steps=steps, frames=times * found.frames, **shifted, **same)
    slow = tuple(at + since for since in after for at in reading.dissolve_s)
    return Reading(measured._replace(found=whole, duration_s=times * lasts_s), slow)


def _sources(data: Path, rng: Any) -> Iterator[tuple[Path, str]]:
    """Clips with what is made of their picture, as filters of FFmpeg."""
    clips = [path for path in films.clips(data).values() if films.is_long(path)]
    for number in range(LOOKS):
        zoom, x, y = rng.uniform(1.0, 1.5), rng.uniform(), rng.uniform()
        light = f"eq=brightness={rng.uniform(-0.12, 0.12):.2f}:saturation={rng.uniform(0.3, 1.5):.2f}"
        part = f"crop=iw/{zoom:.2f}:ih/{zoom:.2f}:(iw-ow)*{x:.2f}:(ih-oh)*{y:.2f}"
        flip = "hflip," if rng.random() < 0.5 else ""
        yield clips[number % len(clips)], f"{part},{flip}{light}"


def _shots(folder: Path, source: tuple[Path, str], number: int) -> list[tuple[Path, float]]:
    """The shots of one look, each a file that can be joined, and how long they last in s."""
    clip, look = source
    rng, at = np.random.default_rng(number), [0]
    frames = films.frames_of(clip) * FPS // films.FPS
    while at[-1] < frames - round(2 * SHOT_S[0] * FPS):
        at.append(min(at[-1] + round(rng.uniform(*SHOT_S) * FPS), frames))
    paths = [folder / f"look {number:02} {shot:02}.ts" for shot in range(len(at) - 1)]
    for path, (start, end) in zip(paths, pairwise(at), strict=True):
        fill = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase,crop={WIDTH}:{HEIGHT},setsar=1"
        part = f"fps={FPS},trim=start_frame={start}:end_frame={end},setpts=PTS-STARTPTS,{look},{fill}"
        if not path.exists():
            _encode(["-i", str(clip), "-vf", part], path)
    return [(path, (end - start) / FPS) for path, (start, end) in zip(paths, pairwise(at), strict=True)]


def _text(folder: Path, name: str, length_s: float, *, lines: int) -> Path:
    """Black, with lines of text that move up."""
    path, text = folder / f"{name}.ts", folder / f"{name}.txt"
    text.write_text("\n\n".join(f"Somebody of the crew {number}" for number in range(lines)), encoding="utf-8")
    source = f"color=black:s={WIDTH}x{HEIGHT}:r={FPS}:d={length_s}"
    rolls = f"drawtext=textfile='{text}':fontcolor=white:fontsize=28:x=(w-tw)/2:y=h-(h+th)*t/{length_s}"
    if not path.exists():
        _encode(["-f", "lavfi", "-i", source, *(["-vf", rolls] if lines else [])], path)
    return path


def _encode(what: Sequence[str], path: Path) -> None:
    how = ["-an", "-c:v", "libx264", "-preset", "superfast", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1"]
    subprocess.run([FFMPEG, "-v", "error", "-y", *what, *how, str(path)], check=True)


def _sound(ends: Sequence[float], kinds: Sequence[str], speech: Sequence[Path], rng: Any) -> Iterator[Array]:
    """float32 [n] by scene: people who speak, a place that sounds, or next to nothing."""
    blocks = [block.mean(axis=0) for path in speech for block in stereo.track_sound(path, 0, VOICE_S * RATE_HZ)]
    said = np.concatenate(blocks)
    for kind, start_s, end_s in zip(kinds, [0.0, *ends], ends, strict=False):
        noise = rng.standard_normal(round(end_s * RATE_HZ) - round(start_s * RATE_HZ)).astype(np.float32)
        place = np.convolve(noise, np.full(64, 1 / 64, np.float32), "same")
        level = {"speech": 0.004, "ambience": 0.02, "quiet": 0.0003}[kind]
        begin = int(rng.integers(len(said)))
        yield level * 8 * place + (np.resize(np.roll(said, -begin), len(noise)) if kind == "speech" else 0)


def _join(path: Path, shown: Sequence[Path], sound: Iterator[Array]) -> None:
    listed = path.with_suffix(".txt")
    listed.write_text("".join(f"file '{one.resolve()}'\n" for one in shown), encoding="utf-8")
    pcm = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "1", "-i", "-"]
    how = ["-c:v", "copy", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(path)]
    pictures = ["-f", "concat", "-safe", "0", "-i", str(listed)]
    with subprocess.Popen([FFMPEG, "-v", "error", "-y", *pictures, *pcm, *how], stdin=subprocess.PIPE) as made:
        assert made.stdin is not None
        for block in sound:
            made.stdin.write(block.astype(np.float32).tobytes())
        made.stdin.close()
    if made.returncode:
        raise SystemExit(f"FFmpeg could not join {path}")
