"""How often told beats, bars and downbeats are right, beside librosa's, and what they cost.

    pip install librosa mir_eval
    python benchmarks/beats.py ../shared [--renders FOLDER] [--out docs/results/beats.md]

Songs and what is known of them: `beats_data.py`. Scores: mir_eval (beat F within 70 ms; CMLt, and AMLt, which allows
half, double and off-beat; the first five seconds are left out). Peer: `librosa.beat.beat_track` with its defaults. A
metronome at our tempo that starts anywhere shows what the tempo alone gives. What is told by parameters that were
fitted without the song: `beats_fit.py`. CPU is of this process, one thread, over tracks of `macleod`.
Rendering needs fluidsynth and a soundfont.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import measuring

# isort: split
import librosa
import numpy as np
from beats_data import Song, corpora
from beats_fit import DEALS, FOLDS, Heard, Scores, as_told, by_folds, chosen, fit, listen, scores
from tempo_key_data import RENDERS

from recommender.extractors.audio import bars, beats, music
from recommender.extractors.audio.stft import SR_HZ, Clock
from recommender.media import audio_blocks
from training.evaluation.intervals import paired_bootstrap

STARTS = 20
SURE = (0.0, 0.85, 0.95, 1.01)
TRACKS = 20
CLICKS_BPM = (66.0, 90.0, 113.7, 140.0, 171.0)


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/ and cases/")
    options.add_argument("--renders", type=Path, default=RENDERS, help="where rendered music is kept")
    args = options.parse_args()
    found = dict(corpora(args.shared, args.renders))
    absent = [f"- {name} is left out: {why}" for name, why in found.items() if isinstance(why, str)]
    known = {name: [listen(s, name) for s in songs] for name, songs in found.items() if not isinstance(songs, str)}
    peers = {name: [peer(heard.song) for heard in several] for name, several in known.items()}
    tracks = sorted((args.shared / "data" / "macleod").glob("*.mp3"))[:TRACKS]
    measuring.publish(report(known, peers, absent, tracks), args.out)


def peer(song: Song) -> Scores:
    """The scores of librosa's beats; it tells no bars."""
    _, told = librosa.beat.beat_track(y=song.sound(), sr=SR_HZ, units="time")
    return scores(song, told, np.zeros(0), None)


def report(
    known: Mapping[str, Sequence[Heard]],
    peers: Mapping[str, Sequence[Scores]],
    absent: Sequence[str],
    tracks: Sequence[Path],
) -> str:
    """All tables in markdown."""
    every = [heard for several in known.values() for heard in several]
    return "\n".join(
        [
            "# Beats, bars and downbeats",
            "",
            "Made by `python benchmarks/beats.py ../shared --out docs/results/beats.md`, which says how.",
            f"{measuring.environment('librosa', 'mir_eval', 'numpy')}.",
            "",
            *absent,
            *beat_table(known, peers),
            *bar_table(known, every),
            *fold_table(known, every),
            *sureness(every),
            *timing(known.get("pop909", ())),
            *cost(tracks),
        ]
    )


def beat_table(known: Mapping[str, Sequence[Heard]], peers: Mapping[str, Sequence[Scores]]) -> list[str]:
    """Beats by corpus: ours, librosa's, and a metronome's."""
    rows = ["## Beats", "", "| music | songs | by | F, mean (deviation) | AMLt | CMLt | F less librosa's, 95 % |"]
    rows.append("|---|---|---|---|---|---|---|")
    for name, several in known.items():
        ours, theirs = [as_told(heard) for heard in several], peers[name]
        gain = paired_bootstrap(np.array([s.f for s in ours]), np.array([s.f for s in theirs]))
        against = f"{gain.estimate:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        rows += [_row(name, "ours", ours, against), _row(name, "librosa", theirs, "")]
        rows.append(_row(name, "metronome", [s for heard in several for s in metronomes(heard)], "", len(several)))
    return [*rows, ""]


def _row(name: str, by: str, found: Sequence[Scores], against: str, songs: int | None = None) -> str:
    table = np.array([s[:3] for s in found])
    f, amlt, cmlt = table.mean(axis=0)
    return (
        f"| {name} | {songs or len(found)} | {by} | {f:.3f} ({table[:, 0].std(ddof=1):.3f}) | {amlt:.3f} | {cmlt:.3f} "
        f"| {against} |"
    )


def metronomes(heard: Heard) -> list[Scores]:
    """What beats at the told tempo score that start anywhere, downbeats every fourth."""
    if heard.bpm is None:
        return [as_told(heard)]
    step, end = 60 / heard.bpm, float(heard.song.beats_s[-1])
    told = [np.arange(part * step / STARTS, end, step) for part in range(STARTS)]
    return [scores(heard.song, times, times[i % 4 :: 4], 4) for i, times in enumerate(told)]


def bar_table(known: Mapping[str, Sequence[Heard]], every: Sequence[Heard]) -> list[str]:
    """Downbeats and metres by corpus, as told and by folds; by chance downbeats are every fourth beat from any on."""
    told = by_folds(every)
    rows = [
        "## Bars",
        "",
        f"By folds: {FOLDS} folds over songs, dealt {DEALS} times, weights fitted without the song;",
        "by chance: every fourth of our beats, from any of four on.",
        "",
        "| music | songs | downbeat F by folds | as told | by chance | by folds, level right | metre right |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, several in known.items():
        mine = [(heard, s) for heard, s in told if heard.corpus == name]
        level = [s.down_f for _, s in mine if s.cmlt > 0.8]
        chance = np.mean([s.down_f for heard in several for s in any_bars(heard)])
        metre = np.mean([s.metre for _, s in mine])
        rows.append(
            f"| {name} | {len(several)} | {np.mean([s.down_f for _, s in mine]):.3f} "
            f"| {np.mean([as_told(heard).down_f for heard in several]):.3f} | {chance:.3f} "
            f"| {np.mean(level):.3f} ({len(level) // DEALS} songs) | {100 * metre:.0f} % |"
        )
    weights = fit(every)
    rows += ["", "| evidence of a downbeat | fitted to all | in use |", "|---|---|---|"]
    for (name, kept), fitted in zip([*bars.WEIGHTS.items(), ("an average beat", bars.LOG_ODDS)], weights, strict=True):
        rows.append(f"| {name} | {fitted:.2f} | {kept} |")
    return [*rows, ""]


def any_bars(heard: Heard) -> list[Scores]:
    """The scores of our beats with a downbeat every fourth, from each of four."""
    told = heard.beats.times_s
    return [scores(heard.song, told, told[first::4], 4) for first in range(4)]


def fold_table(known: Mapping[str, Sequence[Heard]], every: Sequence[Heard]) -> list[str]:
    """The beats of `pop909` with parameters that were chosen without the song."""
    if "pop909" not in known:
        return []
    table, spread = chosen(known["pop909"])
    f, amlt = table.mean(axis=0)
    return [
        "## Parameters of the tracker",
        "",
        f"Chosen among 27 settings by {FOLDS} folds over the songs of `pop909`, dealt {DEALS} times: F {f:.3f}, AMLt",
        f"{amlt:.3f}; over the settings F goes from {spread[0]:.3f} to {spread[1]:.3f}.",
        "",
    ]


def sureness(every: Sequence[Heard]) -> list[str]:
    """How good beats are by the confidence told with them."""
    seen = [(heard.beats.confidence, as_told(heard)) for heard in every]
    rows = ["## Confidence", "", "| told | songs | F | AMLt | AMLt at least .9 |", "|---|---|---|---|---|"]
    for low, high in pairwise(SURE):
        some = [s for sure, s in seen if sure is not None and low <= sure < high]
        if some:
            f, amlt = np.array([s[:2] for s in some]).mean(axis=0)
            good = 100 * np.mean([s.amlt >= 0.9 for s in some])
            rows.append(f"| {low:.2f} to {min(high, 1):.2f} | {len(some)} | {f:.3f} | {amlt:.3f} | {good:.0f} % |")
    return [*rows, ""]


def timing(songs: Sequence[Heard]) -> list[str]:
    """How late told beats are, on clicks and on rendered songs."""
    rows = ["| late by | median | middle nine tenths |", "|---|---|---|"]
    clicks = [off for bpm in CLICKS_BPM for off in _off(*_clicked(bpm))]
    notes = [off for heard in songs for off in _off(heard.song.beats_s, heard.beats.times_s)]
    for name, off in (("clicks at five tempi", clicks), ("pop909, of the notes in the MIDI file", notes)):
        if off:
            low, middle, high = np.quantile(1000 * np.array(off), (0.05, 0.5, 0.95))
            rows.append(f"| {name} | {middle:.1f} ms | {low:.1f} to {high:.1f} ms |")
    return ["## Timing", "", *rows, ""]


def _clicked(bpm: float) -> tuple[np.ndarray, np.ndarray]:
    """Times of clicks, and the beats that are told of them."""
    there = np.arange(0.5, 60, 60 / bpm)
    y = np.zeros(61 * SR_HZ, np.float32)
    burst = 0.3 * np.random.default_rng(0).normal(size=600) * np.exp(-np.arange(600) / 100)
    for first in np.round(there * SR_HZ).astype(int):
        y[first : first + 600] += burst
    found = music.from_blocks([y]).beats
    return there, beats.from_bytes(found or b"").times_s


def _off(there: np.ndarray, told: np.ndarray) -> list[float]:
    """How much later the nearest told beat is than each, where it is within 70 ms."""
    if not len(told):
        return []
    nearest = told[np.abs(there[:, None] - told).argmin(axis=1)] - there
    return nearest[np.abs(nearest) < 0.07].tolist()


def cost(tracks: Sequence[Path]) -> list[str]:
    """CPU per minute of music of beats and bars alone, and of the whole analysis with them."""
    if not tracks:
        return []
    alone = whole = minutes = 0.0
    for path in tracks:
        clock = Clock()
        frames, slow, _ = music._series(audio_blocks(path, SR_HZ, music.BLOCK_S), clock)
        bpm = music.extract(path).facts["bpm"]
        told = None if bpm is None else float(bpm)
        alone += measuring.cpu(lambda f=frames, s=slow, b=told: beats.estimate(f, s, b))
        whole += measuring.cpu(lambda p=path: music.extract(p))
        minutes += clock.duration_s / 60
    return [
        "## Cost",
        "",
        f"Beats and bars: {alone / minutes:.4f} s of CPU per minute of music, "
        f"{100 * alone / whole:.1f} % of decoding and measuring it ({len(tracks)} tracks, {minutes:.0f} minutes).",
        "",
    ]


if __name__ == "__main__":
    main()
