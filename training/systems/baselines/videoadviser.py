"""VideoAdviser: a teacher of both modalities, distilled into students of one modality each, which score without it.

After Wang, Zeng, Wada & Kurihara 2023 ("VideoAdviser: Video Knowledge Distillation for Multimodal Transfer Learning",
IEEE Access), whose teacher is CLIP with prompts that the video enhances and whose student is a RoBERTa that reads the
text alone; and after how Su et al. 2025 use it, with "modality-specific student models". What stays [paper] is the
teacher's enhanced prompts, the distillation in two steps, and students that see less than their teacher, as its
abstract tells them; the equations were not at hand. The rest is for fixed vectors [ours]. With e a two-layer encoder of
its own for every input and [;] joining:

- What is joined: h = tanh([e_1; e_2; e_1 e_2] W + b) [n, w] of two inputs, and the regression logit t = h u + c.
- Teacher: both modalities in full. Level k of the score, k / (K - 1), has a prompt that the video enhances,
  p_k = q_k + g_k e_video, and class logits are cos(e_music, p_k) / temperature, learnt by cross-entropy; a score
  between two levels belongs to both in proportion. t learns the score, and, the first step of distillation, the mean
  level that the classes expect.
- Students: the video's reads the video in full and a narrow summary of the music, the music's the reverse: a match is
  a matter of both sides, of which a student of one modality in the paper's strict sense (`summary="none"`) can only
  say how often it matches. Each learns the score; the teacher's t, the second step, by
  T^2 KL(sigmoid(t / T) | sigmoid(s / T)) (Hinton, Vinyals & Dean 2015, section 2); and the teacher's h, by mean square.
- The score is the sigmoid of both students' mean logit; the teacher is dropped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.learning.loop import Batch, Schedule, reproducible, train
from training.learning.losses import match_score
from training.learning.targets import Scored
from training.systems.afclnet.system import OURS
from training.systems.baselines.inputs import FittedNetwork, InputConfig, Prepared, Sizes, prepare
from training.systems.rated import FromScores
from training.types import Extra, Fitted, System

Summary = Literal["affect", "components", "none"]


@dataclass(frozen=True)
class VideoAdviserConfig:
    """What is read, the sizes of the networks, and what is distilled with which weight."""

    inputs: InputConfig = field(default_factory=InputConfig)
    use: Literal["students", "teacher"] = "students"  # paper; "teacher" scores by it, with no student
    summary: Summary = "affect"  # ours: what a student knows of the other modality; "components": the first of these
    narrow: int = 4  # ours: components of the summary, where it is these
    privileged: bool = False  # ours: the teacher reads the true affect in training; False: the predicted, as students
    levels: int = 5  # ours: of the score, as of a rating from 1 to 5
    width: int = 32  # ours
    dropout: float = 0.2  # ours: .5 is worse on generated pairs and no better on grouped folds of EmoMV-C's train
    loss: Literal["mae", "mse", "bce"] = "bce"  # ours: as AFCLNet
    step: float = 1.0  # ours: weight of the first step, from the teacher's classes to its regression logit
    distil: float = 1.0  # ours: weight of the second step, from the teacher's regression logit to the students'
    mimic: float = 1.0  # ours: weight of the students' likeness to the teacher's hidden vector
    temperature: float = 2.0  # ours: T of the second step
    schedule: Schedule = OURS.schedule  # ours: as AFCLNet
    epochs: int = 60  # ours: of the teacher and of the students each, where there are no stopping pairs


class Met(NamedTuple):
    """What a network makes of n pairs: encoded inputs and hidden vector [n, w], regression logit [n]."""

    first: Tensor
    second: Tensor
    hidden: Tensor
    logit: Tensor


class Meeting(nn.Module):
    """Two inputs [n, first], [n, second] -> `Met`; `second` may be 0, then the first is all that is read."""

    def __init__(self, first: int, second: int, width: int, dropout: float) -> None:
        super().__init__()
        self.first = _encoder(first, width, dropout)
        self.second = _encoder(second, width, dropout) if second else None
        self.join = nn.Linear(3 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(width, 1)

    def forward(self, first: Tensor, second: Tensor) -> Met:
        one = self.first(first)
        two = torch.ones_like(one) if self.second is None else self.second(second)
        hidden = torch.tanh(self.join(torch.cat([one, two, one * two], dim=1)))
        return Met(one, two, hidden, self.score(self.dropout(hidden))[:, 0])


def _encoder(inputs: int, width: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width))


class Teacher(nn.Module):
    """Both modalities in full [n, r + a] -> logit [n]; `classes` has the class logits [n, levels] as well."""

    def __init__(self, sizes: Sizes, config: VideoAdviserConfig) -> None:
        super().__init__()
        self.meeting = Meeting(sizes.video + sizes.affect, sizes.music + sizes.affect, config.width, config.dropout)
        self.prompts = nn.Parameter(torch.randn(config.levels, config.width))
        self.gates = nn.Parameter(torch.randn(config.levels, config.width))
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, video: Tensor, music: Tensor) -> Tensor:
        return self.meeting(video, music).logit

    def classes(self, met: Met) -> Tensor:
        """Class logits [n, levels]: the cosine of the music with every prompt, over a learnt temperature."""
        prompts = self.prompts + self.gates * met.first[:, None, :]  # [n, levels, w]
        return torch.exp(self.log_scale) * functional.cosine_similarity(met.second[:, None, :], prompts, dim=2)


class Students(nn.Module):
    """One student per modality; video and music [n, r + a] -> their mean logit [n]."""

    def __init__(self, sizes: Sizes, config: VideoAdviserConfig) -> None:
        super().__init__()
        self.of_video, self.of_music = (summary(size, sizes.affect, config) for size in (sizes.video, sizes.music))
        width = config.width, config.dropout
        self.video = Meeting(sizes.video + sizes.affect, self.of_music.stop - self.of_music.start, *width)
        self.music = Meeting(sizes.music + sizes.affect, self.of_video.stop - self.of_video.start, *width)

    def both(self, video: Tensor, music: Tensor) -> tuple[Met, Met]:
        """What the video's and the music's student make of the pairs."""
        return self.video(video, music[:, self.of_music]), self.music(music, video[:, self.of_video])

    def forward(self, video: Tensor, music: Tensor) -> Tensor:
        one, two = self.both(video, music)
        return (one.logit + two.logit) / 2


def summary(reduced: int, affect: int, config: VideoAdviserConfig) -> slice:
    """Which of the columns [reduced; affect] of a modality the other one's student reads."""
    if config.summary == "affect":
        return slice(reduced, reduced + affect)
    return slice(0, min(config.narrow, reduced) if config.summary == "components" else 0)


def soft_targets(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 times the mean KL divergence of sigmoid(student / T) from sigmoid(teacher / T), logits [n]; 0 where equal."""
    wanted = torch.sigmoid(teacher / temperature)
    cross = functional.binary_cross_entropy_with_logits(student / temperature, wanted)
    entropy = functional.binary_cross_entropy_with_logits(teacher / temperature, wanted)
    return temperature**2 * (cross - entropy)


def share_out(score: Tensor, levels: int) -> Tensor:
    """Shares [n, levels] of scores [n] in [0, 1] in the two levels k / (levels - 1) nearest to each."""
    place = score[:, None] * (levels - 1) - torch.arange(levels)
    return torch.clamp(1 - place.abs(), min=0)


def mean_level(classes: Tensor) -> Tensor:
    """Logit [n] of the mean level in [0, 1] that class logits [n, levels] expect."""
    levels = torch.linspace(0, 1, classes.shape[1])
    return torch.logit(torch.softmax(classes, dim=1) @ levels, eps=1e-4)


def teacher_loss(teacher: Teacher, config: VideoAdviserConfig, met: Met, *, score: Tensor) -> Tensor:
    """The teacher's task, its classes' task, and the first step of distillation."""
    classes = teacher.classes(met)
    total = match_score(met.logit, score, config.loss)
    total = total + functional.cross_entropy(classes, share_out(score, config.levels))
    return total + config.step * soft_targets(met.logit, mean_level(classes).detach(), 1.0)


def student_loss(student: Met, teacher: Met, score: Tensor, *, config: VideoAdviserConfig) -> Tensor:
    """One student's task, the second step of distillation, and its likeness to the teacher's hidden vector."""
    total = match_score(student.logit, score, config.loss)
    total = total + config.distil * soft_targets(student.logit, teacher.logit, config.temperature)
    return total + config.mimic * functional.mse_loss(student.hidden, teacher.hidden)


@dataclass(frozen=True)
class VideoAdviser(FromScores):
    """Teacher and students as a system; the same data, configuration and seed give the same networks."""

    name: str = "videoadviser"
    config: VideoAdviserConfig = field(default_factory=VideoAdviserConfig)

    def fit_scored(self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on pairs with any score and affect; `extra` music teaches the affect predictor."""
        prepared = prepare(data, self.config.inputs, seed, stop=stop, extra=extra)
        with reproducible(seed):
            teacher = _teach(prepared, self.config, seed)
            students = self.config.use == "students"
            net = _distil(teacher, prepared, self.config, seed) if students else teacher
        return FittedNetwork(net, prepared.inputs, data.classes)


def _teach(prepared: Prepared, config: VideoAdviserConfig, seed: int) -> Teacher:
    """The teacher, trained on the score."""
    sizes = prepared.inputs.sizes
    teacher = Teacher(sizes, config)

    def loss(batch: Batch) -> Tensor:
        met = teacher.meeting(*lesson(batch, sizes, config.privileged))
        return teacher_loss(teacher, config, met, score=batch.match)

    train(teacher, loss, prepared.epoch, schedule=config.schedule, seed=seed, epochs=config.epochs, stop=prepared.stop)
    return teacher


def _distil(teacher: Teacher, prepared: Prepared, config: VideoAdviserConfig, seed: int) -> Students:
    """Both students, trained on the score and on what the teacher, now fixed, makes of the same pairs."""
    sizes = prepared.inputs.sizes
    students = Students(sizes, config)

    def loss(batch: Batch) -> Tensor:
        with torch.no_grad():
            adviser = teacher.meeting(*lesson(batch, sizes, config.privileged))
        both = students.both(batch.video, batch.music)
        one, two = (student_loss(student, adviser, batch.match, config=config) for student in both)
        return one + two

    train(students, loss, prepared.epoch, schedule=config.schedule, seed=seed, epochs=config.epochs, stop=prepared.stop)
    return students


def lesson(batch: Batch, sizes: Sizes, privileged: bool) -> tuple[Tensor, Tensor]:
    """Video and music [n, r + a] as the teacher reads them in training."""
    if not privileged:
        return batch.video, batch.music
    video = torch.cat([batch.video[:, : sizes.video], batch.video_emotion], dim=1)
    return video, torch.cat([batch.music[:, : sizes.music], batch.music_emotion], dim=1)


SYSTEMS: dict[str, Callable[[], System]] = {"videoadviser": lambda: VideoAdviser()}

SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "videoadviser": {
        "inputs.reduction.components": (8, 16, 32),
        "inputs.reduction.ridge": (10.0, 100.0, 300.0),
        "inputs.affect.penalty": (30.0, 100.0, 300.0),
        "privileged": (False, True),
        "distil": (0.3, 1.0, 3.0),
        "mimic": (0.0, 1.0, 3.0),
        "width": (16, 32, 64),
        "dropout": (0.0, 0.2, 0.5),
        "epochs": (30, 60, 120),
        "schedule.learning_rate": (1e-3, 3e-3, 1e-2),
        "schedule.weight_decay": (0.0, 1e-3, 1e-2),
    }
}
