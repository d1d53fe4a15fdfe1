"""Previews of real clips with real music: where the music begins, what of the pictures stays, how loud it is.

    python benchmarks/preview.py [--out docs/results/preview.md]

Reads `../shared/data` (clips, activity, music, macleod). Levels are measured by FFmpeg's `ebur128` on the decoded film,
time by correlation with the source, decoded here, pictures by their packets; none of it by the code that is measured.
Settings (the AAC coder's, the headroom for it, pauses, fades) were chosen on the four tracks of CHOSEN_ON, which are
left out here. Speech: the sentences in `clips/tests__data__test.avi`, cut out and laid where it is known, silence
between. What it costs: `preview_cost.py`.
"""

import sys
import tempfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import measuring
import numpy as np

from recommender.editing.placement import Stretch
from recommender.editing.placing import Levels, place
from recommender.editing.preview import preview_suffix, write_preview
from recommender.editing.stem import write_stem
from recommender.errors import CliptuneError
from recommender.media import probe

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED, RATE = 18, 48_000
CHOSEN_ON = ("07 - Town", "13 - Danger", "Kevin_MacLeod_-_Vibe_Ace", "JRPG_battle_loop")
SENTENCES = (Stretch(0.13, 2.37), Stretch(2.94, 5.09))
PARTS = ("in_points", "kept_pictures", "loudness_alone", "loudness_under_speech")
CODECS = {
    ".wav": ("wav", "pcm_s16le", "s16"),
    ".flac": ("flac", "flac", "s16"),
    ".mp3": ("mp3", "libmp3lame", "fltp"),
    ".m4a": ("mp4", "aac", "fltp"),
    ".ogg": ("ogg", "libopus", "flt"),
}


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--part", choices=PARTS, help="only this part")
    args = options.parse_args()
    if not DATA.is_dir():
        print(f"needs {DATA}, which is not there", file=sys.stderr)
        raise SystemExit(1)
    with tempfile.TemporaryDirectory() as folder:
        report = []
        for part in [args.part] if args.part else PARTS:
            report.append(globals()[part](Path(folder)))
            print(report[-1], file=sys.stderr, flush=True)
    command = "Made by `python benchmarks/preview.py --out docs/results/preview.md`."
    head = f"# Previews\n\n{measuring.environment('numpy', 'scipy', 'av')}; seed {SEED}.\n{command}\n"
    return measuring.publish("\n".join([head, *report]), args.out)


def tracks() -> list[Path]:
    """The music that nothing was chosen on, every third of it so that all collections are there."""
    found = [path for kind in ("music/*.ogg", "macleod/*.mp3") for path in sorted(DATA.glob(kind))]
    return [path for path in found if path.stem not in CHOSEN_ON][::3]


def clips() -> list[Path]:
    found = [*sorted((DATA / "clips").iterdir()), *sorted((DATA / "activity").iterdir())]
    return [path for path in found if path.suffix in (".mp4", ".webm", ".avi", ".gif")]


def decoded(path: Path, *, rate: int = RATE) -> tuple[float, np.ndarray]:
    """The stamp of the first sample in seconds, and float32 [2, n] of all at `rate`."""
    with av.open(str(path)) as container:
        resampler, parts, first = av.AudioResampler("fltp", "stereo", rate), [], None
        for frame in container.decode(audio=0):
            first = frame.time if first is None else first
            frame.pts = None
            parts += [piece.to_ndarray() for piece in resampler.resample(frame)]
        parts += [piece.to_ndarray() for piece in resampler.resample(None) if piece is not None]
    return first or 0.0, np.concatenate(parts, axis=1)


def ebur128(y: np.ndarray) -> tuple[float, float]:
    """(LUFS, dBTP) of float32 [2, n] at 48 kHz by FFmpeg."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="stereo", time_base=Fraction(1, RATE))
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T).reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    source.push(frame)
    source.push(None)
    told: dict[str, str] = {}
    with suppress(EOFError):
        while True:
            told |= sink.pull().metadata  # none beside the last, shorter one
    return float(told["lavfi.r128.I"]), 20 * np.log10(float(told["lavfi.r128.true_peak"]))


def packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """When each picture is shown, in seconds after the first one, and its bytes."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [(p.pts * stream.time_base, bytes(p)) for p in container.demux(stream) if p.size]
    first = min(shown for shown, _ in found)
    return [(shown - first, data) for shown, data in found]


def lag(y: np.ndarray, of: np.ndarray) -> float:
    """How many samples later `of` lies in `y`, by the peak of their correlation and its neighbours."""
    size = 1 << (len(y) + len(of)).bit_length()
    matches = np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(of, size)), size)
    at = int(np.argmax(matches))
    before, peak, after = (matches[(at + d) % size] for d in (-1, 0, 1))
    return (at if at < size // 2 else at - size) + 0.5 * (before - after) / (before - 2 * peak + after)


def transcoded(path: Path, suffix: str, folder: Path) -> Path:
    """A track in another codec."""
    kind, codec, form = CODECS[suffix]
    out = folder / f"track{suffix}"
    with av.open(str(path)) as source, av.open(str(out), "w", format=kind) as target:
        rate = RATE if codec == "libopus" else 44_100
        stream = target.add_stream(codec, rate=rate, layout="stereo")
        stream.codec_context.format = form
        resampler, at = av.AudioResampler(form, "stereo", rate, frame_size=1024), 0
        for frame in (*source.decode(audio=0), None):
            if frame is not None:
                frame.pts = None
            for piece in filter(None, resampler.resample(frame)):
                piece.pts, piece.time_base = at, Fraction(1, rate)
                at += piece.samples
                target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out


def in_points(folder: Path) -> str:
    """Errors of the in-point by codec of the track."""
    rng = np.random.default_rng(SEED)
    clip = DATA / "clips" / "bikes.mp4"
    rows, films = [], 0
    for suffix in CODECS:
        errors = []
        for track in tracks()[::7]:
            in_s = float(rng.uniform(0, min(probe(track).duration_s or 0, 40) - 12))
            other = transcoded(track, suffix, folder)
            write_preview(place(clip, other, in_s=in_s), folder / "film.mp4", overwrite=True)
            at_s, film = decoded(folder / "film.mp4")
            source = decoded(track)[1][0]
            begins = round(in_s * RATE)
            section = source[begins + RATE : begins + 8 * RATE]
            errors.append(1000 * ((lag(film[0], section) - RATE) / RATE + at_s - (begins / RATE - in_s)))
            films += 1
        rows.append(f"| {suffix[1:]} | {np.median(np.abs(errors)):.3f} | {np.max(np.abs(errors)):.3f} |")
    table = "\n".join(["| track | median, ms | largest, ms |", "|---|---|---|", *rows])
    return f"## In-point\n\nError against the source before it was coded; {films} films:\n\n{table}\n"


def kept_pictures(folder: Path) -> str:
    """How many clips keep their packets, stamps and length."""
    track = tracks()[0]
    copied, equal, stamped, longer, coded, shortest = 0, 0, 0, 0, [], np.inf
    for clip in clips():
        film = folder / f"film{preview_suffix(clip)}"
        placement = place(clip, track, in_s=1)
        notes = write_preview(placement, film, overwrite=True)
        at_s, y = decoded(film)
        spare_s = at_s + y.shape[1] / RATE - placement.clip_s - start_s(film)
        longer, shortest = longer + (spare_s >= -1e-6), min(shortest, spare_s)
        if notes or clip.suffix == ".gif":
            coded.append(clip.name)
            continue
        before, after = packets(clip), packets(film)
        copied += 1
        equal += [data for _, data in before] == [data for _, data in after]
        stamped += [shown for shown, _ in before] == [shown for shown, _ in after]
    rows = [
        f"| pictures copied, of {len(clips())} clips | {copied} |",
        f"| of these packets equal to the bit | {equal} |",
        f"| and times equal | {stamped} |",
        f"| coded anew | {', '.join(coded) or 'none'} |",
        f"| sound as long as the pictures or longer | {longer} of {len(clips())} (at least {1000 * shortest:.2f} ms) |",
    ]
    return "\n".join(["## Pictures\n", "| | |", "|---|---|", *rows, ""])


def start_s(film: Path) -> float:
    """The stamp of the first picture."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        return min(float(p.pts * stream.time_base) for p in container.demux(stream) if p.pts is not None)


def loudness_alone(folder: Path) -> str:
    """Loudness and peak of films in which nobody speaks, as they are decoded."""
    rng = np.random.default_rng(SEED)
    kinds: dict[str, list[tuple[float, float]]] = {"clips without sound": [], "clips with sound": []}
    sounding = [clip for clip in clips() if probe(clip).has_audio]
    silent = [clip for clip in clips() if clip not in sounding]
    for i, clip in enumerate([*sounding, *silent[::2]]):
        for track in (tracks()[i % len(tracks())],):
            film = folder / f"film{preview_suffix(clip)}"
            in_s = float(rng.uniform(0, 20))
            try:
                placement = place(clip, track, in_s=in_s)
            except CliptuneError:  # shorter than that
                placement = place(clip, track)
            write_preview(placement, film, overwrite=True)
            kind = "clips without sound" if placement.clip_gain_db is None else "clips with sound"
            kinds[kind].append(ebur128(decoded(film)[1]))
    rows = []
    for kind, found in kinds.items():
        lufs, peaks = np.array(found).T
        within = np.mean(np.abs(lufs + 16) <= 0.5)
        rows.append(
            f"| {kind} | {len(lufs)} | {lufs.min():.2f} to {lufs.max():.2f} | {within:.0%} | {peaks.max():.2f} |"
        )
    head = "| films of | films | LUFS | within 0.5 of -16 | highest true peak, dBTP |"
    return "\n".join(["## Where nobody speaks\n", head, "|---|---|---|---|---|", *rows, ""])


def loudness_under_speech(folder: Path) -> str:
    """How far the music is below the sentences."""
    _, own = decoded(DATA / "clips" / "tests__data__test.avi")
    rows = []
    for level_db in (-14, -6, 0):
        differences, peaks = [], []
        clip, spoken = spoken_film(folder, own * 10 ** (level_db / 20))
        voice = ebur128(joined(decoded(clip)[1], spoken))[0]
        for track in tracks()[::3]:
            placement = place(clip, track, in_s=1.0, speech=spoken, levels=Levels())
            write_stem(placement, folder / "stem.wav")
            write_preview(placement, folder / "film.mp4", overwrite=True)
            music = decoded(folder / "stem.wav")[1]
            differences.append(voice - ebur128(joined(music, spoken))[0])
            peaks.append(ebur128(decoded(folder / "film.mp4")[1])[1])
        within = np.mean(np.abs(np.array(differences) - 15) <= 1)
        span = f"{min(differences):.2f} to {max(differences):.2f}"
        rows.append(f"| {voice:.1f} | {len(differences)} | {span} | {within:.0%} | {max(peaks):.2f} |")
    head = "| speech, LUFS | films | music below it, LU | within 1 of 15 | highest true peak, dBTP |"
    return "\n".join(["## Under speech\n", head, "|---|---|---|---|---|", *rows, ""])


def joined(y: np.ndarray, spoken: tuple[Stretch, ...]) -> np.ndarray:
    """What lies in the stretches, one after the other."""
    return np.concatenate([y[:, round(a * RATE) : round(b * RATE)] for a, b in spoken], axis=1)


def spoken_film(folder: Path, own: np.ndarray) -> tuple[Path, tuple[Stretch, ...]]:
    """A film of 14 s with the sentences twice, silence between, and where they are."""
    y, spoken = np.zeros((2, 14 * RATE), np.float32), []
    for at_s, sentence in zip((1.0, 4.2, 8.0, 11.2), SENTENCES * 2, strict=True):
        part = own[:, round(sentence.start_s * RATE) : round(sentence.end_s * RATE)]
        y[:, round(at_s * RATE) : round(at_s * RATE) + part.shape[1]] = part
        spoken.append(Stretch(at_s, at_s + part.shape[1] / RATE))
    path = folder / "spoken.mp4"
    film_of(path, y, fps=10, size=(64, 48))
    return path, tuple(spoken)


def film_of(path: Path, y: np.ndarray, *, fps: int, size: tuple[int, int]) -> None:
    """A film of grey pictures with a sound at 48 kHz, as AAC of 320 kbit/s."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        audio.bit_rate = 320_000
        for k in range(round(y.shape[1] / RATE * fps)):
            grey = np.full((size[1], size[0], 3), 64 + k % 128, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")))
            part = y[:, round(k / fps * RATE) : round((k + 1) / fps * RATE)]
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(part.T).reshape(1, -1), format="flt", layout="stereo"
            )
            frame.sample_rate, frame.pts = RATE, round(k / fps * RATE)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def repeated(clip: Path, times: int, out: Path) -> None:
    """A clip again and again, its packets copied."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        streams = {
            s.index: target.add_stream_from_template(s) for s in (source.streams.video[0], source.streams.audio[0])
        }
        lengths_s = Fraction(2, 25) + max(s.duration * s.time_base for s in source.streams)  # behind what is primed
        held = [p for p in source.demux() if p.size and p.stream_index in streams]
        copies = [(bytes(p), p.stream_index, p.pts, p.dts, p.duration, p.time_base, p.is_keyframe) for p in held]
        for turn in range(times):
            for data, index, pts, dts, duration, base, key in copies:
                packet, later = av.Packet(data), round(turn * lengths_s / base)
                packet.pts, packet.dts, packet.duration, packet.time_base = pts + later, dts + later, duration, base
                packet.is_keyframe, packet.stream = key, streams[index]
                target.mux(packet)


if __name__ == "__main__":
    main()
