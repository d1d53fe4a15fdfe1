"""Generated pairs of a video and a piece of music: AFCLNet's task in the shape of its paper, with known causes.

The data of Su et al. 2025 are not public. Here pairs have ratings of 1 to 5, 16 affect dimensions a side, and objective
features: hidden values mixed into more columns than there are values, with noise. Everything is generated: a figure on
it says whether a part of the network does its work, not how well it does on films.

Hidden values of a side, standard normal: f [3], the factors of its affect; content u [4]; style s [4]; form w [4];
nuisance o [6]. Half of the pairs, by one coin each, share f, and u, up to noise, whatever their score: music that was
written for its picture. Style is shared by all pairs. Affect is f in fixed loadings plus what each dimension has alone.
An effect is a term of the score, of mean 0 and variance 1, or a property of the features, and each is there for one
part of AFCLNet:

- `perceptual`: minus the distance of both sides' affect. The affect inputs show it: their predictors learn affect from
  its labels, where reduction of the objective features finds only what varies together.
- `objective`: minus the distance of u. No affect shows it, so that it is seen through the objective inputs alone. It is
  also what the consistency loss is for: matched pairs have nearly equal u.
- `state`: c, +1 or -1 by a coin; w_music = r w_video + noise where c = 1, r J w_video + noise where c = -1, J turning
  every two dimensions by 90 degrees: matched and unmatched pairs share different directions, which one DCCA of each
  state finds. One of all pairs finds I + J, in whose canonical coordinates the products of both sides have the same
  mean in either state. Without the effect w is shared as in c = 1.
- `channels`: s_1 s_2 of the video: an interaction of channels within one modality, which is the form of self-attention
  over reduced features. Style survives their reduction because both sides share it.
- `gate`: sign(s_1) f_1 of the video: an objective feature says which way an affect dimension counts, which is the form
  of mutual attention, objective on affect.
- `clutter`: twice as many more columns that show nothing but noise: a network that takes every column as it is learns
  the fitted pairs by heart from them, which reduction spares it.

Whether the picture shows a person, and whether the music has a voice, is the sign of one nuisance value of its side: it
shows in the columns and says nothing of the score, which is what the paper finds of both as auxiliary tasks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.learning.targets import Scored, from_ratings

NAME = "generated"
"""What every table calls this data set."""
TERMS = ("perceptual", "objective", "state", "channels", "gate")
EFFECTS = (*TERMS, "clutter")

Values = dict[str, Array]


@dataclass(frozen=True)
class GeneratedConfig:
    """Sizes and noise."""

    pairs: int = 2200  # paper
    affect: int = 16  # paper
    factors: int = 3  # rated dimensions of emotion rest on few: valence, arousal, dominance
    own: float = 0.5  # of an affect dimension beside its factors; far more would hide the factors' distance
    content: int = 4  # few, so that each can be found in 1,760 pairs
    style: int = 4
    form: int = 4  # even: turned two by two
    nuisance: int = 6
    video_columns: int = 60  # 21 hidden values show in them, each column being a mixture of all
    music_columns: int = 40
    clutter: int = 2  # so many times the columns are added where that effect is planted
    noise: float = 0.4  # SD of a column's own noise beside hidden values of SD 1: affect is predictable, not given
    per_video: int = 2  # pairs of one video, with different music: these make a group
    shared: float = 0.95  # correlation of what a pair shares; of style a little less
    style_shared: float = 0.8
    share: float = 0.7  # of the rating's variance that all effects together explain: the paper's network reaches .62
    spread: float = 0.85  # SD of ratings: the paper's MSE and R2 give .22 of scores, .88 of ratings
    step: float = 0.2  # ratings are means of five people's

    def __post_init__(self) -> None:
        if self.pairs < 2 or self.form % 2 or self.style < 2:
            raise InputError(
                f"{self.pairs} pairs, {self.form} values of form and {self.style} of style: at least 2 pairs, an even "
                "number and at least 2 are needed"
            )


class World(NamedTuple):
    """Generated pairs and what lies behind them: hidden values [n, k] of either side, terms [n] of the score."""

    data: Scored
    video: Values
    music: Values
    terms: Values


def generate(effects: Iterable[str], seed: int, config: GeneratedConfig | None = None) -> Scored:
    """Generated pairs whose scores have the effects named, in equal shares; none but noise without any term.

    The same arguments give the same pairs. Raises InputError for an effect that does not exist.
    """
    return world(effects, seed, config).data


def world(effects: Iterable[str], seed: int, config: GeneratedConfig | None = None) -> World:
    """`generate` with the hidden values and all terms, planted or not."""
    planted, config = _known(effects), config or GeneratedConfig()
    rng = np.random.default_rng(seed)
    group = np.arange(config.pairs) // config.per_video
    video = {name: x[group] for name, x in _side(rng, int(group.max()) + 1, config).items()}
    state = np.where(rng.random(config.pairs) < 0.5, 1.0, -1.0)
    turned = state if "state" in planted else np.ones(config.pairs)
    music = _share(rng, video, _side(rng, config.pairs, config), turned, config)
    affect = [_affect(side, config) for side in (video, music)]
    terms = {name: _standard(x) for name, x in _terms(video, music, affect, state).items()}
    score = _scores(rng, [terms[name] for name in TERMS if name in planted], config)
    clutter = config.clutter if "clutter" in planted else 0
    columns = _features(rng, video, config.video_columns, clutter, config.noise)
    music_columns = _features(rng, music, config.music_columns, clutter, config.noise)
    person, voice = ((side["nuisance"][:, 0] > 0).astype(np.float64) for side in (video, music))
    data = Scored(columns, music_columns, score, affect[0], affect[1], group, person=person, voice=voice)
    return World(data, video, music, terms)


def _known(effects: Iterable[str]) -> set[str]:
    planted = set(effects)
    if unknown := sorted(planted - set(EFFECTS)):
        raise InputError(f"no effect is called {unknown[0]}; there are: {', '.join(EFFECTS)}")
    return planted


def _side(rng: np.random.Generator, rows: int, config: GeneratedConfig) -> Values:
    """Hidden values of one modality, drawn alone."""
    sizes = {"factors": config.factors, "content": config.content, "style": config.style, "form": config.form}
    sizes |= {"nuisance": config.nuisance, "own": config.affect}
    return {name: rng.standard_normal((rows, size)) for name, size in sizes.items()}


def _share(rng: np.random.Generator, video: Values, alone: Values, state: Array, config: GeneratedConfig) -> Values:
    """The music's hidden values: its own, and what it shares with its video."""
    music = dict(alone)
    for name in ("factors", "content"):
        written = rng.random(config.pairs) < 0.5
        music[name] = np.where(written[:, None], _like(video[name], alone[name], config.shared), alone[name])
    music["style"] = _like(video["style"], alone["style"], config.style_shared)
    turn = np.kron(np.eye(config.form // 2), [[0.0, -1.0], [1.0, 0.0]])
    form = np.where(state[:, None] > 0, video["form"], video["form"] @ turn)
    music["form"] = _like(form, alone["form"], config.shared)
    return music


def _like(of: Array, alone: Array, correlation: float) -> Array:
    return np.asarray(correlation * of + np.sqrt(1 - correlation**2) * alone)


def _affect(side: Values, config: GeneratedConfig) -> Array:
    """Standardised ratings float64 [n, a]; loadings are those of the scale, the same for all data and both sides."""
    loadings = np.random.default_rng(0).standard_normal((config.factors, config.affect))
    return _standard(side["factors"] @ loadings + config.own * side["own"])


def _terms(video: Values, music: Values, affect: list[Array], state: Array) -> Values:
    return {
        "perceptual": -np.linalg.norm(affect[0] - affect[1], axis=1),
        "objective": -np.linalg.norm(video["content"] - music["content"], axis=1),
        "state": state,
        "channels": video["style"][:, 0] * video["style"][:, 1],
        "gate": np.sign(video["style"][:, 0]) * video["factors"][:, 0],
    }


def _scores(rng: np.random.Generator, terms: list[Array], config: GeneratedConfig) -> Array:
    """Scores of ratings in whole steps from 1 to 5."""
    value = rng.standard_normal(config.pairs)
    if terms:
        value = np.sqrt(1 - config.share) * value + np.sqrt(config.share / len(terms)) * np.sum(terms, axis=0)
    rating = 3 + config.spread * value
    return from_ratings(np.clip(np.round(rating / config.step) * config.step, 1, 5))


def _features(rng: np.random.Generator, side: Values, columns: int, clutter: int, noise: float) -> Array:
    """float32 [n, d]: hidden values in random mixtures of variance 1 with noise, then `clutter` times as much noise."""
    hidden = np.hstack([side[name] for name in ("factors", "content", "style", "form", "nuisance")])
    mixed = hidden @ rng.standard_normal((hidden.shape[1], columns)) / np.sqrt(hidden.shape[1])
    shown = mixed + noise * rng.standard_normal(mixed.shape)
    return np.hstack([shown, rng.standard_normal((len(shown), clutter * columns))]).astype(np.float32)


def _standard(x: Array) -> Array:
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0))
