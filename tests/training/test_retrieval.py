"""`recommend train retrieval`: the folder it writes, its card, its honesty; from labelled films to a query."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import media_samples  # noqa: E402
from indexing.ingest.import_vectors import import_vectors  # noqa: E402
from indexing.library import Library  # noqa: E402
from pieces import chords  # noqa: E402
from recommender import Model, Recommender  # noqa: E402
from recommender.errors import InputError, ModelError  # noqa: E402
from recommender.model.retrieval import FeatureSet, revision_of  # noqa: E402
from training.evaluation import log  # noqa: E402
from training.evaluation.benchmark import benchmark  # noqa: E402
from training.evaluation.saved import Saved  # noqa: E402
from training.evaluation.trials import Bench  # noqa: E402
from training.learning.second_stage import choose_ranker  # noqa: E402
from training.retrieval.train import train_retrieval  # noqa: E402
from training.systems import SYSTEMS, system  # noqa: E402
from training.systems.afclnet.system import OURS, AFCLNet  # noqa: E402
from training.systems.fusion import Fusion, FusionConfig  # noqa: E402
from training.systems.posterior import EmotionMatching  # noqa: E402
from training.types import Corpus, Dataset, Pairs  # noqa: E402


def made_pairs(n, seed):
    """Pairs whose features are noisy one-hot emotions; every pair has sources of its own."""
    rng = np.random.default_rng(seed)
    video, music = rng.integers(0, 5, n), rng.integers(0, 5, n)
    sources = 2 * np.arange(n) + 10_000 * seed
    features = [(np.eye(5)[e] + rng.normal(0, 0.3, (n, 5))).astype(np.float32) for e in (video, music)]
    match = (video == music).astype(np.int64)
    return Pairs(*features, match, video, music, sources, sources + 1 - match, tuple(f"{seed}-{i}" for i in range(n)))


NEEDS = {m: FeatureSet.of({"name": f"Toy{m}", "revision": "", "columns": 5}) for m in ("video", "music")}


@pytest.fixture(scope="module")
def dataset():
    held = made_pairs(40, 2)
    corpus = Corpus(held.video, held.music, held.video_emotion, tuple(f"c{i}" for i in range(40)))
    parts = {"train": made_pairs(80, 1), "validation": held}
    return Dataset("made-up", parts, corpus, "r1", "none", features=NEEDS)


@pytest.fixture(scope="module")
def saved(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "mine"
    train_retrieval(dataset, system("evidence"), out, command="the command", seeds=range(2), reason="a test")
    return out


def test_the_folder_gives_the_fitted_system_again(dataset, saved):
    model, fitted = Model.load(saved), system("evidence").fit(dataset.pairs["train"], 0)
    held = dataset.pairs["validation"]
    np.testing.assert_allclose(
        model.similarity(held.video, held.music), fitted.similarity(held.video, held.music), atol=1e-5
    )
    np.testing.assert_allclose(model.match(held.video, held.music), fitted.match(held.video, held.music), atol=1e-5)
    np.testing.assert_allclose(model.emotions("video", held.video), fitted.emotions("video", held.video), atol=1e-5)


def test_the_card_tells_figures_chance_data_and_command(saved):
    report, card = json.loads((saved / "report.json").read_text()), (saved / "card.md").read_text()
    entry = report["cross-validation"]["cosine"]["measures"]["video->music mAP"]
    assert f"{entry['mean']:.3f}" in card
    for words in ("the command", "made-up", "80 matched", "Toyvideo, 5 columns", "scored once", "| accuracy | 0.500 |"):
        assert words in card
    assert entry["mean"] > report["cross-validation"]["cosine"]["chance"]["video->music mAP"] + 0.05


def test_scoring_the_evaluated_part_is_logged_and_only_then(dataset, saved, tmp_path):
    (scoring,) = log.entries(saved / "evaluated.jsonl").scorings
    assert (scoring.system, scoring.part, scoring.reason) == ("mine", "validation", "a test")
    train_retrieval(dataset, system("cca"), tmp_path / "quiet", command="c", seeds=[0])
    assert not (tmp_path / "quiet" / "evaluated.jsonl").exists()
    assert "scored once" not in (tmp_path / "quiet" / "card.md").read_text()


def test_equal_inputs_give_equal_bytes(dataset, tmp_path):
    for name in ("a", "b"):
        train_retrieval(dataset, system("cca"), tmp_path / name, command="c", name="same", seeds=[0])
    for file in ("model.safetensors", "manifest.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


QUICK = {"emomv-retrieval", "emomv-retrieval-single", "emomv-retrieval-text", "supcon"}
VECTORS = sorted({*QUICK, "evidence", "posterior", "predicted", "cca", "cluster-cca"})


@pytest.mark.parametrize("name", VECTORS)
def test_every_system_with_vectors_can_be_saved(name, dataset, tmp_path):
    one = system(name)
    one = replace(one, config=replace(one.config, epochs=2)) if name in QUICK else one
    model = train_retrieval(dataset, one, tmp_path / "m", command="c", seeds=[0])
    held = dataset.pairs["validation"]
    fitted = one.fit(dataset.pairs["train"], 0)
    np.testing.assert_allclose(
        model.similarity(held.video, held.music), fitted.similarity(held.video, held.music), atol=1e-5
    )


@pytest.fixture(scope="module")
def fusion(dataset, tmp_path_factory):
    """A small fusion, saved: its folder, its model, and the same fusion fitted once more."""
    quick = replace(OURS, epochs=5, epoch_pairs=64, calibration_folds=2, affect=replace(OURS.affect, folds=3))
    quick = replace(quick, reduction=replace(quick.reduction, components=8))
    one = Fusion("fusion", EmotionMatching(), AFCLNet("afclnet", quick), FusionConfig(folds=2, grid=(0.5,)))
    out = tmp_path_factory.mktemp("fusion")
    model = train_retrieval(dataset, one, out, command="c", seeds=[0], reason="a test")
    return out, model, one.fit(dataset.pairs["train"], 0)


def test_a_fusion_is_saved_with_its_afclnet(dataset, fusion):
    (out, model, fitted), held = fusion, dataset.pairs["validation"]
    reranking = model.reranking
    assert reranking.fusion.weight == 0.5
    for ranker, one in (("fusion", fitted), ("afclnet", fitted.second)):
        served = reranking.similarity(held.video, held.music, ranker=ranker, matcher=model.matcher)
        np.testing.assert_allclose(served, one.similarity(held.video, held.music), atol=1e-3)
        served = reranking.match(held.video, held.music, ranker=ranker, matcher=model.matcher)
        np.testing.assert_allclose(served, one.match(held.video, held.music), atol=1e-4)
    report = json.loads((out / "report.json").read_text())
    gains = report["gains"]
    assert set(gains["video->music"]) == {"afclnet", "fusion"}
    assert model.ranker == choose_ranker(gains["video->music"])
    assert model.ranker_for("video") == choose_ranker(gains["music->video"])
    assert report["evaluated"]["measures"]["video->music mAP"]["mean"] > 0.2
    assert f"video->music: `{model.ranker}`; " in (out / "card.md").read_text()


def test_the_product_ranks_as_the_benchmark_does(dataset, fusion, tmp_path):
    """Every ranker of an imported library gives the order and the probability of the fitted systems."""
    (_, model, fitted), held = fusion, dataset.pairs["validation"]
    np.save(tmp_path / "music.npy", held.music)
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(len(held))))
    import_vectors(tmp_path / "lib", tmp_path / "music.npy", tmp_path / "ids.csv", space=model)
    systems = {"cosine": fitted.first, "afclnet": fitted.second, "fusion": fitted}
    with Library.open(tmp_path / "lib") as library:
        for ranker, one in systems.items():
            engine = Recommender(library, model, ranker)
            found = engine.recommend(engine.features(held.video[3]), top=len(held))
            expected = one.similarity(held.video[3:4], held.music)[0]
            assert [expected[int(r.track.title)] for r in found] == pytest.approx(
                sorted(expected, reverse=True), abs=1e-3
            )
            song = int(found[0].track.title)
            assert found[0].score == pytest.approx(one.match(held.video[3:4], held.music[song : song + 1])[0], abs=1e-4)


def test_systems_without_vectors_say_so(dataset, tmp_path):
    one = system("emomv-classifier-single")
    with pytest.raises(InputError, match="emomv-classifier-single scores pairs without vectors"):
        train_retrieval(dataset, replace(one, config=replace(one.config, epochs=1)), tmp_path / "m", command="c")
    assert not (tmp_path / "m" / "manifest.json").exists()
    assert set(VECTORS) <= set(SYSTEMS)


def test_a_saved_model_is_scored_as_it_is(dataset, saved, tmp_path):
    """On a set without training pairs, as others hold it; the same figures as the system it was made from."""
    other = replace(dataset, name="other", pairs={"validation": dataset.pairs["validation"]})
    report = benchmark(
        Bench(other, "clean", saved=True), {"mine": Saved(Model.load(saved))}, [0], out=tmp_path / "a", command="c"
    )
    fresh = benchmark(Bench(dataset, "clean"), {"evidence": system("evidence")}, [0], out=tmp_path / "b", command="c")
    for name, entry in fresh["systems"]["evidence"]["measures"].items():
        assert report["systems"]["mine"]["measures"][name]["mean"] == pytest.approx(entry["mean"], abs=1e-6), name
    assert "made-up" in report["systems"]["mine"]["config"]
    with pytest.raises(InputError, match="what they were trained on is no test"):
        Bench(dataset, "clean", "folds", saved=True)
    with pytest.raises(InputError, match="without its train pairs"):
        Bench(other, "clean")


def test_a_saved_model_refuses_other_features(saved):
    model = Model.load(saved)
    others = {"video": NEEDS["video"], "music": FeatureSet.of({"name": "VGGish", "revision": "", "columns": 128})}
    with pytest.raises(InputError, match=r"reads Toymusic \(5 columns\) of music, emomv-z has VGGish \(128 columns\)"):
        model.check(others, "emomv-z")


def test_from_labelled_films_to_a_query_of_media(run, tmp_path):
    """dataset build -> train retrieval -> index add --model -> --video: one's own labels, no code."""
    rng, lines = np.random.default_rng(0), ["path,emotion,source"]
    for i, emotion in enumerate(("exciting", "fearful", "tense", "sad", "relaxing") * 6):
        pictures = [np.full((48, 64, 3), rng.integers(0, 255), np.uint8) for _ in range(8)]
        y = chords((0, 3 + i % 2, 7), 0.2 + 0.15 * (i % 5), 2.0, i)
        media_samples.clip(tmp_path / f"{i}.mp4", pictures, fps=4, y=np.repeat(y, 2))
        lines.append(f"{i}.mp4,{emotion},source{i}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    built, model, library = tmp_path / "built", tmp_path / "own", tmp_path / "library"
    assert run("dataset", "build", tmp_path / "labels.csv", "--out", built).code == 0
    ran = run("train", "retrieval", "--dataset", built, "--out", model, "--seeds", 1)
    assert ran.code == 0, ran.err
    assert "BuiltinMusic, 96 columns, revision music-3 (measured by this program)" in ran.out
    ran = run(
        "index", "add", tmp_path / "0.mp4", tmp_path / "1.mp4", "--model", model, "--library", library, "--workers", 1
    )
    assert ran.code == 0, ran.err
    ran = run("--video", tmp_path / "0.mp4", "--library", library, "--model", model, "--format", "json")
    found = json.loads(ran.out)
    assert len(found) == 2
    assert found[0]["section_affect"] is None
    assert sum(found[0]["section_emotions"].values()) == pytest.approx(1, abs=1e-3)
    assert found[0]["out_s"] > 0
    assert run("index", "verify", "--library", library).code == 0


@pytest.mark.parametrize(("backward", "refused"), [("cosine", False), ("magic", True), (None, False)])
def test_the_default_of_either_direction_is_read(fusion, tmp_path, backward, refused):
    folder, (out, _, _) = tmp_path / "both", fusion
    shutil.copytree(out, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.pop("ranker_of_clips", None)
    manifest |= {"ranker": "fusion", **({"ranker_of_clips": backward} if backward else {})}
    manifest["revision"] = revision_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if refused:
        with pytest.raises(ModelError, match="no ranker 'magic'"):
            Model.load(folder)
        return
    found = Model.load(folder)
    assert (found.ranker_for("music"), found.ranker_for("video")) == ("fusion", backward or "fusion")
