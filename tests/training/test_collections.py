"""Several data sets as collections: gathered whole, left out whole, and nothing of the one that is scored is learnt."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from recommender.errors import InputError
from recommender.model.retrieval import FeatureSet
from training.datasets.collections import gather
from training.evaluation import report as rendering
from training.evaluation.benchmark import benchmark
from training.evaluation.trials import Bench
from training.learning.folds import deal_parts
from training.learning.targets import score_pairs
from training.retrieval.train import train_retrieval
from training.systems.posterior import EmotionMatching
from training.types import Corpus, Dataset, Extra, Fitted, Pairs

NEEDS = {"video": FeatureSet("v", "", ("a",) * 6), "music": FeatureSet("m", "", ("b",) * 6)}


def pairs_of(name: str, n: int, seed: int) -> Pairs:
    """Pairs whose features are the emotion, one-hot, with noise; every other pair is mismatched."""
    rng = np.random.default_rng(seed)
    emotion = np.arange(n) % 5
    heard = np.where(np.arange(n) % 2 == 0, emotion, (emotion + 1 + rng.integers(0, 4, n)) % 5)
    sides = [np.eye(6)[label] + 0.2 * rng.normal(size=(n, 6)) for label in (emotion, heard)]
    names = tuple(f"{name}{i}" for i in range(n))
    numbers = np.arange(n)
    match = (emotion == heard).astype(np.int64)
    features = (side.astype(np.float32) for side in sides)
    return Pairs(*features, match, emotion, heard, numbers, numbers, names)


def made(name: str, n: int, seed: int) -> Dataset:
    """A set of two parts, a corpus that repeats a matched pair and has one segment of its own, and deaf pairs."""
    every = pairs_of(name, n, seed)
    cut = n // 2
    parts = {"train": every.take(np.arange(cut)), "validation": every.take(np.arange(cut, n))}
    deaf = replace(every.take(np.arange(6)), video=np.zeros((6, 0), np.float32))
    corpus = Corpus(every.video[:2], every.music[:2] + 1, every.video_emotion[:2], (f"{name}0", f"{name}new"))
    return Dataset(name, parts | {"test": deaf}, corpus, f"r-{name}", "none", features=NEEDS)


@pytest.fixture(scope="module")
def gathered() -> Dataset:
    return gather([made("a", 40, 0), made("b", 30, 1)])


def test_a_collection_is_all_of_a_set_that_has_both_sides(gathered):
    a, b = gathered.collections
    assert [len(a.pairs), len(b.pairs), len(gathered.pairs["train"])] == [40, 30, 70]
    assert gathered.pairs["train"].collection.tolist() == [0] * 40 + [1] * 30
    assert a.corpus.ids.count("a0") == 1
    assert "anew" in a.corpus.ids
    assert len(a.corpus) == int(a.pairs.match.sum()) + 1
    assert len(a.music.emotion) == 0, "recordings of the deaf part are in the pairs as well"
    sources = [set(one.pairs.video_source) | set(one.corpus.source) for one in (a, b)]
    assert not sources[0] & sources[1]


def test_sets_that_do_not_go_together_are_refused():
    one, other = made("a", 40, 0), made("b", 30, 1)
    with pytest.raises(InputError, match="two or more different"):
        gather([one, one])
    with pytest.raises(InputError, match="other features or labels"):
        gather([one, replace(other, labels=("positive", "neutral", "negative"))])
    empty = {name: replace(part, video=np.zeros((len(part), 0))) for name, part in other.pairs.items()}
    with pytest.raises(InputError, match="b has no pairs with features of both sides"):
        gather([one, replace(other, pairs=empty)])


class Watching(EmotionMatching):
    """Tells what it was given to learn from."""

    seen: ClassVar[list[tuple[str, ...]]] = []

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Fitted:
        self.seen.append(train.ids)
        assert stop is None
        return super().fit(train, seed, stop, extra=extra)


def test_nothing_of_the_collection_that_is_scored_is_learnt(gathered, tmp_path):
    bench = Bench(gathered, "transfer", "collections")
    report = benchmark(bench, {"one": Watching()}, [0], out=tmp_path, command="c")
    assert [{name[0] for name in ids} for ids in Watching.seen] == [{"b"}, {"a"}]
    assert [one["name"] for one in report["collections"]] == ["a", "b"]
    assert report["published"] == []
    pooled, alone = report["systems"]["one"]["measures"], [one["systems"]["one"] for one in report["collections"]]
    sizes = [len(one.corpus) for one in gathered.collections]
    mean = np.average([one["measures"]["video->music mAP"]["mean"] for one in alone], weights=sizes)
    assert pooled["video->music mAP"]["mean"] == pytest.approx(mean)
    assert pooled["video->music mAP"]["mean"] > report["chance"]["video->music mAP"] + 0.05
    text = rendering.markdown(report)
    for words in ("each collection left out once", f"all {sizes[0]} segments of a", "### b", "called matched"):
        assert words in text
    assert "<h3>b</h3>" in rendering.page(report)


def test_the_protocol_and_the_data_must_agree(gathered):
    with pytest.raises(InputError, match="leaves out one of several collections"):
        Bench(gathered, "clean", "folds")
    with pytest.raises(InputError, match="leaves out one of several collections"):
        Bench(made("a", 40, 0), "transfer", "collections")


def test_what_is_judged_inside_is_judged_on_other_collections(gathered):
    train = gathered.pairs["train"]
    for inside, held in (*deal_parts(train, 4, 0), *score_pairs(train).parts(4, 0)):
        assert len(set(train.collection[inside])) == len(set(train.collection[held])) == 1
        assert set(train.collection[inside]) != set(train.collection[held])
    alone = train.take(train.collection == 0)
    assert len(deal_parts(alone, 4, 0)) == len(score_pairs(alone).parts(4, 0)) == 4


def test_a_report_tells_which_corpus_was_ranked_and_prints_no_figures_of_another(tmp_path):
    one = replace(made("a", 40, 0), name="emomv-c", corpus=None)
    parts = {name: part for name, part in one.pairs.items() if name != "test"}
    bench = Bench(replace(one, pairs=parts), "clean")
    report = benchmark(bench, {"one": EmotionMatching()}, [0], out=tmp_path, command="c")
    assert report["ranked"].endswith("matched pairs: the published corpus is not there")
    assert report["published"]
    assert not any("mAP" in name for row in report["published"] for name in row["figures"])
    assert all("accuracy" in row["figures"] for row in report["published"])


def test_a_model_of_several_collections_tells_what_to_expect_of_another(gathered, tmp_path):
    model = train_retrieval(gathered, EmotionMatching(), tmp_path / "m", command="c", seeds=[0], further=True)
    assert model.trained_on["dataset"] == "a,b"
    assert (model.trained_on["part"], model.trained_on["pairs"]) == ("all", 70)
    card = model.card()
    for words in ("A collection never seen", "Left out: a", "Left out: b", "Within a:", "None: the cosine ranks"):
        assert words in card
    with pytest.raises(InputError, match="nothing is left to score"):
        train_retrieval(gathered, EmotionMatching(), tmp_path / "n", command="c", reason="why")
