"""`build` from a table of media to a data set that loads: repeatable, resumable, and one clear line when it cannot."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import media_samples
from labelled_texts import CALLS, ROWS, TEXT, Toy, write_table
from recommender.errors import InputError
from recommender.extractors.audio import music
from recommender.extractors.video import video
from training.construction import features, storage
from training.construction.build import build
from training.construction.extractors import KNOWN, PAIRS, find_pair
from training.construction.features import measure
from training.construction.table import read_table
from training.datasets import load_pairs
from training.datasets.built import load_built, read_manifest
from training.datasets.emomv_labels import JOIN
from training.types import EMOTIONS, Dataset


@pytest.fixture(autouse=True)
def _text_extractors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAIRS, "text", TEXT)
    CALLS.clear()


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a built set but its cache."""
    found = (p for p in folder.rglob("*") if p.is_file() and "cache" not in p.parts and p.name != storage.LOCK)
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def expected(path: str, width: int, salt: str) -> list[int]:
    return list(hashlib.sha256((salt + path).encode()).digest()[:width])


def check_rows(found: Dataset, where: dict[str, str]) -> None:
    """Every row's features are those of the files that its id names."""
    for pairs in found.pairs.values():
        for i, name in enumerate(pairs.ids):
            first, last = name.split(JOIN)[0], name.split(JOIN)[-1]
            assert pairs.video[i].tolist() == expected(where[first], 3, "v")
            assert pairs.music[i].tolist() == expected(where[last], 2, "m")


def test_a_built_set_loads_with_the_right_features_and_no_shared_source(tmp_path):
    table = write_table(tmp_path)
    report = build(table, tmp_path / "D", "return", seed=0, extractor="text")
    found = load_pairs("built", tmp_path / "D")
    assert report.revision == found.revision
    assert found.missing == ()
    assert found.name == "D"
    check_rows(found, {r.id: r.path for r in read_table(table).rows})
    sides = [set(p.video_source.tolist()) | set(p.music_source.tolist()) for p in found.pairs.values()]
    assert len(sides) == 2
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 12
    assert "sources in several splits" not in found.notes
    for name, split in report.splits.items():
        pairs = found.pairs[name]
        assert (int(pairs.match.sum()), len(pairs)) == (split.matched, split.matched + split.mismatched)
    assert sum(s.matched + s.mismatched for s in report.splits.values()) == len(ROWS)


def test_the_corpus_is_every_validation_segment_with_its_own_sound(tmp_path):
    table = write_table(tmp_path)
    report = build(table, tmp_path / "D", "drop", seed=1, extractor="text")
    found = load_built(tmp_path / "D")
    assert found.corpus is not None
    names = {part for name in found.pairs["validation"].ids for part in name.split(JOIN)}
    assert set(found.corpus.ids) == names
    assert len(found.corpus) == len(names) == report.corpus
    where = {r.id: r for r in read_table(table).rows}
    for i, name in enumerate(found.corpus.ids):
        assert found.corpus.video[i].tolist() == expected(where[name].path, 3, "v")
        assert found.corpus.music[i].tolist() == expected(where[name].path, 2, "m")
        assert found.corpus.emotion[i] == where[name].emotion


@pytest.mark.parametrize("balance", ["return", "drop"])
def test_the_same_build_gives_the_same_bytes_whatever_the_order_of_rows(tmp_path, balance):
    first = build(write_table(tmp_path), tmp_path / "one" / "D", balance, seed=7, extractor="text")
    again = build(
        write_table(tmp_path, ROWS[::-1], "other.csv"), tmp_path / "two" / "D", balance, seed=7, extractor="text"
    )
    assert files_of(first.folder) == files_of(again.folder)
    assert first.revision == again.revision
    other = build(tmp_path / "labels.csv", tmp_path / "one" / "D", balance, seed=8, extractor="text")
    assert other.revision != first.revision


def test_drop_balances(tmp_path):
    report = build(write_table(tmp_path), tmp_path / "D", "drop", seed=0, extractor="text")
    for split in report.splits.values():
        assert split.matched == split.mismatched > 0
    assert sum(s.dropped + s.matched + s.mismatched for s in report.splits.values()) == len(ROWS)


def test_what_is_left_out_is_counted_and_told(tmp_path):
    rows = [*ROWS, ("media/n.txt", "Neutral", "film 0"), ("media/broken.txt", "sad", "film 1")]
    table = write_table(tmp_path, rows)
    (tmp_path / "media" / "broken.txt").write_text("damaged")
    report = build(table, tmp_path / "D", "return", seed=0, extractor="text", max_per_source=3)
    assert report.neutral == 1
    assert report.over_limit == 13
    assert len(report.rejected) <= 1  # the limit may have left the broken one out
    report = build(table, tmp_path / "D", "return", seed=0, extractor="text")
    assert [(r.line, r.path) for r in report.rejected] == [(len(rows) + 1, "media/broken.txt")]
    assert "no audio stream" in report.rejected[0].reason
    lines = (tmp_path / "D" / "segments.csv").read_text().splitlines()
    assert lines[0] == "id,path,emotion,source,split,use"
    assert len(lines) == 1 + len(ROWS) + 1
    assert [line for line in lines if line.endswith("unusable")] == ["film 1_04,media/broken.txt,sad,film 1,,unusable"]
    assert report.as_dict()["rejected"][0]["line"] == len(rows) + 1


def test_at_most_two_segments_of_a_source(tmp_path):
    report = build(
        write_table(tmp_path), tmp_path / "D", "return", seed=0, extractor="text", max_per_source=2, validation=0.5
    )
    found = load_built(tmp_path / "D")
    segments = {part for p in found.pairs.values() for name in p.ids for part in name.split(JOIN)}
    assert len(segments) == 24
    assert report.over_limit == 24
    assert len(CALLS) == 48  # 24 files, both modalities: the others are never measured


# Resuming


def test_a_second_build_measures_nothing(tmp_path):
    table = write_table(tmp_path)
    seen: list[tuple[int, int]] = []
    first = build(table, tmp_path / "D", "return", seed=0, extractor="text", on_progress=lambda *at: seen.append(at))
    # pictures of 48 files, then their sound
    assert seen == [(done, 96) for done in [*range(49), *range(48, 97)]]
    CALLS.clear()
    again = build(table, tmp_path / "D", "return", seed=0, extractor="text")
    assert (first.computed, again.computed, CALLS) == (48, 0, [])
    (tmp_path / "media" / "0-0.txt").write_text("changed")
    assert build(table, tmp_path / "D", "return", seed=0, extractor="text").computed == 1


def test_a_stopped_build_continues_where_it_was(tmp_path):
    table = write_table(tmp_path)

    def stop(done: int, total: int) -> None:
        if done == 58:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(table, tmp_path / "D", "return", seed=0, extractor="text", on_progress=stop)
    with pytest.raises(InputError, match=r"no finished data set \(dataset.json is not there\)"):
        load_built(tmp_path / "D")
    assert build(table, tmp_path / "D", "return", seed=0, extractor="text").computed == 38
    whole = build(table, tmp_path / "E" / "D", "return", seed=0, extractor="text")
    assert files_of(whole.folder) == files_of(tmp_path / "D")


def test_a_damaged_piece_of_the_cache_is_measured_again(tmp_path):
    table = write_table(tmp_path)
    first = build(table, tmp_path / "D", "return", seed=0, extractor="text")
    pieces = sorted((tmp_path / "D" / "cache").rglob("*.npy"))
    pieces[0].write_bytes(pieces[0].read_bytes()[:-3])
    pieces[1].write_bytes(b"")
    np.save(pieces[2], np.full(5, np.nan, np.float32))
    again = build(table, tmp_path / "D", "return", seed=0, extractor="text")
    assert again.computed == 3
    assert again.revision == first.revision


# The built-in extractors


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve half-second clips with sound of three sources each emotion, a silent one without sound, a song."""
    folder = tmp_path_factory.mktemp("media")
    rows = []
    for i in range(12):
        name = f"clip {i}.mp4"
        y = media_samples.tone(0.5, hz=220.0 + 40 * i)
        media_samples.clip(folder / name, media_samples.shades([20 * i, 200 - 10 * i] * 3), fps=12, y=y)
        rows.append(f"{name},{('exciting', 'sad')[i % 2]},film {i // 2}")
    media_samples.clip(folder / "mute.mp4", media_samples.ramp(6), fps=12)
    media_samples.sound(folder / "song.wav")
    rows += ["mute.mp4,sad,film 9", "song.wav,sad,film 9"]
    (folder / "labels.csv").write_text("path,emotion,source\n" + "\n".join(rows) + "\n")
    return folder


def test_built_in_features_are_those_of_the_product(media, tmp_path):
    report = build(media / "labels.csv", tmp_path / "D", "return", seed=0, validation=0.4)
    found = load_built(tmp_path / "D")
    assert [r.line for r in report.rejected] == [14, 15]
    assert "no audio stream" in report.rejected[0].reason
    assert "no video stream" in report.rejected[1].reason or "no picture" in report.rejected[1].reason
    rows = {r.id: r.file for r in read_table(media / "labels.csv").rows}
    train = found.pairs["train"]
    at = int(np.flatnonzero(train.match == 0)[0])
    first, last = train.ids[at].split(JOIN)
    np.testing.assert_array_equal(train.video[at], video.extract(rows[first]).item)
    np.testing.assert_array_equal(train.music[at], music.extract(rows[last]).item)
    manifest = read_manifest(tmp_path / "D")
    assert manifest.video.columns == tuple(c.name for c in video.COLUMNS)
    assert manifest.music.columns == music.NAMES
    assert (manifest.video.prefix, manifest.music.prefix) == ("BuiltinVideo", "BuiltinMusic")


def test_worker_processes_measure_the_same(media, tmp_path):
    rows = [r for r in read_table(media / "labels.csv").rows if r.path in ("clip 0.mp4", "clip 1.mp4", "mute.mp4")]
    one, two = (
        measure(rows, PAIRS["builtin"], tmp_path / str(n), workers=n, on_progress=lambda *_: None) for n in (1, 2)
    )
    assert one.rejected == two.rejected
    assert len(one.rejected) == 1
    assert one.video.keys() == two.video.keys()
    for name in one.video:
        np.testing.assert_array_equal(one.video[name], two.video[name])
        np.testing.assert_array_equal(one.music[name], two.music[name])


def test_features_that_are_not_finite_are_refused(tmp_path):
    (tmp_path / "x").write_text("x")
    holed = Toy("V", "video", ("a",), lambda path: np.array([np.nan], np.float32))
    assert features.vector_of(holed, str(tmp_path / "x")) == f"{tmp_path / 'x'}: features are not finite"
    assert "cannot read" in str(features.vector_of(TEXT.video, str(tmp_path / "gone")))


def test_every_pair_names_its_columns_and_revisions():
    for name, pair in PAIRS.items():
        for one in (pair.video, pair.music):
            assert one.columns, name
            assert one.revision or name != "builtin"  # published features have none
            assert len(set(one.columns)) == len(one.columns)
        assert pair.name == name
        assert pair.video.label != pair.music.label
        assert (pair.video.modality, pair.music.modality) == ("video", "music")


def test_a_pair_goes_by_its_name_its_older_name_or_its_two_extractors():
    assert find_pair("builtin") is PAIRS["builtin"]
    assert find_pair("emomv") is PAIRS["slowfast"]
    assert find_pair("slowfast, builtin-music")[1:] == (KNOWN["slowfast"], KNOWN["builtin-music"])
    for name in ("slowfast,efficientnet", "vggish,slowfast", "slowfast,vggish,vggish", "slowfast,"):
        with pytest.raises(InputError, match="unknown extractor"):
            find_pair(name)


def test_the_report_is_json(tmp_path):
    report = build(write_table(tmp_path), tmp_path / "D", "return", seed=0, extractor="text")
    found = json.loads(json.dumps(report.as_dict()))
    assert found["folder"] == str(tmp_path / "D")
    assert found["splits"]["train"]["emotions"].keys() == set(EMOTIONS)
    assert (found["computed"], found["rejected"], found["balance"]) == (48, [], "return")
