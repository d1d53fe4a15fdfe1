"""SYSTEMS: every correspondence model and baseline, by name, behind one contract (`training.types.System`)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from recommender.errors import InputError
from training.types import System

SYSTEMS = {
    "emomv-classifier": "emomv",
    "emomv-classifier-single": "emomv",
    "emomv-classifier-text": "emomv",
    "emomv-classifier-code": "emomv",
    "emomv-retrieval": "emomv",
    "emomv-retrieval-single": "emomv",
    "emomv-retrieval-text": "emomv",
    "li-kumar": "baselines.likumar",
    "li-kumar-single": "baselines.likumar",
    "posterior": "posterior",
    "evidence": "posterior",
    "predicted": "predicted",
    "emomv-net": "emomv",
    "mixture": "mixture",
    "fusion-mixture": "fusion",
    "supcon": "contrastive",
    "cca": "cca",
    "cluster-cca": "cca",
    "afclnet": "afclnet.system",
    "afclnet-unbiased": "afclnet.system",
    "afclnet-paper": "afclnet.system",
    "fusion": "fusion",
    "fusion-predicted": "fusion",
    "fusion-emomv": "fusion",
    "ensemble": "ensemble",
    "videoadviser": "baselines.videoadviser",
    "ccda": "baselines.ccda",
    "cca-ga-bpnn": "baselines.cca_ga_bpnn",
    "affective-cca": "baselines.affective_cca",
    "stacking": "baselines.stacking",
    "acp-net": "baselines.acp",
    "l3-net-features": "baselines.acp",
    "spectrogram-acp-features": "baselines.acp",
}
"""The module of each system: its `SYSTEMS` makes the system by that name. Imported when it is asked for."""

RAW_SYSTEMS = {
    "l3-net": "baselines.acp_raw",
    "spectrogram-acp": "baselines.acp_raw",
}
"""Systems that see pictures and spectrograms themselves (`dataset build --extractor raw`): no part of any suite."""

SUITES: dict[str, Callable[[], tuple[str, ...]]] = {
    "all": lambda: tuple(SYSTEMS),
    "afclnet-ablation": lambda: ("afclnet", "afclnet-paper", *ablations()),
}
"""Names that stand for several systems."""


def system(name: str) -> System:
    """A system, or an ablation, with its default configuration.

    Parameters
    ----------
    name: such as "evidence".

    Raises
    ------
    InputError: no system has that name; the message lists them.
    """
    if name in (known := SYSTEMS | RAW_SYSTEMS):
        return makers(known[name])[name]()
    if name.startswith("afclnet-") and name in (parts := ablations()):
        return parts[name]()
    raise InputError(f"no system is called {name}; there are: {', '.join(known)}, and the suites {', '.join(SUITES)}")


def makers(module: str) -> Mapping[str, Callable[[], System]]:
    """The systems of a module of this package, by name."""
    return import_module(f"training.systems.{module}").SYSTEMS


def space(name: str) -> Mapping[str, tuple[Any, ...]]:
    """The candidates of the configuration of the system `name` among which it is tuned; none for one that is not.

    By field, dotted in nested ones. A module keeps them in `SPACES`, the defaults among them.
    """
    module = import_module(f"training.systems.{(SYSTEMS | RAW_SYSTEMS)[name]}")
    return getattr(module, "SPACES", {}).get(name, {})


def ablations() -> Mapping[str, Callable[[], System]]:
    """AFCLNet with one part taken away or exchanged, `afclnet-no-attention` for instance, of either recipe."""
    return makers("afclnet.ablations")


def systems(names: str) -> dict[str, System]:
    """The systems of a list of names and suites with commas between, each once, in order; raises InputError."""
    parts = [part.strip() for part in names.split(",") if part.strip()]
    chosen = [name for part in parts for name in (SUITES[part]() if part in SUITES else (part,))]
    return {name: system(name) for name in dict.fromkeys(chosen)}
