"""Broken, hostile and oddly named files: one clear line each, or what can be saved."""

import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa
import pytest

import media_samples as ms
from recommender import media
from recommender.errors import MediaError, PassingError
from recommender.faults import machine_fault
from recommender.media import container
from recommender.text import show


def samples(path, sr_hz=22050, **options):
    return np.concatenate(list(media.audio_blocks(path, sr_hz, **options)))


def pitch_hz(y, sr_hz):
    return np.argmax(np.abs(np.fft.rfft(y * np.hanning(len(y))))) * sr_hz / len(y)


def readers():
    return [
        pytest.param(media.probe, id="probe"),
        pytest.param(lambda path: next(media.frames(path)), id="frames"),
        pytest.param(lambda path: next(media.audio_blocks(path)), id="audio"),
    ]


def fails(reader, path, reason):
    """Check that `reader` refuses `path` with one line that names it and says what to do."""
    with pytest.raises(MediaError, match=reason) as caught:
        reader(path)
    line = str(caught.value)
    assert line.startswith(f"cannot read '{show(path)}': ")
    assert "; " in line
    assert line.isprintable()


@pytest.mark.parametrize("reader", readers())
class TestRefused:
    def test_missing(self, tmp_path, reader):
        fails(reader, tmp_path / "none.mp3", "no such file; check the path")

    def test_folder(self, tmp_path, reader):
        fails(reader, tmp_path, "it is a folder; give a file inside it")

    def test_pipe(self, tmp_path, reader):
        os.mkfifo(tmp_path / "pipe.mp3")
        fails(reader, tmp_path / "pipe.mp3", "not a regular file")

    def test_name_with_a_null(self, tmp_path, reader):
        fails(reader, f"{tmp_path}/a\0b.mp3", "not a valid path; check the name")

    def test_no_permission(self, tmp_path, reader, monkeypatch):
        def refused(path):
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(container, "_File", refused)  # root may read everything, so chmod proves nothing
        fails(reader, ms.sound(tmp_path / "a.wav"), "permission denied; make the file readable")

    def test_broken_disk(self, tmp_path, reader, monkeypatch):
        def broken(self, size=-1):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(container._File, "read", broken)
        fails(reader, ms.sound(tmp_path / "a.wav"), "input/output error; check the disk")

    def test_empty(self, tmp_path, reader):
        (tmp_path / "empty.mp4").touch()
        fails(reader, tmp_path / "empty.mp4", r"the file is empty \(0 bytes\); copy or download it again")

    @pytest.mark.parametrize("suffix", [".mp3", ".mp4", ".txt", ".jpg", ".wav", ""])
    def test_text(self, tmp_path, reader, suffix):
        path = tmp_path / f"letter{suffix}"
        path.write_text("Dear Sir or Madam,\n" * 1000)
        fails(reader, path, "not an audio, video or picture file")

    def test_headless(self, tmp_path, reader):
        path = ms.truncated(ms.clip(tmp_path / "cut.mp4", y=ms.tone()))  # an mp4 keeps its index at the end
        fails(reader, path, "it is damaged, or not an audio, video or picture file")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"),
            ("list.ffconcat", "ffconcat version 1.0\nfile '{}'\n"),
            ("list.mp4", "ffconcat version 1.0\nfile '{}'\n"),
            ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n"),
        ],
    )
    def test_lists_open_no_other_file(self, tmp_path, reader, name, text):
        other = ms.clip(tmp_path / "other.mp4", y=ms.tone())
        (tmp_path / name).write_text(text.format(other))
        fails(reader, tmp_path / name, "not an audio, video or picture file")
        (tmp_path / name).write_text(text.format(other.name))
        fails(reader, tmp_path / name, "not an audio, video or picture file")


def test_damaged_throughout(tmp_path):
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(200_000))
    fails(lambda path: next(media.audio_blocks(path)), tmp_path / "noise.mp3", "no sound could be decoded|not an audio")
    noise = ms.damaged(ms.still(tmp_path / "noise.jpg"), 0.02, 1.0)
    fails(lambda path: next(media.frames(path)), noise, "no picture could be decoded|not an audio")


def test_a_header_without_content(tmp_path):
    bare = ms.raw_wav(tmp_path / "bare.wav", b"", 1, 16)
    fails(lambda path: next(media.audio_blocks(path)), bare, "it holds no sound that can be read; copy or export it")


def test_damaged_packets_are_skipped_and_counted(tmp_path):
    path = ms.damaged(ms.sound(tmp_path / "d.m4a", ms.tone(5.0)), 0.4, 0.6)
    damage = media.Damage()
    y = samples(path, damage=damage)
    assert damage.packets > 10
    assert 3.0 < len(y) / 22050 < 5.1
    assert pitch_hz(y[4000:20000], 22050) == pytest.approx(440, abs=3)  # what lies before is untouched


def test_a_damaged_video_goes_on_after_the_damage_and_always_the_same(tmp_path):
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(60)]
    path = ms.damaged(ms.clip(tmp_path / "d.mp4", noise, options={"g": "10"}), 0.3, 0.5)
    damage = media.Damage()
    got = list(media.frames(path, damage=damage))
    assert damage.packets > 3
    assert got[-1].t_s == pytest.approx(2.4, abs=0.2)
    assert np.all(np.diff([f.t_s for f in got]) > 0)
    again = list(media.frames(path))
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(got, again, strict=True))


def test_a_damaged_frame_rate_does_not_repeat_frames_for_years(tmp_path):
    path = ms.clip(tmp_path / "slow.avi", ms.ramp(10))
    data = bytearray(path.read_bytes())
    at = data.index(b"strh") + 28  # size, type, handler, flags, priority and language, initial frames
    data[at : at + 8] = (2_000_000_000).to_bytes(4, "little") + (1).to_bytes(4, "little")  # seconds per frame
    path.write_bytes(data)
    assert 1 <= len(list(media.frames(path))) <= 10


def test_a_file_cut_short_gives_what_is_there(tmp_path):
    assert len(samples(ms.truncated(ms.sound(tmp_path / "t.mp3")))) == pytest.approx(11025, abs=2400)
    assert len(samples(ms.truncated(ms.sound(tmp_path / "t.wav")))) == pytest.approx(11025, abs=50)
    part = list(media.frames(ms.truncated(ms.clip(tmp_path / "t.mkv"), 0.8), fps=None))
    assert 1 <= len(part) < 25


def make(path: Path) -> Path:
    """Ten seconds of sound or a clip, by the suffix."""
    loud = path.suffix in (".wav", ".mp3", ".m4a", ".flac", ".ogg")
    return ms.sound(path, ms.tone(10.0)) if loud else ms.clip(path, ms.ramp(60))


def read_all(path: Path, damage: media.Damage) -> None:
    """Everything in `path`."""
    for _ in media.frames(path, damage=damage) if path.suffix in (".mkv", ".avi", ".gif") else media.audio_blocks(path):
        pass


def failing_after(share: float, error: Exception):
    """A `read` that raises `error` from that share of the file on."""
    whole = container._File.read

    def failing(self, size=-1):
        if self.tell() >= share * os.fstat(self.fileno()).st_size:
            raise error
        return whole(self, size)

    return failing


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".flac", ".ogg", ".mkv", ".avi", ".gif"])
def test_a_disk_that_fails_on_the_way_is_no_damage_of_the_file(tmp_path, monkeypatch, capfd, suffix, share):
    path = make(tmp_path / f"a{suffix}")
    damage = media.Damage()
    with monkeypatch.context() as patch:
        patch.setattr(container._File, "read", failing_after(share, OSError(5, "Input/output error")))
        with pytest.raises(PassingError, match=rf"^cannot read '.*a{suffix}': input/output error; check the disk"):
            read_all(path, damage)
    read_all(path, damage)
    assert (damage.packets, damage.frames) == (0, 0)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory; close other programs, or use fewer workers"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
        (OSError(errno.ESTALE, "Stale file handle"), "stale file handle; check the disk and the path"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), "connection timed out; check the disk"),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files; close other programs"),
        (PermissionError(13, "Permission denied"), "permission denied; make the file readable"),
    ],
)
def test_every_fault_of_the_machine_is_told_as_what_it_is(tmp_path, monkeypatch, error, words):
    path = make(tmp_path / "a.flac")
    monkeypatch.setattr(container._File, "read", failing_after(0.5, error))
    with pytest.raises(PassingError, match=words):
        read_all(path, media.Damage())


class Decoder:
    """A stream whose decoder fails as it is told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def codec_context(self):
        raise self.error


@pytest.mark.parametrize(
    ("code", "short", "passing"), [(errno.ENOMEM, True, True), (errno.ENOMEM, False, False), (errno.EIO, True, False)]
)
def test_what_a_decoder_says_is_of_the_file_unless_memory_is_short(monkeypatch, code, short, passing):
    monkeypatch.setattr("recommender.faults._is_memory_short", lambda: short)
    error = av.error.classes[code](code, os.strerror(code))
    damage = media.Damage()
    with pytest.raises(type(error)) if passing else contextlib.nullcontext():
        container.decode(Decoder(error), None, damage)
    assert damage.packets == (0 if passing else 1)


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (np.linalg.LinAlgError("x"), False),
        (cv2.error("OpenCV(5): alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 9 bytes"), True),
        (cv2.error("OpenCV(5): error: (-215:Assertion failed) !empty()"), False),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:75] DefaultCPUAllocator: not enough memory"), True),
        (RuntimeError("can't start new thread"), True),
        (ImportError("libx.so: failed to map segment from shared object"), True),
        (ValueError("not enough memory"), False),
        (MediaError("cannot read 'out of memory.mp3': it is damaged"), False),
        (FileNotFoundError(2, "No such file or directory"), False),
        (OSError("no number"), False),
        (pa.lib.ArrowMemoryError("malloc of size 64 failed"), True),
    ],
)
def test_libraries_say_it_in_their_own_words(error, passing):
    assert (machine_fault(error) is not None) == passing


def test_a_real_limit_of_memory_is_found_to_be_one():
    code = (
        "import resource\nfrom recommender.faults import _is_memory_short\nassert not _is_memory_short()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (600 << 20, -1))\nassert _is_memory_short()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac", ".ogg", ".mp4", ".webm", ".avi", ".gif", ".png", ".jpg"])
def test_noise_anywhere_ends_in_content_or_in_one_line_and_in_silence_on_stderr(tmp_path, suffix, capfd):
    path = tmp_path / f"whole{suffix}"
    if suffix in (".mp3", ".m4a", ".flac", ".ogg"):
        ms.sound(path)
    else:
        ms.clip(path, [ms.corner()] if suffix in (".png", ".jpg") else None)
    whole = path.read_bytes()
    for seed in range(12):
        path.write_bytes(whole)
        ms.damaged(path, start=seed / 12, end=seed / 12 + 0.04, seed=seed)
        for read in (media.probe, lambda p: list(media.frames(p)), lambda p: list(media.audio_blocks(p))):
            with contextlib.suppress(MediaError):  # anything else fails the test
                read(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (60_000, 3_000)])
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path, width, height):
    path = ms.blank_png(tmp_path / "bomb.png", width, height)
    fails(lambda p: next(media.frames(p)), path, "exceeds 100 megapixels; scale it down")
    fails(media.probe, path, "exceeds 100 megapixels; scale it down")


def test_a_video_that_declares_a_huge_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("recommender.media.container.MAX_MOVING_PIXELS", 64 * 48 - 1)
    path = ms.clip(tmp_path / "big.mp4")
    fails(media.probe, path, r"its picture of 64 x 48 pixels exceeds 0 megapixels; scale it down")


@pytest.mark.parametrize(
    "name", ["a b.wav", "a\nb.wav", "100%.wav", "a%03d.wav", "http:x.wav", "concat:x.wav", "file:x.wav", "-i.wav"]
)
def test_names_are_never_patterns_or_addresses(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ms.sound(tmp_path / "plain.wav").rename(tmp_path / name)
    assert media.probe(name).has_audio
    assert len(samples(name)) == 22050
    ms.still(tmp_path / "plain.png").rename(tmp_path / f"{name}.png")
    assert len(list(media.frames(f"{name}.png"))) == 1


def test_an_address_is_a_file_that_is_missing():
    fails(media.probe, "http://127.0.0.1:1/x.mp3", "no such file")
    fails(media.probe, "pipe:0", "no such file")


def test_a_name_that_is_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    media.write_audio(path, ms.tone(), 44100)
    assert len(samples(path)) == 22050
    with pytest.raises(MediaError, match=r"caf\\xe9\.wav': no video stream"):
        next(media.frames(path))


def test_shown_is_one_printable_line():
    assert show("Grüße 音楽 a b.mp3") == "Grüße 音楽 a b.mp3"
    assert show("a\nb\tc\x1b[0m") == r"a\nb\tc\x1b[0m"
    assert show(b"caf\xe9.wav") == r"caf\xe9.wav"
    assert show(Path("x") / "y\u202egpm.exe") == r"x/y\u202egpm.exe"
    assert show("\ud83d") == r"\ud83d"
    assert show("a\u2028b") == r"a\u2028b"
