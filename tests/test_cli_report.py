"""`--report`: a page beside the list, refused before any work where it cannot be."""

from pathlib import Path

import pytest


def test_a_report_of_several_clips_is_written_beside_the_list(
    run, indexed: str, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--video", clip_folder / "calm.mp4", "--video", clip_folder / "picture.png", "--library", indexed)
    done = run(*asked, "--top", 2, "--report", "out.html")
    assert done.code == 0
    assert done.out.count("\n") == 2  # the list: a line of JSON per clip
    assert "report: out.html" in done.err
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert html.count("<article") == 4
    assert html.count("data:image/jpeg;base64,") > 4
    assert "slow major" in html
    again = run(*asked, "--report", "out.html")
    assert again.code == 2
    assert "out.html is there already; give another name, or --overwrite" in again.err
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == html


def test_a_report_needs_a_clip_and_a_file(run, indexed: str, music_folder: Path, clip_folder: Path, tmp_path) -> None:
    track = run("--track", music_folder / "slow major.flac", "--library", indexed, "--report", tmp_path / "a.html")
    assert track.code == 2
    assert "--report shows a clip: give one by --video" in track.err
    folder = run("--video", clip_folder / "calm.mp4", "--library", indexed, "--report", tmp_path)
    assert folder.code == 2
    assert "is a folder: name a file for the report" in folder.err
