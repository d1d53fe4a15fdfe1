"""Ids of folders and files: what they name lies below the folders that may be looked into, whatever is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp import places
from webapp.places import Places
from webapp.refusal import Refusal

SUFFIXES = (".mp4", ".mov")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with clips, and beside it what must not be seen."""
    inside, outside = tmp_path / "allowed", tmp_path / "secret"
    for folder in (inside / "shoot" / "day 1", inside / ".hidden", inside / "$RECYCLE.BIN", outside):
        folder.mkdir(parents=True)
        (folder / "clip.mp4").write_bytes(b"film")
    for name in ("b.MOV", "a.mp4", ".c.mp4", "notes.txt"):
        (inside / name).write_bytes(b"12345")
    (inside / "out").symlink_to(outside)
    (inside / "out.mp4").symlink_to(outside / "clip.mp4")
    (inside / "within.mp4").symlink_to(inside / "shoot" / "day 1" / "clip.mp4")
    return inside


@pytest.fixture
def clips(root: Path) -> Places:
    return Places((root,), SUFFIXES)


def _top(some: Places) -> dict:
    return some.look(some.tops()[0]["id"])


def _names(entries: list[dict]) -> list[str]:
    return [entry["name"] for entry in entries]


def test_a_folder_shows_what_a_scan_would_find(clips: Places, root: Path) -> None:
    top = _top(clips)
    assert top["parent"] is None
    assert top["path"] == str(root)
    assert _names(top["folders"]) == ["shoot"]
    assert [(file["name"], file["size_bytes"]) for file in top["files"]] == [
        ("a.mp4", 5),
        ("b.MOV", 5),
        ("within.mp4", 4),
    ]
    inner = clips.look(top["folders"][0]["id"])
    assert inner["parent"] == top["id"]
    assert clips.folder(inner["folders"][0]["id"]) == root / "shoot" / "day 1"
    assert clips.file(top["files"][1]["id"]) == root / "b.MOV"


def test_what_an_ignore_file_names_is_left_out_all_the_way_down(clips: Places, root: Path) -> None:
    (root / ".recommendignore").write_text("a.mp4\nshoot/*/clip.mp4\n")
    top = _top(clips)
    assert _names(top["files"]) == ["b.MOV", "within.mp4"]
    day = clips.look(clips.look(top["folders"][0]["id"])["folders"][0]["id"])
    assert day["files"] == []


def test_ids_say_nothing_of_paths_and_are_of_one_run(root: Path) -> None:
    first, second = Places((root,), SUFFIXES), Places((root,), SUFFIXES)
    one, other = _top(first), _top(second)
    assert one["id"] != other["id"]
    assert _top(first) == one
    with pytest.raises(Refusal) as refused:
        first.look(other["id"])
    assert refused.value.status == 404


def test_a_link_made_after_its_place_was_listed_is_refused(clips: Places, root: Path) -> None:
    top = _top(clips)
    (root / "a.mp4").unlink()
    (root / "a.mp4").symlink_to(root.parent / "secret" / "clip.mp4")
    (root / "shoot").rename(root / "moved")
    (root / "shoot").symlink_to(root.parent / "secret")
    for use, entry in (
        (clips.file, top["files"][0]),
        (clips.folder, top["folders"][0]),
        (clips.look, top["folders"][0]),
    ):
        with pytest.raises(Refusal, match="leads out") as refused:
            use(entry["id"])
        assert refused.value.status == 403


def test_a_file_is_no_folder_and_what_is_gone_is_said(clips: Places, root: Path) -> None:
    top = _top(clips)
    for use, entry in ((clips.folder, top["files"][0]), (clips.file, top["folders"][0])):
        with pytest.raises(Refusal) as refused:
            use(entry["id"])
        assert refused.value.status == 404
    (root / "a.mp4").unlink()
    with pytest.raises(Refusal, match="cannot look at .*a.mp4: no such file") as refused:
        clips.file(top["files"][0]["id"])
    assert refused.value.status == 404


def test_a_folder_that_cannot_be_read_is_one_line(clips: Places, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = _top(clips)

    def deny(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(places.os, "scandir", deny)
    with pytest.raises(Refusal, match="^cannot look at .*shoot: permission denied$") as refused:
        clips.look(top["folders"][0]["id"])
    assert refused.value.status == 403


def test_long_folders_tell_how_much_more_there_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_LISTED", 2)
    top = _top(Places((root,), SUFFIXES))
    assert len(top["folders"]) + len(top["files"]) == 2
    assert top["more"] == 2


def test_ids_of_long_ago_are_forgotten(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_KNOWN", 3)
    some = Places((root,), SUFFIXES)
    top = _top(some)
    with pytest.raises(Refusal):
        some.look(top["id"])
    assert len(some._known) == 3


def test_a_name_that_is_no_text_is_shown_and_opens(tmp_path: Path) -> None:
    name = b"caf\xe9.mp4"
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"film")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    some = Places((tmp_path,), SUFFIXES)
    (file,) = _top(some)["files"]
    assert file["name"] == "caf\\xe9.mp4"
    assert os.fsencode(some.file(file["id"]).name) == name


_pieces = st.sampled_from(
    ["..", ".", "/", "\\", "%2e%2e", "%2f", "\0", "~", "secret", "clip.mp4", "allowed", "out", "a"]
)
_asked = st.text(max_size=40) | st.lists(_pieces, max_size=8).map("".join) | st.binary(max_size=40).map(os.fsdecode)


@settings(max_examples=200, deadline=None)
@given(asked=_asked, cut=st.integers(0, 31))
def test_nothing_asked_for_leads_outside(tmp_path_factory: pytest.TempPathFactory, asked: str, cut: int) -> None:
    some, root = _shared(tmp_path_factory)
    top = _top(some)
    whole = top["folders"][0]["id"]
    for id in (asked, f"{root}/{asked}", whole[:cut] + asked, f"{whole}/{asked}", asked + whole):
        for use in (some.look, some.folder, some.file):
            if id == whole:
                continue
            with pytest.raises(Refusal) as refused:
                use(id)
            assert refused.value.status == 404


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.sampled_from(["out", "out.mp4", "shoot", "..", "in", "loop"]), max_size=5), up=st.booleans())
def test_everything_listed_lies_inside(tmp_path_factory: pytest.TempPathFactory, names: list[str], up: bool) -> None:
    """Walk down along names, links and loops among them: whatever has an id resolves to something inside."""
    some, root = _shared(tmp_path_factory)
    here = _top(some)
    for name in names:
        for file in here["files"]:
            assert some.file(file["id"]).resolve().is_relative_to(root)
        for folder in here["folders"]:
            assert some.folder(folder["id"]).resolve().is_relative_to(root)
        step = {folder["name"]: folder["id"] for folder in here["folders"]}.get(name)
        step = here["parent"] if up and step is None else step
        here = some.look(step) if step else here


_made: dict[str, tuple[Places, Path]] = {}


def _shared(factory: pytest.TempPathFactory) -> tuple[Places, Path]:
    """One tree for all examples, with links out, in, up and round."""
    if "tree" not in _made:
        base = factory.mktemp("tree").resolve()
        root, outside = base / "allowed", base / "secret"
        (root / "shoot").mkdir(parents=True)
        outside.mkdir()
        (outside / "clip.mp4").write_bytes(b"film")
        (root / "shoot" / "clip.mp4").write_bytes(b"film")
        for name, target in {
            "out": outside,
            "out.mp4": outside / "clip.mp4",
            "in": root / "shoot",
            "loop": root,
        }.items():
            (root / name).symlink_to(target)
        (root / "shoot" / "out").symlink_to("../../secret")
        _made["tree"] = Places((root,), SUFFIXES), root
    return _made["tree"]


def test_showing_folders_loads_no_numpy() -> None:
    code = "import sys, webapp.places; print([m for m in ('numpy', 'av', 'sqlalchemy', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
