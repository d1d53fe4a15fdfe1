"""A published file of weights -> tensors that fit a network exactly, with nothing in the file executed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import CliptuneError, ModelError
from recommender.text import show
from recommender.weights.published import Checkpoint, require_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("model_state", "state_dict", "model")
"""Keys under which training programs keep the state dict beside their own bookkeeping."""
NAMED = 3
"""Names told in a message; of the others, how many."""


def convert(file: Path, checkpoint: Checkpoint, where: str) -> dict[str, "Tensor"]:
    """The tensors of `checkpoint`'s network from its published file, which they may still lie in; raises ModelError.

    `where` is what messages call the file: the address that a temporary file came from.
    """
    state = fitting(checkpoint.rename(read_state(file, where)), empty(checkpoint), where)
    seen: set[int] = set()
    return {name: _apart(tensor, seen) for name, tensor in state.items()}


def _apart(tensor: "Tensor", seen: set[int]) -> "Tensor":
    """`tensor` in memory that no other tensor shares, as safetensors wants it; copied only where it must be."""
    memory = tensor.untyped_storage()
    alone = tensor.is_contiguous() and memory.nbytes() == tensor.nbytes and memory.data_ptr() not in seen
    seen.add(memory.data_ptr())
    return tensor if alone else tensor.clone(memory_format=require_torch().contiguous_format)


def empty(checkpoint: Checkpoint) -> "nn.Module":
    """The network without memory for its weights."""
    with require_torch().device("meta"):
        return checkpoint.network()


def read_state(file: Path, where: str) -> dict[str, "Tensor"]:
    """The state dict in a file that `torch.save` wrote; raises ModelError when it holds anything but tensors."""
    state = _unwrap(_load(file, where))
    tensor = require_torch().Tensor
    if not isinstance(state, Mapping) or not state:
        raise ModelError(f"{where}: holds no state dict, but a {type(state).__name__}; not a checkpoint")
    odd = [name for name, value in state.items() if not isinstance(name, str) or not isinstance(value, tensor)]
    if odd:
        raise ModelError(f"{where}: {_list(odd)} is no tensor; not a checkpoint of weights")
    prefix = "module."  # what training on several devices puts before every name
    if all(name.startswith(prefix) for name in state):
        return {name.removeprefix(prefix): value for name, value in state.items()}
    return dict(state)


def fitting(state: Mapping[str, "Tensor"], net: "nn.Module", where: str) -> dict[str, "Tensor"]:
    """`state` in the order and types of `net`; raises ModelError with one line for whatever does not fit."""
    wanted = net.state_dict()
    faults = []
    if missing := [name for name in wanted if name not in state]:
        faults.append(f"lacks {_list(missing)}")
    if strange := [name for name in state if name not in wanted]:
        faults.append(f"has the unknown {_list(strange)}")
    both = [name for name in wanted if name in state]
    if wrong := [name for name in both if state[name].shape != wanted[name].shape]:
        sizes = list(state[wrong[0]].shape), list(wanted[wrong[0]].shape)
        faults.append(f"{_list(wrong)} has the shape {sizes[0]}, not {sizes[1]}")
    if faults:
        raise ModelError(f"{where}: not the weights of this network: {'; '.join(faults)}")
    typed = {name: _convert_type(name, state[name], wanted[name], where) for name in wanted}
    if bad := [name for name, tensor in typed.items() if not bool(tensor.isfinite().all())]:
        raise ModelError(f"{where}: {_list(bad)} holds values that are not finite; a damaged checkpoint")
    return typed


def _load(file: Path, where: str) -> Any:
    """What torch reads from a file when it may build tensors and plain containers alone."""
    torch = require_torch()
    if not file.is_file():
        raise ModelError(f"no such file: {where}")
    try:
        try:
            return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):  # files of before torch 1.6 are read whole
                raise
            return torch.load(file, map_location="cpu", weights_only=True)
    except CliptuneError:
        raise
    except Exception as error:  # a damaged file fails in whatever way its bytes lead to
        if type(error).__name__ == "UnpicklingError":
            reason = "refused, nothing in it was executed: it is damaged, or asks for more than tensors"
            raise ModelError(f"{where}: {reason}") from error
        raise ModelError(f"{where}: no whole checkpoint ({type(error).__name__}); fetch it again") from error


def _unwrap(loaded: Any) -> Any:
    for key in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            return loaded[key]
    return loaded


def _convert_type(name: str, tensor: "Tensor", wanted: "Tensor", where: str) -> "Tensor":
    """`tensor` in the type of `wanted`: kinds of floating point become each other, nothing else does."""
    if tensor.dtype == wanted.dtype:
        return tensor
    if tensor.is_floating_point() and wanted.is_floating_point():
        return tensor.to(wanted.dtype)
    raise ModelError(f"{where}: {show(name)} is of type {tensor.dtype}, not {wanted.dtype}; not this checkpoint")


def _list(names: list[Any]) -> str:
    told = ", ".join(show(str(name)[:80]) for name in names[:NAMED])
    return f"{told} and {len(names) - NAMED} more" if len(names) > NAMED else told
