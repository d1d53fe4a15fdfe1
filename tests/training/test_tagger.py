"""The tagger's parts: the network's attention, the tokens, the segments, the agreement rule, and its folder."""

import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from recommender import Model
from recommender.errors import InputError, ModelError
from recommender.extractors.audio import music
from recommender.extractors.video import video
from recommender.model.folder import MANIFEST
from recommender.model.retrieval import WEIGHTS, FeatureSet
from recommender.types import Modality, number_columns
from training.learning.loop import Schedule
from training.learning.model_folder import files_of, write
from training.nets.attendaffect import AttendAffectNet, Attention, Shape
from training.tagger import learn
from training.tagger.figures import DISAGREE, KINDS, figures, find_agreement, mean_and_sd, one_against_others
from training.tagger.labelled import Labelled, corpus_segments, parts, segments_of, training_segments
from training.tagger.learn import train_tagger
from training.tagger.model import Opinion, Tag, fit, layouts, load, manifest_of
from training.tagger.network import Labels, TaggerConfig, fit_members, opinion
from training.tagger.tokens import GROUPS, tokens_of
from training.types import EMOTIONS, Corpus, Dataset, Pairs

SMALL = TaggerConfig(Shape(8, 2, 1, 0.0, 0.1, 0.1), Schedule(2e-2, 0.0, 30, 12, 6), parts=3, members=1)


def needs(d_video: int = 6, d_music: int = 4) -> dict[Modality, FeatureSet]:
    return {
        "video": FeatureSet("V", "1", number_columns("V", d_video)),
        "music": FeatureSet("M", "1", number_columns("M", d_music)),
    }


def planted(n: int = 90, seed: int = 0) -> Labelled:
    """Segments whose picture and sound both tell the emotion, with some noise; three of each source."""
    rng = np.random.default_rng(seed)
    emotion = np.arange(n) % 5
    video = (np.eye(5)[emotion] @ rng.normal(size=(5, 6)) * 2 + rng.normal(size=(n, 6)) * 0.5).astype(np.float32)
    sound = (np.eye(5)[emotion] @ rng.normal(size=(5, 4)) * 2 + rng.normal(size=(n, 4)) * 0.5).astype(np.float32)
    return Labelled(video, sound, emotion, np.arange(n) // 3)


@pytest.fixture(scope="module")
def tagger():
    return fit(planted(), needs(), SMALL, seed=0)


# The network


def network(tokens, shape=SMALL.shape, seed=0):
    torch.manual_seed(seed)
    return AttendAffectNet(tokens, 5, shape).eval()


def test_attention_is_what_lets_tokens_act_on_one_another():
    tokens, x = [(0, 1, 2), (3, 4)], torch.randn(4, 5, generator=torch.manual_seed(1))
    changed = x.clone()
    changed[:, 3:] += 1
    for attention in (True, False):
        net = network(tokens, replace(SMALL.shape, attention=attention))
        seen = []
        hook = net.blocks.register_forward_hook(lambda module, given, out, seen=seen: seen.append(out))
        with torch.no_grad():
            net(x), net(changed)
        hook.remove()
        # The first token's own columns did not change: only attention brings it news of the second.
        assert torch.equal(seen[0][:, 0], seen[1][:, 0]) is not attention
        assert not torch.allclose(seen[0][:, 1], seen[1][:, 1])


def test_attention_changes_what_a_network_says():
    tokens, x = [(0, 1, 2), (3, 4)], torch.randn(4, 5)
    net = network(tokens)
    with torch.no_grad():
        before = net(x)
        for block in net.blocks:
            block.attention = None
        assert not torch.allclose(net(x), before, atol=1e-4)


def test_attention_is_the_mean_of_values_weighted_by_softmax():
    """By hand: two tokens of width 2, one head, query = key = value = the token itself."""
    layer = Attention(Shape(2, 1, 1)).eval()
    with torch.no_grad():
        layer.read.weight.copy_(torch.eye(2).repeat(3, 1))
        layer.read.bias.zero_()
        layer.out.weight.copy_(torch.eye(2))
        layer.out.bias.zero_()
        found = layer(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))[0]
    e = np.exp(1 / np.sqrt(2))
    assert found.numpy() == pytest.approx(np.array([[e, 1], [1, e]]) / (1 + e), abs=1e-6)


def test_the_order_of_tokens_does_not_matter():
    x = torch.randn(3, 5)
    one, other = network([(0, 1, 2), (4, 3)]), network([(4, 3), (0, 1, 2)])
    state = one.state_dict()
    swap = {"reduce.0": "reduce.1", "reduce.1": "reduce.0"}
    other.load_state_dict({swap.get(n[:8], n[:8]) + n[8:]: v for n, v in state.items()})
    with torch.no_grad():
        assert torch.allclose(one(x), other(x), atol=1e-6)


def test_columns_in_no_token_are_not_read():
    x = torch.randn(3, 6)
    net = network([(0, 1), (5, 2)])
    changed = x.clone()
    changed[:, 3:5] = 9
    with torch.no_grad():
        assert torch.equal(net(x), net(changed))


# Tokens


def test_every_builtin_column_is_in_one_named_token():
    for name, columns in (("BuiltinVideo", [c.name for c in video.COLUMNS]), ("BuiltinMusic", list(music.NAMES))):
        tokens = tokens_of(FeatureSet(name, "", tuple(columns)))
        assert [token.name for token in tokens] == list(GROUPS[name])
        assert sorted(at for token in tokens for at in token.columns) == list(range(len(columns)))


def test_networks_give_a_token_per_vector():
    slow, fast = tokens_of(FeatureSet("SlowFast", "", number_columns("SlowFast", 2304)))
    assert (slow.columns[0], slow.columns[-1], fast.columns[0], fast.columns[-1]) == (0, 2047, 2048, 2303)
    assert [len(t.columns) for t in tokens_of(FeatureSet("VGGish", "", number_columns("VGGish", 128)))] == [128]
    assert [len(t.columns) for t in tokens_of(FeatureSet("SlowFast", "", number_columns("SlowFast", 10)))] == [10]
    joint = layouts(
        {
            "video": FeatureSet("SlowFast", "", number_columns("SlowFast", 2304)),
            "music": FeatureSet("VGGish", "", number_columns("VGGish", 128)),
        }
    )["joint"]
    assert [(token[0], len(token)) for token in joint] == [(0, 2048), (2048, 256), (2304, 128)]


def test_columns_of_a_builtin_set_that_no_group_knows_make_one_more_token():
    tokens = tokens_of(FeatureSet("BuiltinVideo", "", ("novel", "brightness", "cut_rate_per_min")))
    assert [(t.name, t.columns) for t in tokens] == [("colour", (1,)), ("cuts", (2,)), ("BuiltinVideo", (0,))]


# Segments


def pairs(ids, video, music_, emotions) -> Pairs:
    n = len(ids)
    a, b = (np.array([e[i] for e in emotions]) for i in (0, 1))
    rows = np.array(video, np.float32)[:, None], np.array(music_, np.float32)[:, None]
    return Pairs(*rows, (a == b).astype(int), a, b, np.arange(n), np.arange(n), tuple(ids))


def test_picture_and_sound_of_a_segment_come_together_from_two_pairs():
    found = segments_of(
        pairs(
            ["x_00", "y_00_PAIR_z_00", "z_00_PAIR_y_00", "w_00_PAIR_x_00"],
            [1, 2, 3, 4],
            [10, 30, 20, 10],
            [(0, 0), (1, 4), (4, 1), (2, 0)],
        )
    )
    assert found.video[:, 0].tolist() == [1, 2, 3]  # the sound of w_00 is nowhere
    assert found.music[:, 0].tolist() == [10, 20, 30]
    assert found.emotion.tolist() == [0, 1, 4]
    assert found.source.tolist() == [0, 1, 2]


def test_a_set_without_one_modality_is_refused():
    whole = pairs(["x_00"], [1], [1], [(0, 0)])
    blind = replace(whole, video=np.empty((1, 0), np.float32))
    with pytest.raises(InputError, match="no video features"):
        training_segments(Dataset("d", {"train": blind}, None, "", ""))
    with pytest.raises(InputError, match="no training pairs"):
        training_segments(Dataset("d", {}, None, "", ""))
    corpus = corpus_segments(Corpus(whole.video, whole.music, whole.video_emotion, ("x",)))
    assert (len(corpus), corpus.source.tolist()) == (1, [0])


def test_parts_share_no_source_and_hold_every_segment_once():
    data = planted()
    split = parts(data.emotion, data.source, 4, seed=0)
    assert sorted(np.concatenate([held for _, held in split]).tolist()) == list(range(len(data)))
    for inside, held in split:
        assert not set(data.source[inside]) & set(data.source[held])
    with pytest.raises(InputError, match="30 sources of labelled segments where a tagger needs 31"):
        parts(data.emotion, data.source, 31, seed=0)


# The rule


def test_only_unanimous_tags_are_kept():
    def said(*names):
        return np.eye(3)[list(names)]

    opinions = {"video": said(0, 1, 2, 0), "music": said(0, 1, 1, 1), "joint": said(0, 2, 2, 2)}
    assert find_agreement(opinions).tolist() == [0, DISAGREE, DISAGREE, DISAGREE]
    sure = Opinion("sad", 0.9)
    assert Tag(sure, Opinion("sad", 0.3), sure).kept == "sad"
    assert Tag(sure, Opinion("tense", 0.8), sure).kept is None
    assert Tag(sure, sure, Opinion("tense", 0.8)).kept is None


def test_figures_by_hand():
    emotion = np.array([0, 0, 1, 1])
    p = {
        "video": np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]]),  # 0 0 0 1
        "music": np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]]),  # 0 1 1 1
        "joint": np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]),  # 0 0 1 1
    }
    found = figures(p, emotion)
    assert found["majority accuracy"] == 0.5
    assert [found[f"{kind} accuracy"] for kind in KINDS] == [0.75, 0.75, 1.0]
    assert found["video macro-F1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["music AUC"] == pytest.approx(0.75)  # of 4 couples two are in order, two tied: (2 + 2 / 2) / 4
    assert (found["survival"], found["agreed accuracy"], found["joint beside"]) == (0.5, 1.0, 1.0)
    assert found["most certain accuracy"] == 1.0


def test_figures_without_any_agreement_or_class():
    p = np.eye(2)[[0, 1]]
    found = figures({"video": p, "music": p[::-1], "joint": p}, np.array([0, 0]))
    assert found["survival"] == 0
    assert np.isnan(found["agreed accuracy"])
    assert np.isnan(one_against_others(np.array([0, 0]), p))
    ms = mean_and_sd([{"a": 1.0, "b": np.nan, "c": 0.1}, {"a": 3.0, "b": np.nan, "c": 0.1}])
    assert ms["c"] == (0.1, None)
    assert ms["a"] == (2.0, pytest.approx(np.sqrt(2)))
    assert np.isnan(ms["b"][0])
    assert ms["b"][1] is None


# Fitting


def test_it_learns_planted_emotions_and_agrees_on_them(tagger):
    fresh = planted(seed=0)
    found = figures(tagger.opinions(fresh.video, fresh.music), fresh.emotion)
    assert min(found[f"{kind} accuracy"] for kind in KINDS) > 0.7
    assert found["survival"] > 0.5
    assert found["agreed accuracy"] >= found["joint accuracy"]
    tags = tagger.tag(fresh.video, fresh.music)
    kept = find_agreement(tagger.opinions(fresh.video, fresh.music))
    assert [t.kept for t in tags] == [None if k == DISAGREE else EMOTIONS[k] for k in kept]
    assert all(1 / 5 <= opinion.confidence <= 1 for t in tags for opinion in t)


def test_the_same_seed_gives_the_same_tagger_and_each_model_reads_its_own_side(tagger):
    data = planted()
    again = fit(data, needs(), SMALL, seed=0).opinions(data.video, data.music)
    first = tagger.opinions(data.video, data.music)
    silenced = tagger.opinions(data.video, np.zeros_like(data.music))
    for kind in KINDS:
        assert np.array_equal(first[kind], again[kind])
        assert np.array_equal(first[kind], silenced[kind]) is (kind == "video")


def test_members_are_averaged_and_further_music_must_fit():
    data = planted(45)
    labels = Labels(data.music, data.emotion, data.source)
    two = fit_members(labels, [range(4)], 5, config=replace(SMALL, members=2), seed=0)
    assert opinion(two, data.music) == pytest.approx((two[0](data.music) + two[1](data.music)) / 2)
    more = fit_members(labels, [range(4)], 5, config=SMALL, seed=0, further=labels)
    assert not np.allclose(more[0](data.music), two[0](data.music))
    with pytest.raises(InputError, match="further music has 6 columns"):
        fit_members(labels, [range(4)], 5, config=SMALL, seed=0, further=Labels(data.video, data.emotion, data.source))


def test_features_of_another_shape_are_refused(tagger):
    with pytest.raises(InputError, match=r"music features of shape \[2, 5\]; this tagger needs M: \[n, 4\]"):
        tagger.opinions(np.zeros((2, 6)), np.zeros((2, 5)))


# The folder


def saved(tagger, out):
    out.mkdir()
    manifest, weights = manifest_of(tagger, "mine", {"dataset": "d"})
    write(out, files_of(manifest, weights, {}, card=""))
    return out


def test_a_loaded_tagger_says_bit_for_bit_the_same(tagger, tmp_path):
    data = planted()
    found = load(saved(tagger, tmp_path / "t"))
    assert (found.emotions, found.needs, found.shape) == (tagger.emotions, tagger.needs, tagger.shape)
    before, after = (t.opinions(data.video, data.music) for t in (tagger, found))
    assert all(np.array_equal(before[kind], after[kind]) for kind in KINDS)
    again = saved(found, tmp_path / "again")
    assert (again / WEIGHTS).read_bytes() == (tmp_path / "t" / WEIGHTS).read_bytes()
    assert (again / MANIFEST).read_bytes() == (tmp_path / "t" / MANIFEST).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(kind="retrieval"), "not a tagger"),
        (lambda m: m.pop("shape"), "incomplete"),
        (lambda m: m.update(shape={"novel": 1}), "incomplete"),
        (lambda m: m.update(weights="../elsewhere"), "plain names"),
        (lambda m: m.update(tokens={}), "tokens"),
        (lambda m: m.update(name="another"), "changed after"),
    ],
)
def test_a_changed_manifest_is_one_line(tagger, tmp_path, change, said):
    folder = saved(tagger, tmp_path / "t")
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=said):
        load(folder)


def test_damaged_weights_are_one_line(tagger, tmp_path):
    folder = saved(tagger, tmp_path / "t")
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(ModelError, match="changed after"):
        load(folder)
    with pytest.raises(ModelError, match="no model"):
        load(tmp_path / "nowhere")


def test_a_tagger_is_not_taken_for_a_model_that_recommends(tagger, tmp_path):
    with pytest.raises(ModelError, match="a tagger labels media and recommends none"):
        Model.load(saved(tagger, tmp_path / "t"))


def test_training_writes_a_folder_with_measured_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(learn, "FOLDS", 2)
    data = planted(60)
    n = len(data)
    ids = tuple(f"s{source}_{i:02d}" for i, source in enumerate(data.source))
    ones = np.ones(n, np.int64)
    train = Pairs(data.video, data.music, ones, data.emotion, data.emotion, data.source, data.source, ids)
    dataset = Dataset("planted", {"train": train}, None, "f" * 64, "ours", features=needs())
    ticks = []
    found = train_tagger(
        dataset, tmp_path / "t", "command", name=None, seed=0, seeds=(0,), config=SMALL, tick=lambda *t: ticks.append(t)
    )
    assert set(found.needs) == set(get_args(Modality))
    report = json.loads((tmp_path / "t" / "report.json").read_text())
    assert report["cross-validation"]["joint accuracy"]["mean"] > 0.5
    assert report["model"]["trained_on"]["segments"] == 60
    card = (tmp_path / "t" / "card.md").read_text()
    assert "# Tagger `t`" in card
    assert "60 segments of 20 sources (12 exciting, 12 fearful, 12 tense, 12 sad, 12 relaxing)" in card
    assert ticks[-1] == ("cross-validation", 2, 2)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        train_tagger(dataset, tmp_path / "file", "x", config=SMALL)
