"""Which GPU a search may use, and through what: found out without importing anything where there is none."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from indexing.search.backends.faiss_flat import gpu_usable, load_faiss
from recommender.errors import BackendError

_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg")  # the last: NVIDIA's in Windows' Linux
_DRIVER = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll"
_UNUSABLE = (BackendError, ImportError, OSError, RuntimeError)  # not installed, or of another driver
_LIBRARIES = ("libtorch_cuda.so", "torch_cuda.dll")


class Serving(NamedTuple):
    """The backend that searches on a GPU, None where none does, and why."""

    backend: str | None
    why: str


def is_likely() -> bool:
    """Whether a driver shows a CUDA device to this process; nothing is imported, it takes microseconds."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    return _DRIVER.exists() if sys.platform == "win32" else any(map(os.path.exists, _NODES))


def find() -> Serving:
    """What serves on a GPU: FAISS where its GPU build sees one, else torch where its CUDA build does."""
    if not is_likely():
        return Serving(None, "no CUDA device was found")
    for backend, look in {"faiss_flat": _seen_by_faiss, "torch": _seen_by_torch}.items():
        try:
            why = look()
        except _UNUSABLE:
            why = None
        if why:
            return Serving(backend, why)
    return Serving(
        None, "a CUDA device is likely here, but neither FAISS nor torch sees it: pip install 'cliptune[gpu]'"
    )


def _seen_by_faiss() -> str | None:
    faiss = load_faiss()
    return f"FAISS {faiss.__version__} sees {faiss.get_num_gpus()} GPU(s)" if gpu_usable(faiss) else None


def _seen_by_torch() -> str | None:
    if not _torch_has_cuda():
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    return f"torch {torch.__version__} sees {torch.cuda.get_device_name()}; FAISS sees no GPU"


def _torch_has_cuda() -> bool:
    """Whether the torch that is installed was built for CUDA, told by its files: importing it takes seconds."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return False
    return any((Path(found.origin).parent / "lib" / name).exists() for name in _LIBRARIES)
