"""What the program keeps is whole at any instant: as it was before, or all of what was written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexing.disk import parts
from indexing.disk.durable import write_json
from recommender import atomic
from recommender.errors import LibraryError

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = b"old" * 1000, b"new" * 100_000
STEPS = ("half a write", "file synced", "renamed", "folder synced")
# Killed before the step of this number, counted from 0; step 0 comes after half of the bytes.
KILLED = """
import os, signal, sys
from pathlib import Path
from recommender import atomic

target, last, new = Path(sys.argv[1]), int(sys.argv[2]), b"new" * 100_000
done = 0

def passing(real):
    def run(*args, **named):
        global done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    return run

os.fsync, os.replace = passing(os.fsync), passing(os.replace)
with atomic.new_file(target) as partial, open(partial, "wb") as file:
    file.write(new[: len(new) // 2])
    if last == 0:
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    file.write(new[len(new) // 2 :])
"""


def killed_at(step: int, target: Path) -> int:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", KILLED, str(target), str(step)], env=env, timeout=60).returncode


@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
@pytest.mark.parametrize("before", [OLD, None], ids=["replaced", "new"])
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(before: bytes | None, step: int, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    if before is not None:
        target.write_bytes(before)
    assert killed_at(step, target) == -signal.SIGKILL
    found = target.read_bytes() if target.exists() else None
    assert found == (NEW if step == 3 else before)
    atomic.write(target, NEW)
    assert target.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [target]


def test_a_writer_that_is_not_killed_writes(tmp_path: Path) -> None:
    assert killed_at(len(STEPS), tmp_path / "a") == 0  # so the kills above were before these steps
    assert (tmp_path / "a").read_bytes() == NEW


def test_file_and_folder_are_synced_and_renamed_in_that_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        seen.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")  # noqa: PTH112
        sync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: (seen.append("rename"), replace(*names)))
    atomic.write(tmp_path / "deeper" / "card.md", "é\r\n")
    assert seen == ["folder", "file", "rename", "folder"]  # the first is the one that the new folder is in
    assert (tmp_path / "deeper" / "card.md").read_bytes() == "é\r\n".encode()


def run_out_of_room(path: Path) -> None:
    path.write_bytes(NEW)
    raise OSError("no room")


def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "card.md"
    target.write_bytes(OLD)
    with pytest.raises(OSError, match="no room"), atomic.new_file(target) as partial:
        run_out_of_room(partial)
    with pytest.raises(FileNotFoundError), atomic.new_file(target):
        pass  # nothing was written
    with pytest.raises(OSError, match="no room"), atomic.new_folder(tmp_path / "folder") as folder:
        run_out_of_room(folder / "a")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"card.md": OLD}


def test_a_folder_that_is_gone_is_made_where_that_is_wanted_alone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        atomic.write(gone / "a", NEW, make_folder=False)
    with pytest.raises(FileNotFoundError):
        write_json(gone / "search.json", {})
    with pytest.raises(LibraryError, match="No such file"):
        parts._write_table(gone, None)
    assert not gone.exists()
    atomic.write(gone / "a", NEW)
    assert (gone / "a").read_bytes() == NEW


def test_who_share_a_file_do_not_share_what_is_not_finished(tmp_path: Path) -> None:
    with atomic.new_file(tmp_path / "a", shared=True) as one, atomic.new_file(tmp_path / "a") as other:
        assert one != other
        assert {path.name[: len(atomic.PARTIAL)] for path in (one, other)} == {atomic.PARTIAL}
        one.write_bytes(NEW)
        other.write_bytes(OLD)
    assert (tmp_path / "a").read_bytes() == NEW


def test_nothing_else_renames_files_into_place() -> None:
    """Whoever renames goes through `recommender.atomic`; text and bytes are written plainly only where it is told."""
    plain = {"indexing/disk/lock.py", "recommender/atomic.py"}  # a note that may be lost
    plain |= {f"recommender/timelines/{name}.py" for name in ("audacity", "edl", "m3u8", "otio", "xml")}  # new files
    sources = [p for layer in ("recommender", "indexing", "training") for p in (ROOT / layer).rglob("*.py")]
    renames = ("os.replace(", "os.rename(", "shutil.move(", ".write_text(", ".write_bytes(")
    found = {str(p.relative_to(ROOT)) for p in sources if any(r in p.read_text("utf-8") for r in renames)}
    assert found <= plain
