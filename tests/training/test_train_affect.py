"""The whole command on a handful of real pieces and pictures, twice: same bytes, a model that loads."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InputError
from recommender.model import Model
from training.affect import music
from training.affect.feel_words import SHARES
from training.affect.midi import find_synth
from training.affect.music import read_described_music
from training.affect.terms import AXES
from training.affect.train import train_affect
from training.affect.video import READ

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
CLIP_LINE = "clips, calm against busy, sources left out"
TRACKS = tuple(
    f"{name}.mp3"
    for name in (
        *("Club Diver", "Deliberate Thought", "Pinball Spring 160", "Itty Bitty 8 Bit"),  # of one genre
        *("Frozen Star", "Cherry Blossom", "Stoneworld Battle", "Dreamlike"),  # of another
    )
)
CLIPS = ("carphone_pristine.mp4", "example2.mp4", "fire2.mp4")
FILES = {"affect-music.json", "affect-video.json", "affect-still.json", "model.safetensors"}
FILES |= {"report.json", "card.md", "manifest.json"}


def subset(source: Path, target: Path, key: str, group: str, media: str, suffix: str, n: int) -> None:
    """The smallest files of `n` different groups (then the next smallest), linked, with their rows of the table."""
    with (source / "ratings.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    size = {r[key]: (source / media / (r[key] + suffix)).stat().st_size for r in rows}
    rank: dict[str, int] = {}
    order = []
    for row in sorted(rows, key=lambda r: size[r[key]]):
        rank[row[group]] = rank.get(row[group], 0) + 1
        order.append((rank[row[group]], size[row[key]], row))
    kept = [row for _, _, row in sorted(order, key=lambda item: item[:2])[:n]]
    (target / media).mkdir(parents=True)
    with (target / "ratings.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, kept[0])
        writer.writeheader()
        writer.writerows(kept)
    for row in kept:
        (target / media / (row[key] + suffix)).symlink_to((source / media / (row[key] + suffix)).resolve())


def described(source: Path, target: Path, names=TRACKS) -> None:
    """The tracks `names`, linked, with their rows of the table."""
    target.mkdir()
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        kept = [row for row in csv.DictReader(file) if row["file"] in names]
    assert len(kept) == len(names)
    with (target / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, kept[0])
        writer.writeheader()
        writer.writerows(kept)
    for name in names:
        (target / name).symlink_to((source / name).resolve())


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    if not SHARED.is_dir():
        pytest.skip("the rated corpora are not beside this checkout")
    try:
        find_synth()
    except InputError as error:
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp("data")
    subset(SHARED / "vgmidi", root / "vgmidi", "piece", "series", "midi", ".mid", 12)
    subset(SHARED / "oasis", root / "oasis", "file", "theme", "images", "", 20)
    described(SHARED / "macleod", root / "macleod")
    (root / "clips").mkdir()
    for name in CLIPS:
        (root / "clips" / name).symlink_to((SHARED / "clips" / name).resolve())
    return root


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """Two runs of the command on the same data: the report of the first, and both folders."""
    base = tmp_path_factory.mktemp("models")
    stages: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # One soundfont is enough to see that all steps fit together.
        patch.setattr(music, "other_synth", lambda first: None)
        result = train_affect(small, base / "a", 2, cache=base / "cache", on_progress=lambda s, d, n: stages.append(s))
        train_affect(small, base / "b", 2, cache=base / "cache")
    return result, base, stages


def test_writes_a_model_that_loads(trained):
    result, base, _ = trained
    assert set(result.files) == FILES == {p.name for p in (base / "a").iterdir()}
    model = Model.load(base / "a")
    assert model.name == "builtin"
    for predictor in (*model.affect.values(), model.still):
        assert np.isfinite(predictor(np.tile(predictor.centre, (2, 1)))).all()
    assert model.heads.names == READ


def test_same_inputs_same_bytes(trained):
    _, base, _ = trained
    for name in sorted(FILES):
        assert (base / "a" / name).read_bytes() == (base / "b" / name).read_bytes(), name


def test_weights_keep_the_prior_signs(trained):
    _, base, _ = trained
    model = Model.load(base / "a").affect["music"]
    signs = {t.column: (t.valence, t.arousal) for t in music.MUSIC.terms}
    for j, name in enumerate(model.columns):
        assert (model.weights[:, j] * signs[name] >= 0).all(), name
        assert not name.startswith("level")


def test_card_and_report_state_the_same_figures(trained):
    result, base, _ = trained
    report = json.loads((base / "a" / "report.json").read_text())
    card = (base / "a" / "card.md").read_text()
    assert report == result.report
    for part in ("music", "video"):
        for axis in AXES:
            assert f"**{report[part][axis]['r_mean']:.3f}**" in card
    assert report["command"] in card
    for citation in ("Kurdi", "Ferreira", "Zhang, K.", "Kevin MacLeod"):
        assert citation in card
    assert str(base) not in card + json.dumps(report)


def test_progress_names_the_stages(trained):
    _, _, stages = trained
    assert any(s.startswith("render") for s in stages)
    assert {"picture features", "clip features"} <= set(stages)


def test_summary_has_a_line_per_axis(trained):
    lines = trained[0].lines()
    heads = [line.split(":")[0] for line in lines]
    assert heads[:4] == [f"{m} {a}" for m in ("music", "video") for a in AXES]
    produced = [f"produced tracks, {a} by their composer's words" for a in AXES]
    assert heads[4:] == [*produced, *(f"pictures {a}, whole families left out" for a in AXES), CLIP_LINE]
    assert "chance" in lines[0]


def test_produced_tracks_are_read_without_having_been_learnt_from(trained):
    found = trained[0].report["music"]["described"]
    assert found["tracks"] == len(TRACKS)
    assert {"Calming", "Driving", "Bright"} <= set(found["words"])
    assert set(found["tried"]["arousal"]) == {f"{share:g}" for share in SHARES}


def test_words_of_one_side_only_are_refused(small, tmp_path):
    described(SHARED / "macleod", tmp_path / "macleod", ("Club Diver.mp3", "Stoneworld Battle.mp3"))
    with pytest.raises(InputError, match=r"macleod: the words of 2 tracks name one side of valence only"):
        read_described_music(tmp_path, lambda *_: None)


def test_missing_data_is_one_line_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("training.affect.train.find_synth", lambda soundfont: None)
    with pytest.raises(InputError, match=r"vgmidi/ratings.csv: cannot be read"):
        train_affect(tmp_path / "nothing", tmp_path / "out", 1, cache=tmp_path)
    assert not list((tmp_path / "out").iterdir())


def test_unwritable_output_fails_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("training.affect.train.find_synth", lambda soundfont: None)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        train_affect(tmp_path, tmp_path / "file" / "out", 1)


def test_no_seeds_is_refused(tmp_path):
    with pytest.raises(InputError, match="seeds must be at least 1"):
        train_affect(tmp_path, tmp_path, 0)
