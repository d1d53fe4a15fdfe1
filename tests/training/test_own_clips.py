"""A model moved to where a user's clips lie: what moves, what stays, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import media_samples
from recommender.encoders import Calibration, Matcher
from recommender.encoders.predicted import PredictedEncoder
from recommender.errors import InputError
from recommender.extractors import EXTRACTORS
from recommender.model import Model
from recommender.model.retrieval import FeatureSet, RetrievalModel
from running import ROOT
from training.retrieval.adapt import adapt
from training.retrieval.adapted_card import CENTRED
from training.retrieval.own_clips import Clips, centre, read_clips, save_centred, take_clips
from training.retrieval.own_pairs import Measuring, Own
from training.systems.mixture import READING, mix
from training.systems.predicted import PredictedMusic
from training.types import Corpus, Dataset, Pairs

D = 12
NEEDS = {m: FeatureSet(f"Toy{m}", "", tuple(f"Toy{m}_{i}" for i in range(D))) for m in ("video", "music")}
QUICK = PredictedMusic(config=replace(READING, told_folds=0))


def world(n: int, *, seed: int, at: float = 0.0) -> Pairs:
    """Pairs whose features tell the emotion; all clips lie `at` from where they lay, along one direction."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(9).normal(size=(2, 5, D))
    emotion, match = rng.integers(0, 5, n), np.arange(n) % 2
    heard = np.where(match == 1, emotion, (emotion + rng.integers(1, 5, n)) % 5)
    video = centres[0][emotion] + 0.5 * rng.normal(size=(n, D)) + at * np.linspace(-1, 1, D)
    music = centres[1][heard] + 0.5 * rng.normal(size=(n, D))
    sources = np.arange(n), np.where(match == 1, np.arange(n), np.arange(n) + n)
    return Pairs(video.astype(np.float32), music.astype(np.float32), match, emotion, heard, *sources, ("p",) * n)


@pytest.fixture(scope="module")
def model() -> RetrievalModel:
    encoder = QUICK.encoder(world(150, seed=1), None)
    given = {"dataset": "d", "revision": "r", "part": "train", "pairs": 150}
    return RetrievalModel("base", "r0", Path(), "predicted", NEEDS, Matcher(encoder, Calibration(5.0, 0.0)), given)


def clips(n: int = 60, at: float = 3.0) -> Clips:
    return Clips("mine", "f" * 64, world(n, seed=2, at=at).video, {"a.mp4": "no picture"})


def right(model: RetrievalModel, pairs: Pairs) -> float:
    return float(np.mean(model.matcher.encoder.affine("video", pairs.video).argmax(axis=1) == pairs.video_emotion))


def test_a_clip_is_read_as_far_from_the_own_mean_as_training_clips_from_theirs(model):
    moved, far = centre(model, clips()), world(80, seed=3, at=3.0)
    tensors = model.matcher.encoder.tensors
    back = far.video - clips().video.mean(axis=0) + tensors["video.mean"]
    for layer in ("video", "video_sound"):
        wanted = model.matcher.encoder.affine(layer, back)
        assert moved.matcher.encoder.affine(layer, far.video) == pytest.approx(wanted, abs=1e-4)
    assert right(moved, far) > right(model, far) + 0.2
    same = {name for name, x in moved.matcher.encoder.tensors.items() if np.array_equal(x, tensors[name])}
    assert set(tensors) - same == {"video.bias", "video_sound.bias", "video.mean"}
    assert np.array_equal(moved.matcher.embed("music", far.music), model.matcher.embed("music", far.music))


def test_moved_twice_it_lies_at_the_last(model):
    twice = centre(centre(model, clips(at=-2.0)), clips())
    once = centre(model, clips()).matcher.encoder.tensors
    for name, values in twice.matcher.encoder.tensors.items():
        assert values == pytest.approx(once[name], abs=1e-5)


def test_of_a_mixture_every_part_that_predicts_music_moves(model):
    first = model.matcher.encoder
    second = QUICK.encoder(world(60, seed=5), None)
    both = replace(model, matcher=replace(model.matcher, encoder=mix(first, second, world(60, seed=5), weight=0.5)))
    found = centre(both, clips()).matcher.encoder.tensors
    for part, one in (("first", first), ("second", second)):
        alone = centre(replace(model, matcher=replace(model.matcher, encoder=one)), clips()).matcher.encoder.tensors
        assert found[f"{part}.video.bias"] == pytest.approx(alone["video.bias"])
        assert found[f"{part}.video.bias"] != pytest.approx(one.tensors["video.bias"])


def test_what_is_written_is_a_model_like_any_other(model, tmp_path):
    moved = centre(model, clips())
    made = save_centred(moved, tmp_path / "mine", command="the command")
    video = world(10, seed=4).video
    assert made.matcher.embed("video", video) == pytest.approx(moved.matcher.embed("video", video), abs=1e-4)
    again = save_centred(centre(model, clips()), tmp_path / "again", command="another", name="mine")
    assert Model.load(tmp_path / "mine").space == again.space
    assert made.trained_on["own_clips"] == {"name": "mine", "revision": "f" * 64, "count": 60, "failed": 1}
    assert (made.trained_on["base"], made.trained_on["dataset"]) == ("base", "d")
    for words in ("the command", "`base`", "60 different clips", "1 files could not be used", "clips of the kind"):
        assert words in made.card().replace("\n", " ")


def test_the_figures_on_the_card_are_those_of_the_page():
    page = (ROOT / "docs" / "results" / "adaptation.md").read_text(encoding="utf-8")
    all_clips, few = (next(x for x in page.splitlines() if x.startswith(f"| {n} clips, cosine")) for n in ("all", 20))
    for line in (all_clips, few):
        for cell in line.split(" | ")[-2:]:
            assert cell.strip(" |") in CENTRED.replace("\n", " ")


def test_the_model_that_comes_with_the_package_can_be_moved():
    emomv = Model.load("emomv")
    rows = np.random.default_rng(0).random((20, 2304)).astype(np.float32)
    before, after = (one.matcher.embed("video", rows) for one in (emomv, centre(emomv, Clips("c", "", rows))))
    assert np.abs(before - after).max() > 0.01


def test_too_few_clips_and_models_without_a_mean_are_refused(model):
    few = clips(25)._replace(video=np.repeat(clips().video[:19], 2, axis=0))
    pairs = world(19, seed=2)
    with pytest.raises(InputError, match=r"mine: 19 different clips, 1 could not be used; give at least 20"):
        centre(model, few._replace(video=np.unique(few.video, axis=0)))
    doubled = replace(pairs, **{f: np.repeat(getattr(pairs, f), 2, axis=0) for f in ("video", "music")})
    assert len(take_clips(Dataset("d", {"train": doubled}, None, "r", "l", features=NEEDS), model).video) == 19
    encoder = model.matcher.encoder
    old = PredictedEncoder(encoder.settings, {n: x for n, x in encoder.tensors.items() if n != "video.mean"})
    with pytest.raises(InputError, match="the model 'base' does not know where the clips lay"):
        centre(replace(model, matcher=replace(model.matcher, encoder=old)), clips())


def test_the_clips_of_a_data_set_are_those_of_all_its_parts(model):
    every = world(40, seed=2)
    train, more = every.take(np.arange(25)), every.take(np.arange(25, 40))
    deaf = replace(train, video=np.zeros((25, 0), np.float32))
    corpus = Corpus(every.video[:3] + 1, every.music[:3], every.video_emotion[:3], ("a", "b", "c"))
    found = take_clips(
        Dataset("d", {"train": train, "validation": more, "test": deaf}, corpus, "r", "l", features=NEEDS), model
    )
    assert len(found.video) == 43
    other = Dataset("d", {"train": train}, None, "r", "l", features={**NEEDS, "video": FeatureSet("Other", "", ("x",))})
    with pytest.raises(InputError, match="reads Toyvideo"):
        take_clips(other, model)


def test_own_pairs_are_learnt_from_after_the_move_and_the_card_says_so(model, tmp_path):
    moved = centre(model, clips(at=1.0))
    taught = world(100, seed=2, at=1.0)
    turned = replace(taught, video=taught.video[:, ::-1].copy())
    made = adapt(moved, Own("mine.csv", "e" * 64, turned, labelled=True), tmp_path / "mine", command="c")
    tensors = made.matcher.encoder.tensors
    assert tensors["first.video.bias"] == pytest.approx(moved.matcher.encoder.tensors["video.bias"], abs=1e-4)
    assert made.trained_on["base_trained_on"]["own_clips"]["count"] == 60
    assert "moved to the mean of one's own clips first, held-out ones too" in made.card().replace("\n", " ")


@pytest.fixture(scope="module")
def seeing(tmp_path_factory) -> Path:
    """A model of what the package measures itself, in a folder."""
    needs = {m: FeatureSet.by(EXTRACTORS[f"builtin-{m}"]) for m in ("video", "music")}
    rng, some = np.random.default_rng(0), world(60, seed=1)
    sides = {m: rng.normal(size=(60, len(needs[m].columns))).astype(np.float32) for m in needs}
    encoder = QUICK.encoder(replace(some, **sides), None)
    model = RetrievalModel("sees", "r", Path(), "predicted", needs, Matcher(encoder, Calibration(1.0, 0.0)), {})
    folder = tmp_path_factory.mktemp("model") / "sees"
    save_centred(centre(model, Clips("c", "", sides["video"])), folder, command="c")
    return folder


@pytest.fixture(scope="module")
def stills(tmp_path_factory) -> Path:
    """Twenty pictures, and a clip that is none."""
    folder = tmp_path_factory.mktemp("own")
    for i in range(20):
        media_samples.still(folder / f"{i:02}.png", np.full((32, 32, 3), 10 * i, np.uint8))
    (folder / "broken.mp4").write_bytes(b"no clip")
    return folder


def test_the_command_reads_a_folder_or_a_list_and_tells_what_it_could_not_read(run, seeing, stills, tmp_path):
    code, out, err = run("train", "adapt", "--model", seeing, "--clips", stills, "--out", tmp_path / "mine")
    assert code == 0, err
    assert "20 different clips" in out
    assert "failed: " in err
    assert "broken.mp4" in err
    listed = stills.parent / "list.txt"
    listed.write_text("".join(f"{stills.name}/{i:02}.png\n" for i in range(20)) + "gone.mp4\n", encoding="utf-8")
    code, _, err = run("train", "adapt", "--model", seeing, "--clips", listed, "--out", tmp_path / "listed")
    assert code == 0, err
    assert "gone.mp4" in err
    made = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("mine", "listed")]
    assert len({one["trained_on"]["own_clips"]["revision"] for one in made}) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "give --clips (your clips)"),
        (("--pairs", "a.csv", "--dataset", "d"), "give --clips (your clips)"),
        (("--clips", "nowhere"), "nowhere: no folder of clips, no list of them"),
    ],
)
def test_the_command_says_what_to_give(run, seeing, tmp_path, given, words):
    code, _, err = run("train", "adapt", "--model", seeing, "--out", tmp_path / "mine", *given)
    assert code == 2
    assert words in err
    assert not (tmp_path / "mine" / "manifest.json").exists()


def test_a_list_of_few_is_refused_after_each_failure_was_told(seeing, tmp_path):
    (tmp_path / "list.m3u").write_text("a.mp4\nb.mp4\n", encoding="utf-8")
    told = []
    how = Measuring(tmp_path / "cache", 1, lambda *_: None, told.append)
    found = read_clips(tmp_path / "list.m3u", Model.load(seeing), how)
    assert len(told) == len(found.failed) == 2
    with pytest.raises(InputError, match="0 different clips, 2 could not be used"):
        centre(Model.load(seeing), found)
