"""EmoMV's matching classifier and retrieval model, with emotion branches (multi-task) or without (single-task).

Thao et al., "EmoMV: affective music-video correspondence learning datasets for classification and retrieval",
Information Fusion 2023, sections 5.1 and 6.1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from recommender.encoders import Matcher
from recommender.encoders.projection import ProjectionEncoder
from recommender.types import Array, Modality
from training.learning.loop import Batch, Loss, Schedule
from training.learning.losses import contrastive, cross_entropy
from training.learning.memo import Memo, digest
from training.nets.emomv import MatchingHead, Projection, Trunk
from training.systems.matching import calibrate, calibrate_out_of_fold, tensors_of
from training.systems.network import Trained, every_pair, linear, train_network
from training.types import Extra, Fitted, Pairs, System


@dataclass(frozen=True)
class EmoMVConfig:
    """Sizes and training of both EmoMV networks."""

    multi_task: bool = True  # paper's main rows; False drops the emotion branches (its ablation)
    width: int = 64  # paper
    dropout: float = 0.5  # paper
    pooled: int = 32  # the authors' code: size of the compact bilinear pooling (classifier)
    hidden: int = 32  # paper (classifier)
    layer_norm: bool = True  # the authors' code (retrieval model); False is the text
    margin: float = 1.0  # the authors' code (retrieval model)
    halve: bool = True  # the authors' code (retrieval model): the factor 1/2 of the contrastive loss
    emotion_from_embedding: bool = False  # paper; True is the authors' classification code
    schedule: Schedule = field(default_factory=Schedule)  # paper, with the authors' weight decay
    epochs: int | None = None  # ours: without stopping pairs inner folds of train choose, so nothing is tuned by hand
    inner_folds: int = 4  # ours: 270 of 360 pairs train, close to the final size, at four fits
    steps: int | None = None  # ours: steps of the optimiser instead of epochs, whose length is that of the data
    calibration_folds: int = 0  # paper: the threshold is fitted to pairs seen in training; k [ours]: out of k folds


@dataclass(frozen=True)
class EmoMVClassifier:
    """The matching classifier: fusion by compact bilinear pooling, two logits."""

    name: str = "emomv-classifier"
    config: EmoMVConfig = field(default_factory=EmoMVConfig)

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Fitted:
        """The classifier fitted on `train`; `extra` is not used, as published."""
        c = self.config
        build, loss = partial(ClassifierNet, config=c, seed=seed), partial(_loss, config=c)
        trained = train_network(build, loss, _match_scores, recipe=c, pairs=train, seed=seed, stop=stop)
        return FittedClassifier(trained, c.multi_task)


@dataclass(frozen=True)
class EmoMVRetrieval:
    """The retrieval model: cosine of the two embeddings, contrastive loss on 1 - cosine."""

    name: str = "emomv-retrieval"
    config: EmoMVConfig = field(default_factory=EmoMVConfig)

    def without_calibration(self) -> "EmoMVRetrieval":
        """The same recipe whose matches are calibrated on what it was fitted on, at a fraction of the time."""
        return replace(self, config=replace(self.config, calibration_folds=0))

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Matcher:
        """The retrieval model fitted on `train`; `extra` is not used, as published."""
        encoder = partial(self.encoder, seed=seed)
        if self.config.calibration_folds:
            return calibrate_out_of_fold(encoder, train, self.config.calibration_folds, seed=seed)
        return calibrate(encoder(train, stop), train)

    def encoder(self, train: Pairs, stop: Pairs | None = None, *, seed: int) -> ProjectionEncoder:
        """The trained network without torch."""
        c = self.config
        if c.steps is not None:
            c = replace(c, epochs=max(1, round(c.steps / math.ceil(len(train) / c.schedule.batch))))
        build, loss = partial(RetrievalNet, config=c), partial(_loss, config=c)

        def make() -> ProjectionEncoder:
            trained = train_network(build, loss, _cosines, recipe=c, pairs=train, seed=seed, stop=stop)
            return _encoder(trained, c)

        # A mixture and a fusion of it train the network that stands beside them once more.
        return make() if stop is not None else _TRAINED.get(digest(train, c, seed), make)


_TRAINED: Memo[ProjectionEncoder] = Memo()


class ClassifierNet(Trunk):
    """Trunk and matching head."""

    def __init__(self, d_video: int, d_music: int, config: EmoMVConfig, seed: int) -> None:
        super().__init__(d_video, d_music, config.width, config.dropout, False, config.emotion_from_embedding)
        self.matching = MatchingHead(config.width, config.pooled, config.hidden, seed)

    def pair_loss(self, video: Projection, music: Projection, match: Tensor, *, config: EmoMVConfig) -> Tensor:
        """Cross-entropy of the two logits."""
        return cross_entropy(self.matching(video.embedding, music.embedding), match)


class RetrievalNet(Trunk):
    """The trunk alone: its embeddings are compared by cosine."""

    def __init__(self, d_video: int, d_music: int, config: EmoMVConfig) -> None:
        c = config
        super().__init__(d_video, d_music, c.width, c.dropout, c.layer_norm, c.emotion_from_embedding)

    def pair_loss(self, video: Projection, music: Projection, match: Tensor, *, config: EmoMVConfig) -> Tensor:
        """Contrastive loss on the cosine distance (the embeddings have unit length)."""
        cosine = torch.sum(video.embedding * music.embedding, dim=1)
        return contrastive(1 - cosine, match, config.margin, halve=config.halve)


def _loss(net: ClassifierNet | RetrievalNet, config: EmoMVConfig) -> Loss:
    """The matching loss plus, in multi-task training, both emotion losses, equally weighted (paper)."""

    def loss(batch: Batch) -> Tensor:
        video, music = net.video(batch.video), net.music(batch.music)
        total = net.pair_loss(video, music, batch.match, config=config)
        if config.multi_task:
            total = total + cross_entropy(net.video_emotion(video), batch.video_emotion)
            total = total + cross_entropy(net.music_emotion(music), batch.music_emotion)
        return total

    return loss


def _match_scores(net: ClassifierNet, video: Tensor, music: Tensor) -> Array:
    """Logits [a, b] of a match rather than none."""

    def score(v: Tensor, m: Tensor) -> Tensor:
        logits = net.matching(v, m)
        return logits[:, 1] - logits[:, 0]

    return every_pair(score, net.video(video).embedding, net.music(music).embedding)


def _cosines(net: RetrievalNet, video: Tensor, music: Tensor) -> Array:
    return (net.video(video).embedding @ net.music(music).embedding.T).numpy()


def _project(trained: Trained[ClassifierNet], modality: Modality, features: Array) -> Projection:
    stream = trained.model.video if modality == "video" else trained.model.music
    with torch.no_grad():
        return stream(trained.scales.tensor(modality, features))


def _encoder(trained: Trained[RetrievalNet], config: EmoMVConfig) -> ProjectionEncoder:
    """The trained trunk without torch, with the preparation of the features inside."""
    net, tensors = trained.model, dict[str, Array]()
    for name, scale in zip(trained.scales._fields, trained.scales, strict=True):
        stream, branch = getattr(net, name), getattr(net, f"{name}_emotion")
        tensors |= tensors_of(f"{name}.reduce", scale.fold_into(*linear(stream.reduce)))
        tensors |= tensors_of(f"{name}.first", linear(stream.head.first))
        tensors |= tensors_of(f"{name}.second", linear(stream.head.second))
        if config.layer_norm:
            tensors |= tensors_of(f"{name}.norm", linear(stream.head.norm))
        if config.multi_task:
            tensors |= tensors_of(f"{name}.emotion", linear(branch.out))
    return ProjectionEncoder({"emotion_from_embedding": config.emotion_from_embedding}, tensors)


@dataclass(frozen=True)
class FittedClassifier:
    """A fitted `EmoMVClassifier`; its similarity is the match probability, which takes one pass per pair."""

    trained: Trained[ClassifierNet]
    multi_task: bool = True

    def match(self, video: Array, music: Array) -> Array:
        """Match probability float32 [n]."""
        return self._score(*self._embed(video, music)).numpy()

    def similarity(self, video: Array, music: Array) -> Array:
        """Match probability float32 [a, b] of every pair, one video and a block of music at a time."""
        return every_pair(self._score, *self._embed(video, music))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5], or None of a single-task model."""
        if not self.multi_task:
            return None
        net = self.trained.model
        branch = net.video_emotion if modality == "video" else net.music_emotion
        with torch.no_grad():
            return torch.softmax(branch(_project(self.trained, modality, features)), dim=1).numpy()

    def _embed(self, video: Array, music: Array) -> tuple[Tensor, Tensor]:
        sides = _project(self.trained, "video", video), _project(self.trained, "music", music)
        return sides[0].embedding, sides[1].embedding

    def _score(self, video: Tensor, music: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.softmax(self.trained.model.matching(video, music), dim=1)[:, 1]


SINGLE = EmoMVConfig(multi_task=False)
# The text alone, without what only the authors' code has.
TEXT = EmoMVConfig(layer_norm=False, halve=False, schedule=Schedule(weight_decay=0.0))
CODE = EmoMVConfig(emotion_from_embedding=True)
# As long for a large collection as for a small one, and a probability that other collections can take at its word.
TRAVELLING = EmoMVConfig(steps=600, calibration_folds=4)

SYSTEMS: dict[str, Callable[[], System]] = {
    "emomv-classifier": lambda: EmoMVClassifier(),
    "emomv-classifier-single": lambda: EmoMVClassifier("emomv-classifier-single", SINGLE),
    "emomv-classifier-text": lambda: EmoMVClassifier("emomv-classifier-text", TEXT),
    "emomv-classifier-code": lambda: EmoMVClassifier("emomv-classifier-code", CODE),
    "emomv-retrieval": lambda: EmoMVRetrieval(),
    "emomv-retrieval-single": lambda: EmoMVRetrieval("emomv-retrieval-single", SINGLE),
    "emomv-retrieval-text": lambda: EmoMVRetrieval("emomv-retrieval-text", TEXT),
    "emomv-net": lambda: EmoMVRetrieval("emomv-net", TRAVELLING),
}
