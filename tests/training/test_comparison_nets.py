"""AFCLNet's comparison networks: losses by hand, mechanisms that change what comes out, students that do not peek."""

from dataclasses import replace
from functools import cache
from math import log
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import torch
from scipy.linalg import null_space

from recommender.errors import InputError
from training.datasets.generated import GeneratedConfig, generate
from training.learning.loop import Batch, Schedule
from training.learning.targets import NearAffect, Scored
from training.systems.afclnet.reduction import ReductionConfig
from training.systems.baselines.ccda import CCDA, CCDAConfig, cross_correlation, relevance
from training.systems.baselines.ccda import Attended as Both
from training.systems.baselines.ccda import Network as Dual
from training.systems.baselines.inputs import FittedNetwork, InputConfig, Sizes, prepare
from training.systems.baselines.videoadviser import (
    Met,
    Students,
    Teacher,
    VideoAdviser,
    VideoAdviserConfig,
    lesson,
    mean_level,
    share_out,
    soft_targets,
    student_loss,
    teacher_loss,
)

INPUTS = InputConfig(ReductionConfig("cca", components=4, ridge=1.0), fresh=False)
SMALL: Any = {"inputs": INPUTS, "width": 8, "schedule": Schedule(3e-3, 0.0, batch=64), "epochs": 8}
SYSTEMS = {
    "videoadviser": VideoAdviser(config=VideoAdviserConfig(**SMALL)),
    "ccda": CCDA(config=CCDAConfig(hidden=8, heads=2, **SMALL)),
}
SIZES = Sizes(6, 5, 3)


@cache
def pairs(n: int = 160) -> Scored:
    """Rated pairs with 4 dimensions of affect."""
    size = GeneratedConfig(pairs=n, affect=4, video_columns=14, music_columns=12)
    return generate(("perceptual", "objective"), 5, size)


def fit(name: str, **changes: Any) -> FittedNetwork:
    one = SYSTEMS[name]
    return replace(one, config=replace(one.config, **changes)).fit_scored(pairs(), 0)


@cache
def scores(name: str, *changes: tuple[str, Any]) -> np.ndarray:
    return fit(name, **dict(changes)).match(pairs().video[:40], pairs().music[:40])


def random(n: int, *columns: int) -> list[Any]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, d, generator=generator) for d in columns]


def test_soft_targets_by_hand() -> None:
    student, teacher = torch.zeros(1), torch.tensor([log(3)])
    by_hand = 0.75 * log(1.5) + 0.25 * log(0.5)
    assert soft_targets(student, teacher, 1.0).item() == pytest.approx(by_hand, abs=1e-6)
    assert soft_targets(student, 2 * teacher, 2.0).item() == pytest.approx(4 * by_hand, abs=1e-6)
    assert soft_targets(2 * teacher, 2 * teacher, 2.0).item() == pytest.approx(0, abs=1e-6)


def test_scores_are_shared_out_to_levels_and_read_back() -> None:
    shares = share_out(torch.tensor([0.0, 0.3, 0.5, 1.0]), 5)
    wanted = [[1, 0, 0, 0, 0], [0, 0.8, 0.2, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]
    np.testing.assert_allclose(shares.numpy(), wanted, atol=1e-6)
    read = torch.sigmoid(mean_level(torch.log(shares + 1e-9)))
    np.testing.assert_allclose(read.numpy(), [0, 0.3, 0.5, 1], atol=2e-4)


def test_a_student_learns_score_teacher_and_hidden_vector_by_weight() -> None:
    config = VideoAdviserConfig(loss="mse", distil=0.5, mimic=2.0, temperature=1.0)
    nothing = torch.zeros(1, 2)
    student, teacher = (
        Met(nothing, nothing, hidden, logit)
        for hidden, logit in ((nothing, torch.zeros(1)), (torch.tensor([[1.0, 3.0]]), torch.tensor([log(3)])))
    )
    by_hand = (0.5 - 0.9) ** 2 + 0.5 * (0.75 * log(1.5) + 0.25 * log(0.5)) + 2 * (1 + 9) / 2
    assert student_loss(student, teacher, torch.tensor([0.9]), config=config).item() == pytest.approx(by_hand, abs=1e-5)


def test_the_first_step_pulls_the_regression_logit_to_the_expected_class() -> None:
    config = VideoAdviserConfig(width=8, dropout=0.0)
    torch.manual_seed(0)
    teacher = Teacher(SIZES, config)
    video, music = random(7, 9, 8)
    score = torch.linspace(0, 1, 7)
    with torch.no_grad():
        met = teacher.meeting(video, music)
        on, off = (teacher_loss(teacher, replace(config, step=w), met, score=score) for w in (1.0, 0.0))
        first = soft_targets(met.logit, mean_level(teacher.classes(met)), 1.0)
    assert (on - off).item() == pytest.approx(first.item(), abs=1e-6)
    assert first.item() > 0


def test_prompts_are_enhanced_by_the_video_alone() -> None:
    torch.manual_seed(0)
    teacher = Teacher(SIZES, VideoAdviserConfig(width=8, levels=3)).eval()
    video, music = random(4, 9, 8)
    with torch.no_grad():
        classes = teacher.classes(teacher.meeting(video, music))
        other = teacher.classes(teacher.meeting(video + 1, music))
        teacher.gates.zero_()
        plain = teacher.classes(teacher.meeting(video, music))
        plain_other = teacher.classes(teacher.meeting(video + 1, music))
    assert classes.shape == (4, 3)
    assert not torch.allclose(classes, other)
    assert torch.equal(plain, plain_other)


def test_cross_correlation_by_hand() -> None:
    a, b = torch.tensor([1.0, -1, 1, -1]), torch.tensor([1.0, 1, -1, -1])
    own = torch.stack([a, b], dim=1)

    def found(cross: Any, weight: float = 0.5) -> float:
        return cross_correlation(own, cross, weight).item()

    assert found(own) == pytest.approx(0, abs=1e-3)
    assert found(5 * own + 3) == pytest.approx(0, abs=1e-3)  # of correlations, not of values
    assert found(-own) == pytest.approx(4, abs=1e-3)
    assert found(torch.stack([b, a], dim=1)) == pytest.approx(1 + 0.5, abs=1e-3)  # diagonal 0, the rest 1
    assert found(torch.stack([a, a], dim=1)) == pytest.approx((0 + 1) / 2 + 0.5 * (1 + 0) / 2, abs=1e-3)
    assert found(torch.ones(4, 2)) == pytest.approx(1, abs=1e-6)  # what does not vary correlates with nothing
    assert cross_correlation(own[:, :1], own[:, :1], 0.5).item() == pytest.approx(0, abs=1e-3)


def test_relevance_by_hand() -> None:
    own = torch.tensor([[1.0, -1, 1, -1]]).repeat(3, 1)
    cross = torch.tensor([[2.0, -2, 2, -2], [-1, 1, -1, 1], [1, 1, -1, -1]])
    np.testing.assert_allclose(relevance(Both(own, cross)).numpy(), [[1], [0], [0.5]], atol=1e-3)


OFF = [
    ("videoadviser", "distil", 0.0),
    ("videoadviser", "mimic", 0.0),
    ("videoadviser", "step", 0.0),
    ("videoadviser", "privileged", True),
    ("videoadviser", "summary", "components"),
    ("videoadviser", "summary", "none"),
    ("videoadviser", "use", "teacher"),
    ("ccda", "self_attention", False),
    ("ccda", "cross_attention", False),
    ("ccda", "coefficient", False),
    ("ccda", "correlation", 0.0),
    ("ccda", "off_diagonal", 0.0),
]


@pytest.mark.parametrize(("name", "part", "value"), OFF)
def test_without_a_mechanism_the_scores_are_others(name: str, part: str, value: Any) -> None:
    assert getattr(SYSTEMS[name].config, part) != value
    assert not np.allclose(scores(name), scores(name, (part, value)), atol=1e-4)


def test_distillation_brings_students_to_their_teacher() -> None:
    teacher = scores("videoadviser", ("use", "teacher"), ("epochs", 20))
    near, far = (
        np.abs(scores("videoadviser", ("epochs", 20), ("distil", w), ("mimic", w)) - teacher).mean() for w in (5.0, 0.0)
    )
    assert near < far


def test_the_cross_correlation_loss_ties_both_kinds_of_attention() -> None:
    def untied(weight: float) -> float:
        fitted = fit("ccda", correlation=weight, epochs=20)
        tensors = fitted.inputs.tensor("video", pairs().video), fitted.inputs.tensor("music", pairs().music)
        assert isinstance(fitted.net, Dual)
        with torch.no_grad():
            return sum(cross_correlation(*side, 1.0).item() for side in fitted.net.attend(*tensors))

    assert untied(3.0) < 0.8 * untied(0.0)


def test_without_cross_attention_a_modality_knows_nothing_of_the_other() -> None:
    torch.manual_seed(0)
    video, music = random(4, 9, 8)
    for on in (True, False):
        net = Dual(SIZES, CCDAConfig(width=8, heads=2, cross_attention=on)).eval()
        with torch.no_grad():
            before, after = net.attend(video, music)[0], net.attend(video, music + 1)[0]
        assert torch.equal(before.own, after.own)
        assert torch.equal(before.cross, after.cross) is not on


@pytest.mark.parametrize(
    ("kind", "read"),
    [("affect", [5, 6, 7]), ("components", [0, 1]), ("none", [])],
    ids=["affect", "components", "none"],
)
def test_a_student_reads_its_summary_of_the_other_modality_and_nothing_else(kind: Any, read: list[int]) -> None:
    torch.manual_seed(0)
    config = VideoAdviserConfig(width=8, summary=kind, narrow=2)
    students, teacher = Students(SIZES, config).eval(), Teacher(SIZES, config).eval()
    video, music = random(4, 9, 8)
    with torch.no_grad():
        before = students.both(video, music)[0].logit
        for column in range(8):
            changed = music.clone()
            changed[:, column] += 1
            after = students.both(video, changed)
            assert torch.equal(after[0].logit, before) is (column not in read)
            assert not torch.equal(after[1].logit, students.both(video, music)[1].logit)  # its own modality, in full
            assert not torch.equal(teacher(video, changed), teacher(video, music))


def test_a_fitted_student_does_not_see_music_beyond_its_affect() -> None:
    fitted = fit("videoadviser")
    weights = fitted.inputs.affect.music.affine()[0]  # [12, 4]: 8 directions of music change no affect
    hidden = null_space(weights.T)[:, :1].T
    students = fitted.net
    assert isinstance(students, Students)  # the teacher is gone
    video = fitted.inputs.tensor("video", pairs().video[:9])
    before, after = (
        students.both(video, fitted.inputs.tensor("music", pairs().music[:9] + shift)) for shift in (0, 3 * hidden)
    )
    torch.testing.assert_close(after[0].logit, before[0].logit, atol=1e-4, rtol=1e-4)
    assert (after[1].logit - before[1].logit).abs().max() > 1e-2


def test_students_in_the_strict_sense_cannot_tell_which_music_a_video_wants() -> None:
    similarity = fit("videoadviser", summary="none").similarity(pairs().video[:6], pairs().music[:7])
    centred = similarity - similarity.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred, centred[:1].repeat(6, axis=0), atol=1e-5)


def test_a_privileged_teacher_reads_the_true_affect_in_the_place_of_the_predicted() -> None:
    video, music, one, two = random(4, 9, 8, 3, 3)
    batch = Batch(video, music, torch.zeros(4), one, two)
    assert lesson(batch, SIZES, privileged=False) == (video, music)
    lessons = lesson(batch, SIZES, privileged=True)
    for read, modality, size, true in zip(lessons, (video, music), SIZES[:2], (one, two), strict=True):
        assert torch.equal(read, torch.cat([modality[:, :size], true], dim=1))


def test_networks_read_predicted_affect_and_learn_beside_the_true_one() -> None:
    data = pairs()
    prepared = prepare(data, INPUTS, 0, stop=None, extra=None)
    batch = prepared.epoch(np.random.default_rng(0))
    seen, true = batch.video[:, prepared.inputs.sizes.video :].numpy(), batch.video_emotion.numpy()
    np.testing.assert_allclose(true, prepared.inputs.affect.video_scale(data.video_affect), atol=1e-5)
    assert 0.2 < np.corrcoef(seen.ravel(), true.ravel())[0, 1] < 0.99
    assert seen.mean() == pytest.approx(0, abs=1e-5)
    assert seen.std() == pytest.approx(1, abs=1e-5)


def test_fresh_pairs_are_drawn_where_a_rule_scores_them() -> None:
    ruled = replace(pairs(), rule=NearAffect(3.0))
    config = replace(INPUTS, fresh=True, epoch_pairs=50)
    rng = np.random.default_rng(0)
    assert len(prepare(ruled, config, 0, stop=None, extra=None).epoch(rng).match) == 50
    assert len(prepare(ruled, INPUTS, 0, stop=None, extra=None).epoch(rng).match) == len(ruled)
    assert len(prepare(pairs(), config, 0, stop=None, extra=None).epoch(rng).match) == len(ruled)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_seed_alone_decides(name: str) -> None:
    one = SYSTEMS[name]
    again = one.fit_scored(pairs(), 0).match(pairs().video[:40], pairs().music[:40])
    np.testing.assert_array_equal(again, scores(name))
    other = one.fit_scored(pairs(), 1).match(pairs().video[:40], pairs().music[:40])
    assert not np.allclose(other, scores(name), atol=1e-4)


@pytest.mark.parametrize("name", SYSTEMS)
def test_pairs_are_scored_as_in_the_matrix_of_all(name: str) -> None:
    fitted = fit(name, epochs=2)
    video, music = pairs().video[:5], pairs().music[:5]
    np.testing.assert_allclose(np.diag(fitted.similarity(video, music)), fitted.logit(video, music), atol=1e-5)
    np.testing.assert_allclose(fitted.match(video, music), 1 / (1 + np.exp(-fitted.logit(video, music))))
    assert fitted.emotions("music", music) is None  # ratings, not emotions


@pytest.mark.parametrize("name", SYSTEMS)
def test_stopping_pairs_end_the_training(name: str) -> None:
    one = SYSTEMS[name]
    schedule = replace(one.config.schedule, max_epochs=3)
    one = replace(one, config=replace(one.config, schedule=schedule, epochs=50))
    data = pairs()
    stopped = one.fit_scored(data.take(np.arange(100)), 0, data.take(np.arange(100, 160)))
    assert np.isfinite(stopped.logit(data.video, data.music)).all()
    assert not np.allclose(stopped.logit(data.video, data.music), fit(name).logit(data.video, data.music))


@pytest.mark.parametrize("name", SYSTEMS)
def test_poor_data_give_finite_scores_or_one_line(name: str) -> None:
    few = pairs().take(np.arange(20))
    flat = replace(few, video=np.hstack([few.video, np.ones((20, 1), np.float32)]))
    for data in (flat, replace(few, score=np.ones(20)), replace(few, video_affect=np.ones_like(few.video_affect))):
        found = SYSTEMS[name].fit_scored(data, 0).match(data.video, data.music)
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
    with pytest.raises(InputError, match="matched pairs and the training set has 0"):
        SYSTEMS[name].fit_scored(replace(few, score=np.zeros(20)), 0)
    with pytest.raises(InputError, match="constant features"):
        SYSTEMS[name].fit_scored(replace(few, video=np.ones_like(few.video)), 0)
    with pytest.raises(InputError, match="cannot make 5 folds"):
        SYSTEMS[name].fit_scored(pairs().take(np.arange(4)), 0)
