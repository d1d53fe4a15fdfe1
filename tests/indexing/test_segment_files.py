"""Segments and what changed in them are as little trusted as all that is derived."""

import json

import numpy as np
import pytest
from fakes import Marking, state
from segmented import check, restored

from indexing.disk.npy import NpyWriter
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import verify
from indexing.snapshot import snapshot

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def several(grown):
    with restored(grown, "several") as opened:
        known = opened._facts["music"]
        assert (len(known.segments), len(known.later.ids), len(known.same.ids)) == (2, 1, 2)
        assert not known.segments[0].alive.all()
        yield opened


def test_a_flipped_bit_in_any_file_of_any_segment_changes_no_answer(several):
    before, folder = state(several), several.folder
    for at, path in enumerate(sorted(folder.glob("snapshots/**/*.npy"))):
        data = path.read_bytes()
        flipped = bytearray(data)
        flipped[-1 - at % 8 if at % 2 else len(data) // 2] ^= 1 << at % 8
        path.write_bytes(flipped)
        assert snapshot.load_or_none(folder) is None, path
        path.write_bytes(data)
    path.write_bytes(bytes(flipped))
    several.reload()
    assert state(several) == before
    assert [p.kind for p in verify(several)] == ["snapshot"]
    several.close()
    list(repair(folder, Marking(), executor="inline"))
    several.reload()
    check(several)


CHANGES = {
    "dropped": lambda a: a + 1000,
    "ids": lambda a: np.array([7, 3]),
    "same": lambda a: a[::-1],
    "facts/bpm": lambda a: a * np.inf,
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_that_do_not_fit_are_no_snapshot_even_without_checksums(several, name):
    manifest = several.folder / snapshot.MANIFEST
    held = json.loads(manifest.read_text())
    held.pop("crc")
    music = held["modalities"]["music"]
    music.pop("crcs")
    for one in music["older"]:
        one.pop("crcs")
    manifest.write_text(json.dumps(held))
    assert snapshot.load_or_none(several.folder) is not None
    (path,) = several.folder.glob(f"snapshots/*/music/changes/{name}.npy")
    values = np.load(path, allow_pickle=False)
    path.unlink()
    NpyWriter.save(path, np.ascontiguousarray(CHANGES[name](values)))
    assert snapshot.load_or_none(several.folder) is None


@pytest.mark.parametrize("older", [[], [{"name": "../x", "rows": 3}], [{"name": "0-00000000", "rows": "1"}], None, 3])
def test_a_manifest_that_names_other_segments_is_none(several, older):
    manifest = several.folder / snapshot.MANIFEST
    held = json.loads(manifest.read_text())
    held.pop("crc")
    held["modalities"]["music"]["older"] = older
    manifest.write_text(json.dumps(held))
    assert snapshot.load_or_none(several.folder) is None
