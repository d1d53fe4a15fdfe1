"""A trained AFCLNet as the numbers that `recommender.rankers.afclnet` runs on."""

from typing import Any

import numpy as np

from recommender.errors import InputError
from recommender.rankers.afclnet import Reranker
from recommender.types import Array
from training.nets.afclnet import AFCLNet as Network
from training.nets.afclnet import ChannelAttention, GateControl
from training.systems.afclnet.affect import Classes, Ridge
from training.systems.afclnet.reduction import Affine
from training.systems.afclnet.system import FittedAFCLNet
from training.systems.matching import tensors_of
from training.systems.network import linear


def reranker(fitted: FittedAFCLNet) -> Reranker:
    """The light inference of `fitted`.

    Raises InputError: its reduction or affect predictors are not linear, so that serving would need torch or LightGBM.
    """
    tensors: dict[str, Array] = {}
    settings: dict[str, Any] = {}
    for modality in ("video", "music"):
        reduction, affect = getattr(fitted.reducer, modality), getattr(fitted.affect, modality)
        if not isinstance(reduction, Affine) or not isinstance(affect, Classes | Ridge):
            raise InputError(
                "only linear reductions (pca, cca, none) and linear affect predictors are served without torch and "
                "LightGBM: train AFCLNet with those"
            )
        tensors |= tensors_of(f"{modality}.reduce", (reduction.weights, reduction.bias))
        tensors |= tensors_of(f"{modality}.affect", affect.affine())
        settings[f"{modality}_form"] = affect.form if isinstance(affect, Classes) else "linear"
        settings[f"{modality}_scale"] = list(getattr(fitted.affect, f"{modality}_scale"))
    for member, net in enumerate(fitted.nets):
        tensors |= {f"{member}.{name}": values for name, values in _member(net).items()}
    shape = fitted.nets[0].shape
    settings |= {"members": len(fitted.nets), "self_heads": shape.self_heads, "mutual_heads": shape.mutual_heads}
    settings |= {"own": shape.task_experts, "shared": shape.shared_experts, "residual": shape.residual}
    settings |= {"products": shape.products, "inputs": shape.inputs}
    plain = Reranker(settings, {name: np.asarray(values, np.float32) for name, values in tensors.items()})
    return refer(plain, *fitted.references) if fitted.references else plain


def refer(plain: Reranker, video: Array, music: Array) -> Reranker:
    """`plain` with training items as references, given by raw features [r, d], to tell what is usual from."""
    sides = {"video.reference": plain.plain_side("video", video), "music.reference": plain.plain_side("music", music)}
    return Reranker(plain.settings, {**plain.tensors, **sides})


def _member(net: Network) -> dict[str, Array]:
    found = _control(net.control)
    if net.skip is not None:
        found["skip.weights"] = _weights(net.skip)
    for name, stream in (("video", net.video), ("music", net.music)):
        for part, attention in (("attention", stream.attention), ("mutual", stream.mutual)):
            if attention is not None:
                found |= {f"{name}.{part}.{key}": values for key, values in _attention(attention).items()}
        if stream.project is not None:
            found |= tensors_of(f"{name}.project", linear(stream.project))
    return found


def _attention(attention: ChannelAttention) -> dict[str, Array]:
    found = {f"{part}.weights": _weights(getattr(attention, part)) for part in ("query", "key", "value")}
    return found | tensors_of("out", linear(attention.out))


def _control(control: GateControl) -> dict[str, Array]:
    """The score's own experts, the shared ones, its gate and its tower."""
    weights, bias = linear(control.experts)
    experts = np.r_[0 : control.own, len(control.gates) * control.own : len(bias) // control.expert]
    columns = (experts[:, None] * control.expert + np.arange(control.expert)).ravel()
    found = tensors_of("experts", (weights[:, columns], bias[columns]))
    found["gate.weights"] = _weights(control.gates[0])
    return found | tensors_of("hidden", linear(control.hidden[0])) | tensors_of("out", linear(control.out[0]))


def _weights(layer: Any) -> Array:
    return layer.weight.detach().numpy().T
