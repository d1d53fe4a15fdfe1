"""`recommend --calibrate-on-library`: used and said so, or refused in one line."""

import json
from pathlib import Path

import pytest

import media_samples
from pieces import SR_HZ, chords
from recommender.affect.relative import FEWEST


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Just enough short pieces, of many paces and modes."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(FEWEST):
        third = 3 + i % 2
        media_samples.sound(folder / f"{i:02d}.wav", chords((0, third, 7), 0.15 + 0.05 * i, 3, i), SR_HZ)
    return folder


def test_it_is_used_and_said_so(run, many, clip_folder):
    clip = str(clip_folder / "calm.mp4")
    usual = run("--video", clip, "--music", str(many), "--format", "json")
    relative = run("--video", clip, "--music", str(many), "--calibrate-on-library", "--format", "json")
    assert usual.code == relative.code == 0
    assert f"relative to this library's {FEWEST} tracks" in relative.err
    assert "relative to this library" not in usual.err
    before, after = (json.loads(found.out) for found in (usual, relative))
    assert len(before) == len(after) == 10
    assert before[0]["query_affect"] == after[0]["query_affect"]
    sections = [{r["path"]: r["section_affect"]["valence"] for r in found} for found in (before, after)]
    assert any(sections[0][path] != sections[1][path] for path in sections[0].keys() & sections[1].keys())


def test_a_small_library_is_refused_in_one_line(run, indexed, clip_folder):
    found = run("--video", str(clip_folder / "calm.mp4"), "--library", indexed, "--calibrate-on-library")
    assert found.code == 2
    assert found.out == ""
    assert f"4 tracks of music, too few to measure feelings against: --calibrate-on-library needs {FEWEST}" in found.err
