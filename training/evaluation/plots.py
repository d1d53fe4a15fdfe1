"""Plots of a benchmark report as inline SVG."""

import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)  # names and addresses nobody needs in a page
INK, BAR, CHANCE, PAPER = "#222222", "#4878a8", "#b04a3a", "#e0a030"


def bars(report: Mapping[str, Any], measure: str) -> str:
    """Every system's mean of a measure with its 95 % interval, the chance line and the published marks."""
    names = list(report["systems"])
    entries = [report["systems"][n]["measures"][measure] for n in names]
    means = np.array([e["mean"] for e in entries])
    low = np.array([_or(e["low_95"], e["mean"]) for e in entries])
    high = np.array([_or(e["high_95"], e["mean"]) for e in entries])
    figure, axes = _figure(7.5, 0.9 + 0.34 * len(names))
    at = np.arange(len(names))
    error = np.maximum([means - low, high - means], 0)
    axes.barh(at, means, xerr=error, color=BAR, height=0.62, error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2})
    level = report["chance"].get(measure)
    if level is not None:
        axes.axvline(level, color=CHANCE, linestyle="--", linewidth=1.2, label=f"chance {level:.3f}")
    for row in report["published"]:
        if measure in row["figures"]:
            for name in set(row["systems"]) & set(names):
                label = "published" if "published" not in axes.get_legend_handles_labels()[1] else None
                axes.plot(row["figures"][measure], names.index(name), "D", color=PAPER, markersize=6, label=label)
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.set_xlim(0, min(1.0, max(float(high.max()) * 1.12, 0.1)))
    axes.set_xlabel(measure)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8, frameon=False)
    return _svg(figure)


def precision_recall(report: Mapping[str, Any], direction: str) -> str:
    """Interpolated precision at eleven recall levels, mean over queries."""
    figure, axes = _figure(7.5, 3.6)
    for name, entry in report["systems"].items():
        axes.plot(np.linspace(0, 1, 11), entry["precision_at_recall"][direction], marker="o", markersize=3, label=name)
    axes.set(xlabel="recall", ylabel="precision", title=direction, xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=7, ncols=2)
    return _svg(figure)


def slices(report: Mapping[str, Any], direction: str) -> str:
    """mAP by the query's emotion, a group of bars per emotion."""
    figure, axes = _figure(7.5, 3.6)
    systems = list(report["systems"])
    emotions = list(report["systems"][systems[0]]["slices"][direction])
    width = 0.8 / len(systems)
    for i, name in enumerate(systems):
        parts = report["systems"][name]["slices"][direction]
        values = [_or(parts[e]["mAP"], 0.0) for e in emotions]
        axes.bar(np.arange(len(emotions)) + (i - (len(systems) - 1) / 2) * width, values, width, label=name)
    counts = report["systems"][systems[0]]["slices"][direction]
    axes.set_xticks(np.arange(len(emotions)), [f"{e}\n{counts[e]['queries']} queries" for e in emotions])
    axes.set(ylabel="mAP", title=direction)
    axes.legend(fontsize=7, ncols=2)
    return _svg(figure)


def confusions(report: Mapping[str, Any]) -> str:
    """Matched or not, truth against decision, one panel per system; counts are means over seeds."""
    figure, panels = _panels(list(report["systems"]), 5, (1.75, 1.9))
    for name, axes in panels.items():
        table = np.array(report["systems"][name]["confusion"])
        axes.imshow(table, cmap="Blues", vmin=0, vmax=table.sum() / 2)
        for (y, x), value in np.ndenumerate(table):
            dark = value > table.sum() / 3
            axes.text(x, y, f"{value:.0f}", ha="center", va="center", color="white" if dark else INK, fontsize=8)
        axes.set_title(name, fontsize=7)
        axes.set_xticks([0, 1], ["mism.", "match"], fontsize=6)
        axes.set_yticks([0, 1], ["mism.", "match"], fontsize=6)
    return _svg(figure)


def reliability(report: Mapping[str, Any]) -> str:
    """Share of matched pairs over mean score, one panel per system."""
    figure, panels = _panels(list(report["systems"]), 4, (2.5, 2.6))
    for name, axes in panels.items():
        entry = report["systems"][name]
        bins = entry["reliability"]["bins"]
        at, share = (np.array([b[key] for b in bins]) for key in ("predicted", "observed"))
        error = _reach(share, [b["low_95"] for b in bins], [b["high_95"] for b in bins])
        axes.plot([0, 1], [0, 1], color=CHANCE, linestyle="--", linewidth=1)
        axes.errorbar(at, share, error, color=BAR, ecolor=INK, elinewidth=0.8, capsize=2, marker="o", markersize=3)
        axes.set_title(f"{name}, ECE {entry['measures']['ECE']['mean']:.3f}", fontsize=7)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.tick_params(labelsize=6)
    figure.supxlabel("mean match score", fontsize=8)
    figure.supylabel("share of matched pairs", fontsize=8)
    return _svg(figure)


def stages(report: Mapping[str, Any], pair: Mapping[str, Any]) -> str:
    """mAP of every stage with its 95 % interval, a panel per direction, and the chance line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    shared: Any = None
    for i, (direction, entries) in enumerate(pair["directions"].items()):
        axes = shared = figure.add_subplot(1, 2, i + 1, sharey=shared)
        means = np.array([e["mAP"] for e in entries])
        error = _reach(means, [e["low_95"] for e in entries], [e["high_95"] for e in entries])
        again = np.array([e["stage"].startswith("rescored") for e in entries])
        for kind, colour, label in ((~again, BAR, pair["first"]), (again, PAPER, f"rescored by {pair['second']}")):
            at = np.flatnonzero(kind)
            style: dict[str, Any] = {"color": colour, "ecolor": INK, "elinewidth": 1, "capsize": 3, "markersize": 6}
            axes.errorbar(at, means[kind], error[:, kind], linestyle="none", marker="o", label=label, **style)
        axes.axhline(means[0], color=BAR, linewidth=0.8, linestyle=":")
        level = report["chance"].get(f"{direction} mAP")
        if level is not None:
            axes.axhline(level, color=CHANCE, linestyle="--", linewidth=1.2, label=f"chance {level:.3f}")
        axes.set_xticks(range(len(entries)), [e["stage"].replace(" ", "\n") for e in entries], fontsize=7)
        axes.set(title=direction, ylabel="mAP")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
        axes.margins(y=0.1)
    figure.legend(*shared.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return _svg(figure)


def _reach(at: Any, low: list[float | None], high: list[float | None]) -> Any:
    """How far error bars reach below and above, [2, n]; not at all where there is no interval."""
    below = [value - _or(bound, value) for value, bound in zip(at, low, strict=True)]
    above = [_or(bound, value) - value for value, bound in zip(at, high, strict=True)]
    return np.maximum([below, above], 0)


def _panels(names: list[str], most: int, size: tuple[float, float]) -> tuple[Any, dict[str, Any]]:
    """A figure with a panel of `size` per name, at most so many beside each other, and the axes of each."""
    from matplotlib.figure import Figure

    columns = min(len(names), most)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    return figure, {name: figure.add_subplot(rows, columns, i + 1) for i, name in enumerate(names)}


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib as mpl

    text = io.StringIO()
    # A fixed salt and no date: the same report gives the same bytes.
    with mpl.rc_context({"svg.hashsalt": "cliptune", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    drawing = text.getvalue()
    return METADATA.sub("", drawing[drawing.index("<svg") :])


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
