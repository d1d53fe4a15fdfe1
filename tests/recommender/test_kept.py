"""What is found once of a file, and what of it is decoded once."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import media_samples
from recommender.editing.placement import Stretch
from recommender.editing.placing import place
from recommender.editing.preview import write_preview
from recommender.editing.stem import write_stem
from recommender.errors import MediaError
from recommender.media import remux, sound
from recommender.media.footage import footage
from recommender.media.kept import Shelf, keep
from recommender.media.stereo import track_sound


def blocks(*lengths: int) -> Iterator[tuple[int, np.ndarray]]:
    return ((k, np.full((2, n), k, np.float32)) for k, n in enumerate(lengths))


def test_a_file_is_looked_at_once_until_it_changes_and_errors_are_not_kept(tmp_path):
    looks, path = [], tmp_path / "a"

    @keep
    def size(path):
        looks.append(path)
        return len(path.read_bytes())

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            size(path)
    path.write_bytes(b"12")
    assert (size(path), size(path), len(looks)) == (2, 2, 3)
    path.write_bytes(b"123")
    assert (size(path), len(looks)) == (3, 4)
    os.utime(path, ns=(0, 0))
    assert (size(path), len(looks)) == (3, 5)


def test_a_shelf_keeps_what_ends_soon_and_lets_the_oldest_go():
    shelf, none = Shelf(10), iter(())
    assert [y.shape[1] for _, y in shelf.play("a", blocks(2, 2))] == [2, 2]
    again = list(shelf.play("a", none))
    assert [(at, y.shape[1]) for at, y in again] == [(0, 2), (1, 2)]
    assert not again[0][1].flags.writeable
    long = blocks(3, 3, 3)
    assert [at for at, _ in shelf.play("long", long)] == [0, 1, 2]  # whole, though more than half of all
    assert not list(shelf.play("long", none))
    for name in "bc":
        list(shelf.play(name, blocks(4)))
    assert not list(shelf.play("a", none))
    assert len(list(shelf.play("b", none))) == 1


def test_of_a_clip_under_two_tracks_everything_is_read_once(tmp_path, monkeypatch):
    """Its packets, its sound, and each track's section, for placing, film and stem."""
    rng = np.random.default_rng(0)
    clip = tmp_path / "clip.mkv"
    media_samples.clip(clip, media_samples.ramp(50), y=rng.normal(0, 0.1, 88200).astype(np.float32))
    tracks = [tmp_path / f"{k}.wav" for k in range(2)]
    for track in tracks:
        media_samples.sound(track, rng.normal(0, 0.1, 5 * 44100).astype(np.float32))
    read: dict[str, list[str]] = {"scanned": [], "decoded": []}
    _count(monkeypatch, remux, "_stamped", lambda several, stream: read["scanned"].append(stream.type))
    _count(monkeypatch, sound, "_frames", lambda path, *_, **__: read["decoded"].append(Path(path).name))
    for track in tracks:
        seconds: list[float] = []
        placement = place(clip, track, in_s=1.0, speech=[Stretch(0.5, 1.5)], on_second=seconds.append)
        assert seconds.count(2.0) == (2 if track == tracks[0] else 1)  # the clip's sound, and the track's
        write_preview(placement, tmp_path / f"{track.stem}.mkv")
        write_stem(placement, tmp_path / f"stem {track.stem}.wav")
    assert len(read["scanned"]) == 1 + 2  # once, and as they are copied into each film
    assert sorted(read["decoded"]) == ["0.wav", "1.wav", "clip.mkv"]
    assert footage(clip) is footage(clip)
    clip.write_bytes(b"no film")
    with pytest.raises(MediaError):
        place(clip, tracks[0])


def test_a_file_that_is_one_part_is_opened_once_to_be_heard(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    media_samples.sound(path)
    opened: list[object] = []
    _count(monkeypatch, sound, "demuxer", lambda *_: opened.append(1))
    assert sum(y.shape[1] for y in track_sound(path, 0, 10**9)) > 44100
    assert len(opened) == 1


def _count(monkeypatch, module, name, note):
    plain = getattr(module, name)

    def counting(*given, **named):
        note(*given, **named)
        return plain(*given, **named)

    monkeypatch.setattr(module, name, counting)
