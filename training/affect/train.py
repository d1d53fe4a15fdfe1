"""`recommend train affect`: the built-in model folder from the rated corpora, with its card."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.errors import InputError
from recommender.extractors.audio import music
from recommender.extractors.video import clip
from recommender.model.affect import STILL
from training.affect.card import card
from training.affect.fit import Progress, Trained
from training.affect.midi import find_synth, renderings_cache
from training.affect.music import train_music
from training.affect.video import TrainedVideo, train_video
from training.datasets import DATASETS
from training.learning.model_folder import as_json, files_of, pack, writable, write
from training.learning.versions import environment

SPACE = {"side": 8, "reach": 1.5, "bandwidth": 0.2}
"""The affect space of the model (see recommender.affect.space for what the numbers mean)."""

NAME = "builtin"
PACKAGES = ("numpy", "scipy", "av", "opencv-python-headless")
DIGITS = 6
"""Significant digits of the figures in report.json: below what differs between machines, above what is meant."""


@dataclass(frozen=True)
class AffectReport:
    """What a training run made: the folder, its files, and the figures as written to report.json."""

    folder: Path
    files: tuple[str, ...]
    report: dict[str, Any]

    def lines(self) -> list[str]:
        """Lines for people: per axis r out of fold with its spread and chance; then how far music carries over."""
        out = []
        for modality in ("music", "video"):
            for axis in ("valence", "arousal"):
                f = self.report[modality][axis]
                out.append(
                    f"{modality} {axis}: r {f['r_mean']:.2f} ± {f['r_sd']:.2f} over {self.report['seeds']} seeds "
                    f"({f['items']} items, {f['groups']} groups; chance {f['chance_r_mean']:+.2f}, "
                    f"95 % below {f['chance_r_95']:.2f})"
                )
        music, video = self.report["music"], self.report["video"]
        return [*out, *_describe(music["described"]), *_carry_lines(music["across_corpora"]), *_clips(video)]


def train_affect(
    data: Path,
    out: Path,
    seeds: int = 5,
    *,
    soundfont: Path | None = None,
    cache: Path | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> AffectReport:
    """The report of training both affect predictors on `data` and writing a model folder to `out`.

    data:        the folder holding vgmidi/, oasis/, clips/ or activity/ and, if there, pmemo320/ and music/.
    seeds:       number of different sets of grouped folds the figures are averaged over, at least 1.
    soundfont:   what renders VGMIDI; the first found in the usual folders by default.
    cache:       where renderings are kept; the user's cache folder by default.
    on_progress: called with (stage, done, total).

    Raises InputError when data, fluidsynth or a soundfont are missing, or `out` cannot be written. Nothing is written
    then.
    """
    if seeds < 1:
        raise InputError(f"seeds must be at least 1, got {seeds}")
    progress: Progress = on_progress or (lambda stage, done, total: None)
    synth = find_synth(soundfont)
    writable(out)
    music_part = train_music(data, synth, cache or renderings_cache(), seeds=seeds, progress=progress)
    video_part = train_video(data, seeds, progress)
    report = _report(music_part, video_part, seeds)
    files = _files(music_part, video_part, report)
    write(out, files)
    return AffectReport(out, tuple(files), report)


def _describe(found: dict[str, Any] | None) -> list[str]:
    """A line per axis of how produced tracks are read that took no part."""
    return [
        f"produced tracks, {axis} by their composer's words: AUC {f['auc']:.2f} ({f['low']:.2f} to {f['high']:.2f}; "
        f"{f['above'] + f['below']} tracks, chance 0.50)"
        for axis, f in ((axis, areas["all"]) for axis, areas in (found or {"auc": {}})["auc"].items())
    ]


def _carry_lines(across: dict[str, Any] | None) -> list[str]:
    """A line per direction and axis of what carries over between the two music corpora."""
    ways = {"to_pmemo": "VGMIDI to PMEmo", "from_pmemo": "PMEmo to VGMIDI"} if across else {}
    return [
        f"music {name.replace('_', ' ')}, {label}: r {f['r']:.2f} ({f['low']:.2f} to {f['high']:.2f}; chance, 95 % "
        f"below {f['chance_r_95']:.2f})"
        for way, label in ways.items()
        for name, f in (across or {})[way].items()
    ]


def _clips(video: dict[str, Any]) -> list[str]:
    """Lines on unseen families of pictures and on clips."""
    families = [
        f"pictures {axis}, whole families left out: r {f['r']:.2f} ({f['low_95']:.2f} to {f['high_95']:.2f})"
        for axis, f in video["families"].items()
    ]
    area = video["activity"]["all"]
    interval = f"{area['auc']:.2f} ({area['low_95']:.2f} to {area['high_95']:.2f}"
    clips = f"{interval}; {video['activity']['clips']} clips, chance 0.50)"
    return [*families, f"clips, calm against busy, sources left out: AUC {clips}"]


def _report(music_part: Trained, video_part: TrainedVideo, seeds: int) -> dict[str, Any]:
    report: dict[str, Any] = {
        "format": 1,
        "command": f"recommend train affect --data DATA --out FOLDER --seeds {seeds}",
        "seeds": seeds,
        "versions": environment(PACKAGES),
        "features": {"music": music.REVISION, "video": clip.REVISION},
        "data": {name: {"licence": d.licence, "citation": d.citation, "url": d.url} for name, d in DATASETS.items()},
        "music": music_part.report,
        "video": video_part.report,
    }
    rounded: dict[str, Any] = _round(report)
    return rounded


def _files(music_part: Trained, video_part: TrainedVideo, report: dict[str, Any]) -> dict[str, str | bytes]:
    """Every file of the folder, by name; the manifest last, as it makes the folder a model."""
    models = {"music": music_part.model, "video": video_part.model, STILL: video_part.still}
    entry, weights = pack(video_part.heads.tensors())
    manifest = {
        "format": 1,
        "name": NAME,
        "features": report["features"],
        "affect": {name: f"affect-{name}.json" for name in models},
        "space": SPACE,
        **entry,
    }
    predictors: dict[str, str | bytes] = {f"affect-{n}.json": as_json(model.to_json()) for n, model in models.items()}
    return predictors | files_of(manifest, weights, report, card=card(report, music_part, video_part))


def _round(value: Any) -> Any:
    """`value` with every float at DIGITS significant digits; a float that is not finite becomes None."""
    if isinstance(value, dict):
        return {k: _round(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_round(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if value == value and abs(value) != float("inf") else None
    return value
