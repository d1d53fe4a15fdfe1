"""What is installed, and what stands in the way: the facts behind `recommend doctor`."""

import platform
import shutil
import sys
from importlib import metadata

from indexing.search.backends import FAISS_ROWS
from indexing.search.backends.devices import find
from indexing.search.backends.faiss_flat import load_faiss
from indexing.search.servers.remembering import addresses
from recommender.errors import BackendError

CORE: tuple[str, ...] = ("cliptune", "numpy", "scipy", "av", "opencv-python-headless")
CORE += ("sqlalchemy", "alembic", "pyarrow", "typer", "tinytag")
FAISS = ("faiss-cpu", "faiss-gpu", "faiss-gpu-cuvs", "faiss-gpu-cu11", "faiss-gpu-cu12")
EXTRAS = {"torch": "train, pretrained", "lightgbm": "train", "transformers": "timesformer", "distributed": "cluster"}
EXTRAS |= {"qdrant-client": "qdrant", "pymilvus": "milvus"}
INSTALL_FAISS = "install exactly one: pip install 'cliptune[cpu]' or pip install 'cliptune[gpu]'"
WITHOUT_FAISS = f"none: needed from {FAISS_ROWS:,} windows on and by `recommend index build` ({INSTALL_FAISS})"


def version(name: str) -> str | None:
    """Installed version of a distribution, None when absent."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def report() -> tuple[list[tuple[str, str]], list[str]]:
    """(facts, problems): facts as (name, value); each problem says what to do. No problems: all is well."""
    facts = [("python", f"{platform.python_version()} ({sys.platform}, {platform.machine()})")]
    facts += [(name, version(name) or "missing") for name in CORE]
    problems = [f"{name} is missing: pip install --force-reinstall cliptune" for name, v in facts if v == "missing"]
    faiss_facts, faiss_problems = _faiss()
    facts += faiss_facts
    serving = find()
    facts.append(("large searches", f"{serving.backend or 'on the processor'} ({serving.why})"))
    facts += [(name, version(name) or f"not installed (extra: {extra})") for name, extra in EXTRAS.items()]
    facts.append(("vector servers", ", ".join(addresses()) or "none is asked (`recommend index publish`)"))
    facts.append(("fluidsynth", shutil.which("fluidsynth") or "not found (only `recommend train affect` needs it)"))
    return facts, problems + faiss_problems


def _faiss() -> tuple[list[tuple[str, str]], list[str]]:
    found = [name for name in FAISS if version(name)]
    facts = [("faiss package", ", ".join(f"{name} {version(name)}" for name in found) or WITHOUT_FAISS)]
    problems = []
    if len(found) > 1:
        problems.append(
            f"{' and '.join(found)} are both installed and overwrite each other: "
            f"pip uninstall -y {' '.join(found)}, then {INSTALL_FAISS}"
        )
    try:
        faiss = load_faiss()
    except BackendError as error:
        return facts, [*problems, f"no usable FAISS ({error.__cause__}): {INSTALL_FAISS}"] if found else problems
    gpu_build = hasattr(faiss, "StandardGpuResources")
    devices, kind = (faiss.get_num_gpus(), "GPU") if gpu_build else (0, "CPU")
    facts.append(("faiss build", f"{faiss.__version__}, {kind} ({faiss.get_compile_options().strip()})"))
    facts.append(("devices", f"{devices} GPU(s)" if devices else "CPU only"))
    if any("gpu" in name for name in found) and not gpu_build:
        problems.append(f"a GPU package of FAISS is listed, yet the CPU build is what loads: {INSTALL_FAISS}")
    return facts, problems
