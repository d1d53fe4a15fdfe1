"""A track under a clip: where it lies, how loud it is, and a film that shows the clip as it was."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import media_samples
from recommender.editing.limiter import true_peaks
from recommender.editing.loudness import Meter, programme_lufs
from recommender.editing.mix import mix, music_blocks
from recommender.editing.placement import JOINT_S, Placement, Stretch
from recommender.editing.placing import Levels, place, remarks
from recommender.editing.preview import preview_suffix, write_film, write_preview
from recommender.editing.stem import write_stem
from recommender.errors import InputError
from recommender.media import probe
from recommender.media.stereo import RATE_HZ, clip_sound, track_sound
from recommender.text import file_name
from running import refused

SPEECH = (Stretch(1.0, 3.0),)


def noise(seconds: float, level: float = 0.1, seed: int = 0, sr_hz: int = 44100) -> np.ndarray:
    """Noise below 6 kHz, which coders keep; float32 [n]."""
    y = np.random.default_rng(seed).normal(0, 1, round(seconds * sr_hz))
    return (level * np.convolve(y, np.hanning(9) / np.sqrt((np.hanning(9) ** 2).sum()), "same")).astype(np.float32)


def heard(path: Path) -> np.ndarray:
    """float32 [2, n] of a film by its stamps, from its first picture on."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        zero_s = min(float(p.pts * stream.time_base) for p in container.demux(stream) if p.pts is not None)
    blocks = list(clip_sound(path, zero_s))
    at = blocks[0][0]
    y = np.concatenate([y for _, y in blocks], axis=1)
    return np.pad(y, ((0, 0), (at, 0))) if at > 0 else y[:, -at:]


def whole(path: Path) -> np.ndarray:
    return np.concatenate(list(track_sound(path, 0, 10**9)), axis=1)


def loudness(y: np.ndarray) -> float:
    meter = Meter()
    meter.feed(y)
    return programme_lufs(meter.powers)


def pictures(path: Path) -> list[tuple[Fraction, bytes]]:
    """When it is shown, in seconds after the first one, and the bytes of every packet of pictures."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [(p.pts * stream.time_base, bytes(p)) for p in container.demux(stream) if p.size]
    first = min(shown for shown, _ in found)
    return [(shown - first, data) for shown, data in found]


def lag(y: np.ndarray, of: np.ndarray) -> int:
    """How many samples later `of` lies in y."""
    size = 1 << (len(y) + len(of)).bit_length()
    matches = np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(of, size)), size)
    at = int(np.argmax(matches))
    return at if at < size // 2 else at - size


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 4 s, one silent, one with sound in its second to fourth second; tracks of 12 s."""
    folder = tmp_path_factory.mktemp("files")
    y = np.zeros(4 * 44100, np.float32)
    y[44100 : 3 * 44100] = noise(2, 0.1, seed=3)
    media_samples.clip(folder / "silent.mp4", media_samples.ramp(100))
    media_samples.clip(folder / "spoken.mp4", media_samples.ramp(100), y=y)
    media_samples.clip(folder / "loud.mkv", media_samples.ramp(100), y=noise(4, 0.3, seed=4))
    for suffix in (".wav", ".flac", ".mp3", ".m4a"):
        media_samples.sound(folder / f"track{suffix}", np.stack([noise(12, 0.05, 1), noise(12, 0.05, 2)]))
    return folder


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a"])
def test_a_section_begins_where_it_should_whatever_the_codec(files, suffix):
    track = files / f"track{suffix}"
    section = np.concatenate(list(track_sound(track, 240_123, 96_000)), axis=1)
    assert (section == whole(track)[:, 240_123 : 240_123 + 96_000]).all()
    source = whole(files / "track.wav")[0]
    assert abs(lag(source[200_000:400_000], section[0]) - 40_123) <= 1


@pytest.mark.parametrize("clip", ["silent.mp4", "loud.mkv"])
def test_without_speech_clip_and_music_have_the_loudness_asked_for(files, tmp_path, clip):
    placement = place(files / clip, files / "track.flac", in_s=2.5, levels=Levels(lufs=-18))
    write_preview(placement, tmp_path / clip)
    y = heard(tmp_path / clip)
    assert loudness(y) == pytest.approx(-18, abs=0.3)
    assert true_peaks(y).max() <= 10 ** (-1 / 20)
    assert y.shape[1] >= 4 * RATE_HZ


def test_loud_sounds_of_a_clip_are_turned_down_below_the_music_and_quiet_ones_stay(files):
    loud = place(files / "loud.mkv", files / "track.flac", in_s=0)
    own, music = (loudness(y) for y in (whole(files / "loud.mkv"), np.concatenate(list(music_blocks(loud)), axis=1)))
    assert music - (own + loud.clip_gain_db) == pytest.approx(6, abs=0.3)
    assert place(files / "spoken.mp4", files / "track.flac", levels=Levels(lufs=-8)).clip_gain_db == 0
    assert place(files / "loud.mkv", files / "track.flac", levels=Levels(own_sound=False)).clip_gain_db is None


@pytest.mark.parametrize("below", [12.0, 15.0, 20.0])
def test_music_lies_below_speech_as_asked_and_rises_in_pauses(files, below):
    placement = place(files / "spoken.mp4", files / "track.wav", in_s=1, speech=SPEECH, levels=Levels(speech_lu=below))
    assert placement.clip_gain_db == 0
    music = np.concatenate(list(music_blocks(placement)), axis=1)
    spoken = slice(RATE_HZ, 3 * RATE_HZ)
    voice = loudness(whole(files / "spoken.mp4")[:, spoken])
    assert voice - loudness(music[:, spoken]) == pytest.approx(below, abs=0.5)
    pause = loudness(music[:, int(0.35 * RATE_HZ) : int(0.75 * RATE_HZ)])
    assert voice - pause == pytest.approx(6, abs=0.7)


def test_the_mix_is_limited_where_loud_is_asked_for(files):
    placement = place(files / "loud.mkv", files / "track.wav", levels=Levels(lufs=-8))
    y = np.concatenate(list(mix(placement, 0).blocks), axis=1)
    assert loudness(y) == pytest.approx(-8, abs=0.3)
    assert true_peaks(y).max() <= 10 ** (-1 / 20)


def test_a_track_that_ends_first_is_followed_by_silence_and_told(files, tmp_path):
    placement = place(files / "silent.mp4", files / "track.wav", in_s=10)
    assert placement.duration_s == pytest.approx(2, abs=1e-3)
    assert placement.fade_out_s < 0.1
    assert remarks(placement) == ["the track ends 2.0 s before the clip does: silence follows it"]
    write_stem(placement, tmp_path / "stem.wav")
    y = whole(tmp_path / "stem.wav")
    assert y.shape[1] == 4 * RATE_HZ
    assert np.abs(y[:, RATE_HZ : 2 * RATE_HZ - 2000]).max() > 0.01
    assert not y[:, 2 * RATE_HZ :].any()
    with refused(InputError, "nothing to play from 12.5 s on"):
        place(files / "silent.mp4", files / "track.wav", in_s=12.5)


def test_fades_are_short_where_the_track_begins_itself(files):
    assert place(files / "silent.mp4", files / "track.wav").fade_in_s == 0.02
    assert place(files / "silent.mp4", files / "track.wav", in_s=3).fade_in_s == 0.3
    faded = place(files / "silent.mp4", files / "track.wav", in_s=3, levels=Levels(fade_in_s=1, fade_out_s=0))
    assert (faded.fade_in_s, faded.fade_out_s) == (1, 0)


def test_pieces_meet_on_the_sample_in_a_crossfade(files):
    pieces = (Stretch(1.0, 2.1), Stretch(5.25, 6.0), Stretch(3.0, 5.15))
    placement = Placement(files / "silent.mp4", 4.0, files / "track.wav", pieces)
    y, track = np.concatenate(list(music_blocks(placement, gains=False)), axis=1), whole(files / "track.wav")
    assert y.shape[1] == 4 * RATE_HZ
    half, at = round(JOINT_S / 2 * RATE_HZ), 0
    for piece in pieces:
        first, count = round(piece.start_s * RATE_HZ), round((piece.end_s - piece.start_s) * RATE_HZ)
        inner = slice(half + 1, count - half - 1)
        assert (y[:, at : at + count][:, inner] == track[:, first : first + count][:, inner]).all()
        at += count
    joint = y[:, round(1.1 * RATE_HZ) - half : round(1.1 * RATE_HZ) + half]
    assert np.std(joint) == pytest.approx(np.std(track), rel=0.15)


def test_a_joint_of_what_is_alike_is_not_heard(files):
    pieces = (Stretch(1.0, 2.1), Stretch(2.1, 3.0))
    placement = Placement(files / "silent.mp4", 2.0, files / "track.wav", pieces)
    y, track = np.concatenate(list(music_blocks(placement, gains=False)), axis=1), whole(files / "track.wav")
    np.testing.assert_allclose(y, track[:, RATE_HZ : 3 * RATE_HZ], atol=1e-6)


def test_preview_and_stem_hold_the_same_music(files, tmp_path):
    pieces = (Stretch(1.0, 3.0), Stretch(6.0, 8.0))
    placement = place(files / "silent.mp4", files / "track.flac", speech=SPEECH, pieces=pieces)
    write_preview(placement, tmp_path / "film.mp4")
    write_stem(placement, tmp_path / "stem.wav")
    film, stem = heard(tmp_path / "film.mp4"), whole(tmp_path / "stem.wav")
    assert lag(film[0], stem[0]) == 0
    difference = film[:, : stem.shape[1]] - stem
    assert 10 * np.log10(np.mean(stem**2) / np.mean(difference**2)) > 10  # AAC of noise
    with_own = place(files / "spoken.mp4", files / "track.flac", speech=SPEECH, pieces=pieces)
    write_stem(with_own, tmp_path / "stem2.wav")
    own = whole(files / "spoken.mp4")[:, : 4 * RATE_HZ]
    mixed = np.concatenate(list(mix(with_own, 0).blocks), axis=1)[:, : own.shape[1]]
    stem = whole(tmp_path / "stem2.wav")[:, : own.shape[1]]
    np.testing.assert_allclose(mixed - own, stem, atol=1e-6)


def made(folder: Path, name: str) -> Path:
    """A clip of an odd kind."""
    path, y = folder / name, noise(2, 0.1)
    if name == "turned.mp4":
        return media_samples.rotated(path)
    if name == "uneven.mkv":
        stamps = np.cumsum([0, 0.04, 0.1, 0.021, 0.5, 0.04, 0.3]).tolist()
        return media_samples.clip(path, media_samples.ramp(7), stamps_s=stamps, y=y)
    if name == "late.mp4":
        return late(path)
    return media_samples.clip(path, media_samples.ramp(50), y=None if name.endswith("webm") else y)


def late(path: Path, by_s: float = 0.5) -> Path:
    """An mp4 with B frames whose pictures begin before its sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.options = {"bf": "2", "preset": "medium"}
        audio = container.add_stream("aac", rate=48000, layout="mono")
        for i, rgb in enumerate(media_samples.ramp(50)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        y = noise(1.0, 0.1, 7, 48000)
        frame = av.AudioFrame.from_ndarray(y[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, round(by_s * 48000), Fraction(1, 48000)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


@pytest.mark.parametrize("name", ["plain.mp4", "turned.mp4", "uneven.mkv", "late.mp4", "browser.webm"])
def test_pictures_are_copied_to_the_bit_with_their_times(files, tmp_path, name):
    clip = made(tmp_path, name)
    out = tmp_path / f"out{preview_suffix(clip)}"
    assert out.suffix == clip.suffix
    placement = place(clip, files / "track.wav", in_s=1)
    assert write_preview(placement, out) == []
    before, after = pictures(clip), pictures(out)
    assert [data for _, data in after] == [data for _, data in before]
    grain = Fraction(1, 1000) if clip.suffix in (".mkv", ".webm") else 0  # their stamps are whole milliseconds
    assert all(abs(a - b) <= grain for (a, _), (b, _) in zip(after, before, strict=True))
    assert probe(out).rotation == probe(clip).rotation
    assert heard(out).shape[1] / RATE_HZ >= placement.clip_s - 1e-6


def test_sound_that_begins_late_stays_late(files, tmp_path):
    clip = late(tmp_path / "late.mp4")
    placement = place(clip, files / "track.wav", in_s=1, speech=[Stretch(0.5, 1.5)], levels=Levels(speech_lu=20))
    write_preview(placement, tmp_path / "out.mp4")
    own = noise(1.0, 0.1, 7, 48000)
    begins = lag(heard(clip)[0], own)
    assert abs(begins - 24000) < 48  # the file says milliseconds
    assert abs(lag(heard(tmp_path / "out.mp4")[0], own) - begins) <= 1


def test_a_still_an_animation_and_pictures_one_after_the_other_become_films(files, tmp_path):
    media_samples.still(tmp_path / "still.png", media_samples.corner(101, 75))
    media_samples.clip(tmp_path / "moving.gif", media_samples.ramp(10), fps=10)
    for name, seconds, size in (("still.png", 10, (100, 74)), ("moving.gif", 1, (64, 48))):
        placement = place(tmp_path / name, files / "track.wav")
        assert write_preview(placement, tmp_path / f"{name}.mp4") == []
        film = probe(tmp_path / f"{name}.mp4")
        assert film.duration_s == pytest.approx(seconds, abs=0.05)
        assert (film.width, film.height, film.video_codec) == (*size, "h264")
    write_film([tmp_path / "still.png", files / "spoken.mp4"], tmp_path / "show.mp4", picture_s=1.5)
    assert probe(tmp_path / "show.mp4").duration_s == pytest.approx(5.5, abs=0.05)
    y = heard(tmp_path / "show.mp4")[0]
    assert abs(lag(y, whole(files / "spoken.mp4")[0, RATE_HZ : 3 * RATE_HZ]) - 2.5 * RATE_HZ) <= 1


def test_a_film_replaces_nothing_unasked_and_is_whole_or_not_there(files, tmp_path, monkeypatch):
    placement, out = place(files / "silent.mp4", files / "track.wav"), tmp_path / "film.mp4"
    with refused(InputError, "fit into a file ending in .mp4"):
        write_preview(placement, out.with_suffix(".webm"))
    with refused(InputError, "a film ends in .mp4"):
        write_preview(placement, out.with_suffix(".txt"))

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_preview(placement, out, on_second=stop)
    assert not list(tmp_path.iterdir())
    write_preview(placement, out)
    written = out.read_bytes()
    with refused(InputError, "is there already.*--overwrite"):
        write_preview(placement, out)
    with pytest.raises(KeyboardInterrupt):
        write_preview(placement, out, overwrite=True, on_second=stop)
    assert out.read_bytes() == written
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    write_preview(placement, out, overwrite=True)


def test_sound_that_cannot_be_read_is_left_out_and_told(files, tmp_path, caplog):
    clip, data = tmp_path / "clip.mp4", bytearray((files / "spoken.mp4").read_bytes())
    with av.open(str(files / "spoken.mp4")) as container:
        places = [(p.pos, p.size) for p in container.demux(container.streams.audio[0]) if p.size]
    for at, size in places:
        data[at : at + size] = b"\xff" * size
    clip.write_bytes(data)
    placement = place(clip, files / "track.wav")
    assert "clip.mp4: its sound is left out" in caplog.text
    assert placement.clip_gain_db is None
    write_preview(placement, tmp_path / "out.mp4")
    assert loudness(heard(tmp_path / "out.mp4")) == pytest.approx(-16, abs=0.3)


def test_pictures_that_no_file_takes_as_they_are_are_coded_and_told(files, tmp_path):
    own = np.concatenate([np.zeros(22050, np.float32), noise(1.5, 0.1, 9)])
    plain = media_samples.clip(tmp_path / "plain.avi", media_samples.ramp(50), y=own)
    assert preview_suffix(plain) == ".mp4"
    assert write_preview(place(plain, files / "track.wav"), tmp_path / "plain.mp4") == []
    assert [data for _, data in pictures(tmp_path / "plain.mp4")] == coded(plain)
    late_shown = media_samples.clip(tmp_path / "late.avi", media_samples.ramp(50), y=own, options={"bf": "2"})
    placement = place(late_shown, files / "track.wav", speech=[Stretch(0.5, 2)], levels=Levels(speech_lu=20))
    assert write_preview(placement, tmp_path / "late.mp4") == [
        f"{late_shown}: its pictures cannot be copied; they were coded as H.264"
    ]
    assert probe(tmp_path / "late.mp4").video_codec == "h264"
    assert probe(tmp_path / "late.mp4").duration_s == pytest.approx(2, abs=0.06)
    film, source = heard(tmp_path / "late.mp4")[0], whole(late_shown)[0]
    assert abs(lag(film, source[24000:72000]) - 24000) <= 1


def coded(path: Path) -> list[bytes]:
    """The packets of pictures."""
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ('AC/DC: Back? "In" <Black>|*\\', "AC DC Back In Black"),
        ("  ..hidden.. ", "hidden"),
        ("\udcff\n\u202e", "untitled"),
        ("\u4eca" * 60, "\u4eca" * 33),
    ],
)
def test_names_of_films_are_names_on_any_system(title, name):
    assert file_name(title) == name
