"""The fuzzer: its files can be made again, its limits catch what they should, and a bounded run finds nothing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recommender import media
from recommender.extractors.video import video
from tests.faults import crafted, fuzz, fuzz_inputs, judge, mutations, seeds
from tests.faults.cases import case

ROOT = Path(__file__).resolve().parents[2]
SEED, FILES = 20261121, 300


def program(*words: str) -> "subprocess.CompletedProcess[str]":
    """A fresh interpreter: it forks, which a process with threads should not."""
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=one_thread, capture_output=True, text=True, timeout=300)


def test_some_hundred_broken_files_are_read_or_refused_in_one_line():
    done = program("-m", "tests.faults.fuzz", "--files", str(FILES), "--seed", str(SEED), "--jobs", "2")
    print(done.stdout)  # the seed, and what was found
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{FILES} files, " in done.stdout
    assert ", 0 findings" in done.stdout


def test_a_single_file_can_be_made_again_and_kept(tmp_path):
    done = program("-m", "tests.faults.fuzz", "--seed", "3", "--only", "17", "--write", str(tmp_path))
    made = case(3, 17)
    assert f"{made.kind}, {made.mutation}, {len(made.data)} bytes: accepted by" in done.stdout
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == made.data
    assert kept.name == f"17-{made.kind.replace('/', '-')}-{made.mutation}{made.suffix}"


def test_the_seed_tells_every_file():
    first, again, others = ([case(seed, k) for k in range(30)] for seed in (1, 1, 2))
    assert first == again
    assert sum(a.data == b.data for a, b in zip(first, others, strict=True)) <= 1
    assert all(0 < len(made.data) <= mutations.LARGEST for made in first)


def test_what_changes_midway_is_heard_and_seen_to_its_end(tmp_path):
    """Each half of a sound lasts 1.5 s, each third of a clip .48 s; FFmpeg ends a chained Ogg with its first link."""
    heard, seen = {}, {}
    for seed in (seed for seed in seeds.corpus() if seed.kind.startswith("turning/")):
        path = tmp_path / f"file{seed.suffix}"
        path.write_bytes(seed.data)
        accepted, findings = judge.examine(path)
        assert not findings
        if "video" in accepted:
            seen[seed.kind] = video.extract(path).duration_s
        else:
            heard[seed.kind] = sum(map(len, media.audio_blocks(path, 22050, 10.0))) / 22050
    assert {"turning/mp3-libmp3lame", "turning/adts-aac"} <= set(heard)
    assert {"turning/h264-libx264", "turning/mpegts-mpeg2video"} <= set(seen)
    assert all(2.9 < length < 3.2 for kind, length in heard.items() if "/ogg" not in kind), heard
    assert all(1 < length < 1.6 for length in seen.values()), seen


def test_a_run_can_keep_to_one_kind_of_file():
    made = [case(7, number, like="turning/") for number in range(20)]
    assert {one.kind.partition("/")[0] for one in made} == {"turning"}
    assert made[3] == case(7, 3, like="turning/")


@pytest.mark.parametrize("main", [fuzz.main, fuzz_inputs.main])
def test_a_kind_that_no_file_is_made_from_is_refused_in_one_line(main, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--like", "mq4/"])
    told = capsys.readouterr()
    assert (stopped.value.code, told.out) == (2, "")
    assert told.err.startswith("--like mq4/: no file is made from such a kind; name one of ")
    assert told.err.count("\n") == 1


def test_the_corpus_holds_the_usual_kinds_each_of_them_whole(tmp_path):
    corpus = seeds.corpus()
    kinds = {seed.kind for seed in corpus}
    usual = {"wav/pcm_s16le", "mp3/libmp3lame", "flac/flac", "ogg/vorbis", "mp4/aac", "mp4/libx264", "webm/libvpx"}
    assert usual | {"avi/mpeg4", "gif/gif", "png/rgb24", "jpg/yuvj420p", "webp/yuv420p"} <= kinds
    assert len(corpus) >= 80
    for seed in corpus:
        path = tmp_path / f"whole{seed.suffix}"
        path.write_bytes(seed.data)
        if seed.kind.endswith("/noise") or seed.kind == "pam/rgba":  # FFmpeg does not know one without its name
            continue
        info = media.probe(path)
        assert info.has_audio or (info.width, info.height) == seeds.SIZE or seed.kind.startswith(("real", "turning"))


@pytest.mark.parametrize("name", mutations.ALL)
def test_a_mutation_changes_bytes_and_leaves_some(name):
    data, other = bytes(range(256)) * 20, b"other" * 900
    made = [mutations.ALL[name](data, np.random.default_rng(k), other) for k in range(40)]
    assert all(made)
    assert sum(one != data for one in made) >= 30
    assert made == [mutations.ALL[name](data, np.random.default_rng(k), other) for k in range(40)]


def test_cyclic_checksums_of_flac_and_ogg():
    assert crafted._crc(b"123456789", 0x07, 8) == 0xF4  # the check value of CRC-8/SMBUS
    assert crafted._crc(b"123456789", 0x8005, 16) == 0xFEE8  # CRC-16/UMTS
    assert crafted._crc(b"123456789", 0x04C11DB7, 32) == 0x89A1897F  # CRC-32/MPEG-2 begun at 0


def test_silence_is_a_flac_of_as_many_samples_as_it_says(tmp_path):
    suffix, data = crafted.silence(np.random.default_rng(1))
    path = tmp_path / f"long{suffix}"
    path.write_bytes(data)
    blocks = data.count(b"\xff\xf8\x70\x08")
    rate = int.from_bytes(data[18:21]) >> 4
    heard = sum(map(len, media.audio_blocks(path, rate)))
    assert heard == blocks * 65_535


def test_an_exponential_golomb_code():
    assert [crafted._golomb(n) for n in (0, 1, 2, 3, 7)] == ["1", "010", "011", "00100", "0001000"]


def planted(monkeypatch, tmp_path, reader):
    monkeypatch.setattr(judge, "READERS", {"planted": reader})
    return judge.examine(tmp_path / "a.wav")


def test_the_judge_reports_other_errors_and_unclear_lines(monkeypatch, tmp_path):
    def fails(error):
        def reader(path):
            raise error
            yield

        return planted(monkeypatch, tmp_path, reader)

    assert fails(ValueError("bad")) == ([], [("planted", "ValueError: bad (?)")])
    assert fails(RuntimeWarning("overflow"))[1] == [("planted", "RuntimeWarning: overflow (?)")]
    assert fails(judge.MediaError(f"cannot read '{tmp_path / 'a.wav'}': it is broken; leave it"))[1] == []
    for unclear in (
        "no name; do this",
        f"{tmp_path / 'a.wav'} without advice",
        f"{tmp_path / 'a.wav'}: two\nlines; yes",
    ):
        assert "not one line" in fails(judge.MediaError(unclear))[1][0][1]


PLANTED = """
import os, signal, time
from tests.faults import judge, pool
from tests.faults.cases import Case

def reader(path):
    global held
    what = path.read_text()
    if what == "spin":
        while True: pass
    if what == "sleep": time.sleep(60)
    if what == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if what == "memory": held = b"x" * (90 << 20)
    if what == "error": raise KeyError("lost")
    if what == "absurd": yield "a duration of -1 s"

judge.READERS.clear()
judge.READERS["planted"] = reader
names = ["fine", "spin", "sleep", "crash", "memory", "error", "absurd", "fine"]
make = lambda k: Case(k, "planted", names[k], ".txt", names[k].encode())
limits = pool.Limits(cpu_s=1, wall_s=3, memory_mb=64)
for done in sorted(pool.outcomes(make, range(len(names)), 2, limits), key=lambda o: o.number):
    print(done.number, done.mutation, done.findings[0][0] if done.findings else "nothing", *done.accepted)
"""


def test_the_pool_tells_hangs_crashes_memory_and_errors_apart_and_goes_on():
    done = program("-c", PLANTED)
    assert done.stdout.splitlines() == [
        "0 fine nothing planted",
        "1 spin hang",
        "2 sleep hang",
        "3 crash crash",
        "4 memory memory planted",
        "5 error error",
        "6 absurd absurd planted",
        "7 fine nothing planted",
    ], done.stderr
