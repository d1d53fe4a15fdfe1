"""Builds that cannot be: wrong tables and options, full and read-only disks, rivals; one clear line each."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from labelled_texts import CALLS, ROWS, TEXT, write_table
from recommender.errors import CliptuneError, InputError
from training.construction import storage
from training.construction.build import build
from training.construction.extractors import PAIRS
from training.construction.table import read_table
from training.datasets.built import load_built, read_manifest


@pytest.fixture(autouse=True)
def _text_extractors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAIRS, "text", TEXT)
    CALLS.clear()


# Bad tables


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("media/0-0.txt", "happy", "x"), r"line 6: unknown emotion 'happy' \(known: exciting"),
        (("media/0-0.txt", "3", "x"), "line 6: emotion '3' is a number: write one of exciting, .*neutral"),
        (("media/none.txt", "sad", "x"), "line 6: no file .*none.txt"),
        (("media", "sad", "x"), "line 6: no file .*media"),
        (("m" * 3000, "sad", "x"), r"line 6: no file m+|line 6: no file .*File name too long"),
        (("media/../media/0-1.txt", "sad", "x"), "line 6: .*0-1.txt is already in line 3"),
        (("media/0-0.txt", "sad", " "), "line 6: the source is empty"),
        (("media/0-0.txt", "sad", "a_PAIR_b"), "line 6: a source may not hold 'PAIR' between underscores.*'a_PAIR_b'"),
        (("media/0-0.txt", "sad", "PAIR"), "line 6: a source may not hold 'PAIR'"),
        (("media/0-0.txt", "sad"), "line 6: 2 cells under 3 column names"),
    ],
)
def test_a_wrong_row_is_located(tmp_path, line, told):
    table = write_table(tmp_path, ROWS[:4])
    table.write_text(table.read_text() + ",".join(line) + "\n")
    with pytest.raises(InputError, match=f"labels.csv, {told}") as caught:
        build(table, tmp_path / "D", "return", seed=0, extractor="text")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "D").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the header needs one column 'path'"),
        ("path,emotion\n", "the header needs one column 'source'"),
        ("path,path,emotion,source\n", "the header needs one column 'path'"),
        ("path,emotion,source\n", "no rows below the header"),
    ],
)
def test_a_table_without_what_it_needs(tmp_path, text, told):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=f"t.csv: {told}"):
        build(tmp_path / "t.csv", tmp_path / "D", "return", seed=0, extractor="text")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"t.csv: cannot be read \(No such file"):
        build(tmp_path / "t.csv", tmp_path / "D", "return", seed=0, extractor="text")


def test_columns_may_be_in_any_order_among_others(tmp_path):
    write_table(tmp_path, ROWS[:1])
    (tmp_path / "t.csv").write_text("\ufeffnote, Source ,EMOTION,Path\nhm,film,Relax,media/0-0.txt\n", encoding="utf-8")
    (found,) = read_table(tmp_path / "t.csv").rows
    assert (found.id, found.emotion, found.file) == ("film_00", 4, tmp_path / "media" / "0-0.txt")


def test_two_names_of_one_content_could_leak_and_are_refused(tmp_path):
    table = write_table(tmp_path)
    (tmp_path / "media" / "11-3.txt").write_text("media/0-0.txt")
    with pytest.raises(InputError, match="lines 2 and 49 are copies of one file: media/0-0.txt, media/11-3.txt"):
        build(table, tmp_path / "D", "return", seed=0, extractor="text")


def test_too_little_is_told(tmp_path):
    sad = [(path, "sad", source) for path, _, source in ROWS]
    with pytest.raises(
        InputError, match=r"train: no mismatched pair can be made of \d+ segments \(\d+ sad\): it takes"
    ):
        build(write_table(tmp_path / "a", sad), tmp_path / "D", "return", seed=0, extractor="text")
    with pytest.raises(InputError, match=r"1 source\(s\): train and validation need at least one each"):
        build(write_table(tmp_path / "b", ROWS[:4]), tmp_path / "E", "return", seed=0, extractor="text")
    table = write_table(tmp_path / "c", ROWS[:2])
    for path, _, _ in ROWS[:2]:
        (table.parent / path).write_text(f"damaged {path}")
    with pytest.raises(InputError, match="none of 2 files can be used; cannot read '0-0.txt': no audio stream"):
        build(table, tmp_path / "F", "return", seed=0, extractor="text")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"balance": "even"}, "unknown balance 'even'; there are: return, drop"),
        ({"seed": -1}, "the seed is -1"),
        (
            {"extractor": "deep"},
            "unknown extractor 'deep'; there are: builtin, efficientnet, frames, raw, slowfast, slowfast-r101, "
            "spectrogram, text, timesformer",
        ),
        ({"max_per_source": 0}, "at most 0 segments per source leave none"),
        ({"validation": 1.0}, "a share of 1.0 cannot be split off"),
    ],
)
def test_options_that_make_no_sense(tmp_path, options, told):
    given = {"balance": "return", "seed": 0, "extractor": "text"} | options
    with pytest.raises(InputError, match=told):
        build(write_table(tmp_path), tmp_path / "D", **given)


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "damaged"), ("{}", "damaged"), ('{"format": 99}', "format 99 is not known"), ("[]", "damaged")],
)
def test_a_damaged_manifest_is_one_clear_line(tmp_path, text, told):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=f"dataset.json: {told}"):
        read_manifest(tmp_path)


# Storage


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own with 160 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small tmpfs here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_line_and_what_was_measured_stays(tmp_path, tiny_disk):
    table = write_table(tmp_path)
    with pytest.raises(CliptuneError, match="cannot write the data set to .*disk/D: the disk is full; make room"):
        build(table, tiny_disk / "D", "return", seed=0, extractor="text")
    kept = {piece: piece.stat().st_mtime_ns for piece in (tiny_disk / "D").rglob("*.npy")}
    assert 0 < len(kept) < 96
    assert not list((tiny_disk / "D").rglob(".partial*"))
    subprocess.run(["mount", "-o", "remount,size=2m", str(tiny_disk)], check=True)
    build(table, tiny_disk / "D", "return", seed=0, extractor="text")
    assert {piece: piece.stat().st_mtime_ns for piece in kept} == kept
    assert len(list((tiny_disk / "D").rglob("*.npy"))) == 96


def test_a_disk_that_fills_while_the_tables_are_written_leaves_no_half_set(tmp_path, monkeypatch):
    table = write_table(tmp_path)
    build(table, tmp_path / "D", "return", seed=0, extractor="text")
    whole = os.fsync
    written = iter(range(100))

    def full(handle: int) -> None:
        if next(written) == 8:  # each file and its folder: that of the fifth file
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CliptuneError, match="the disk is full"):
            build(table, tmp_path / "D", "drop", seed=1, extractor="text")
    with pytest.raises(InputError, match="no finished data set"):
        load_built(tmp_path / "D")
    assert (
        build(table, tmp_path / "D", "drop", seed=1, extractor="text").revision == load_built(tmp_path / "D").revision
    )


def test_a_read_only_folder_is_one_line(tmp_path):
    table, place = write_table(tmp_path), tmp_path / "read only"
    place.mkdir()
    if subprocess.run(["mount", "--bind", str(place), str(place)], capture_output=True, check=False).returncode:
        pytest.skip("bind mounts are not permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True, capture_output=True)
        for out in (place, place / "D"):
            with pytest.raises(
                CliptuneError, match="cannot write the data set to .*read only.*: the file system is read-only"
            ):
                build(table, out, "return", seed=0, extractor="text")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "D").write_text("mine")
    with pytest.raises(CliptuneError, match="cannot write the data set to .*D: File exists"):
        build(write_table(tmp_path), tmp_path / "D", "return", seed=0, extractor="text")
    assert (tmp_path / "D").read_text() == "mine"


def test_two_writers_are_one_too_many(tmp_path):
    table = write_table(tmp_path)
    (tmp_path / "D").mkdir()
    with (
        FileLock(tmp_path / "D" / storage.LOCK),
        pytest.raises(CliptuneError, match="D is being written by another process"),
    ):
        build(table, tmp_path / "D", "return", seed=0, extractor="text")
