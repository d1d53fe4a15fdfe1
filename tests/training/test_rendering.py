"""Rendering: cached by content, one clear line when a tool is missing or fails."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from recommender import media
from recommender.errors import InputError
from training.affect import midi
from training.affect.midi import Synth, find_synth, other_synth, render, render_all

# One track, 480 ticks a quarter at 120 bpm: middle C for a quarter.
NOTE = bytes.fromhex("00903c64" + "8360803c00" + "00ff2f00")
MIDI = b"MThd" + bytes.fromhex("00000006000000010 1e0".replace(" ", "")) + b"MTrk" + len(NOTE).to_bytes(4) + NOTE


@pytest.fixture
def piece(tmp_path):
    path = tmp_path / "a piece; with $odd 'name'.mid"
    path.write_bytes(MIDI)
    return path


def synth(tmp_path: Path, program: str) -> Synth:
    font = tmp_path / "font.sf2"
    font.write_bytes(b"font")
    return Synth(program, font, "0123456789abcdef" * 4)


def test_missing_fluidsynth_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="install Debian's fluidsynth and timgm6mb-soundfont"):
        find_synth()


def test_missing_soundfont_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/fluidsynth")
    monkeypatch.setattr(midi, "FOLDERS", (tmp_path,))
    with pytest.raises(InputError, match=r"no soundfont found .*timgm6mb-soundfont"):
        find_synth()
    with pytest.raises(InputError, match=r"nowhere.sf2: no such soundfont"):
        find_synth(tmp_path / "nowhere.sf2")


def test_soundfonts_are_told_apart_by_content(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/fluidsynth")
    monkeypatch.setattr(midi, "FOLDERS", (tmp_path,))
    (tmp_path / "TimGM6mb.sf2").write_bytes(b"one")
    first = find_synth()
    (tmp_path / "default-GM.sf2").write_bytes(b"one")
    assert other_synth(first) is None
    (tmp_path / "FluidR3_GM.sf2").write_bytes(b"two")
    second = other_synth(first)
    assert second is not None
    assert (first.name, second.name) == ("TimGM6mb.sf2", "FluidR3_GM.sf2")


def test_a_failing_synthesiser_is_reported_with_the_piece(piece, tmp_path):
    with pytest.raises(InputError, match=r"odd 'name'.mid: fluidsynth failed \(exit 1\)"):
        render(piece, synth(tmp_path, "/bin/false"), tmp_path / "cache")
    with pytest.raises(InputError, match="fluidsynth failed"):
        render(piece, synth(tmp_path, "/no/such/program"), tmp_path / "cache")


def test_a_program_that_makes_no_file_is_a_failure(piece, tmp_path):
    with pytest.raises(InputError, match="fluidsynth failed"):
        render(piece, synth(tmp_path, "/bin/true"), tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.flac"))


@pytest.fixture
def real_synth():
    try:
        return find_synth()
    except InputError as error:
        pytest.skip(str(error))


def test_rendering_makes_sound_once(piece, tmp_path, real_synth):
    cache = tmp_path / "cache"
    target = render(piece, real_synth, cache)
    y = np.concatenate(list(media.audio_blocks(target, midi.SR_HZ)))
    assert np.abs(y).max() > 0.01
    assert 0.4 < len(y) / midi.SR_HZ < 15
    before = target.stat().st_mtime_ns
    broken = Synth("/bin/false", real_synth.soundfont, real_synth.digest)
    assert render(piece, broken, cache) == target
    assert target.stat().st_mtime_ns == before


def test_an_edited_piece_is_rendered_anew(piece, tmp_path, real_synth):
    cache = tmp_path / "cache"
    first = render(piece, real_synth, cache)
    piece.write_bytes(MIDI.replace(bytes.fromhex("903c"), bytes.fromhex("9040")))
    assert render(piece, real_synth, cache) != first
    assert not [p for p in cache.rglob("*") if p.is_file() and p.suffix != ".flac"]


def test_all_pieces_in_order_with_progress(piece, tmp_path, real_synth):
    seen = []
    files = render_all([piece, piece], real_synth, tmp_path / "cache", tick=lambda done, n: seen.append((done, n)))
    assert files[0] == files[1]
    assert seen == [(1, 2), (2, 2)]
