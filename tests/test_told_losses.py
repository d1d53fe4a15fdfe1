"""What is told, and which exit code there is, where a part of a file cannot be read."""

import json
from pathlib import Path

import av
import pytest

import media_samples as ms


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A whole file, one of which a quarter is lost, and one of which most is."""
    home = tmp_path / "m"
    home.mkdir()
    for number, (name, kept) in enumerate([("whole", 1.0), ("three quarters", 0.75), ("a third", 0.33)]):
        ms.truncated(ms.sound(home / f"{name}.wav", ms.tone(12.0, 300 + 40 * number)), kept)
    return home


def clip(path: Path, kept: float) -> Path:
    """The first part of a clip of 6 s."""
    with av.open(str(path), "w", format="matroska", options={"cluster_time_limit": "200"}) as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for rgb in ms.ramp(60):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode(None))
    return ms.truncated(path, kept)


def test_tracks_are_kept_and_told_of_and_most_of_one_lost_is_an_exit_code(run, tmp_path, songs):
    added = run("index", "add", songs, "--library", tmp_path / "l", "--workers", "1")
    assert added.code == 1
    assert f"warning: {songs / 'three quarters.wav'}: 9 of 12 s could be read" in added.err
    assert f"warning: {songs / 'a third.wav'}: 4 of 12 s could be read" in added.err
    assert "whole.wav" not in added.err
    assert "3 analysed" in added.err
    listed = json.loads(run("index", "list", "--library", tmp_path / "l", "--format", "json").out)
    told = {Path(row["path"]).stem: (row["read_s"], row["declared_s"], row["damaged_packets"]) for row in listed}
    assert told["whole"] == (None, None, None)
    assert told["a third"] == (pytest.approx(3.96, abs=0.02), pytest.approx(12, abs=0.01), 0)
    again = run("index", "update", "--library", tmp_path / "l")
    assert (again.code, "could be read" in again.err) == (0, False)
    (songs / "a third.wav").unlink()
    ms.truncated(ms.sound(songs / "three quarters.wav", ms.tone(12.0, 500)), 0.7)
    assert run("index", "update", "--library", tmp_path / "l").code == 0


def test_a_clip_is_answered_and_told_of_and_most_of_it_lost_is_an_exit_code(run, tmp_path, songs):
    library = ("--library", tmp_path / "l")
    run("index", "add", songs, *library, "--workers", "1")
    most, little = clip(tmp_path / "most.mkv", 0.75), clip(tmp_path / "little.mkv", 0.35)
    asked = run("--video", most, *library)
    assert asked.code == 0
    assert " of 6.0 s could be read" in asked.out
    assert asked.out.count("9 of 12 s could be read") == 1  # a track of the answer
    assert run("--video", clip(tmp_path / "whole.mkv", 1.0), *library).out.count(" of 6.0 s") == 0
    asked = run("--video", little, *library, "--format", "json")
    assert asked.code == 1
    assert "of 6.0 s could be read" in asked.err
    rows = json.loads(asked.out)
    assert len(rows) == 3
    assert all(0 < row["query_read_s"] < 3 and row["query_declared_s"] == pytest.approx(6) for row in rows)
    assert {Path(row["path"]).stem: row["read_s"] is None for row in rows}["whole"]
