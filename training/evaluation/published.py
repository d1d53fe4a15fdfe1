"""Figures as the EmoMV paper prints them (Thao, Roig and Herremans), in fractions; missing in print is missing here."""

from typing import NamedTuple

from training.types import M, V


class Row(NamedTuple):
    """One published model on one dataset: what it is compared with here, and its figures."""

    label: str
    systems: tuple[str, ...]
    figures: dict[str, float]


def _classification(accuracy: float, f1: float, auc: float) -> dict[str, float]:
    return {"accuracy": accuracy / 100, "F1": f1, "AUC": auc}


def _retrieval(direction: str, top1: float, top3: float, top5: float, average: float) -> dict[str, float]:
    names = ("top@1", "top@3", "top@5", "mAP")
    return {f"{direction} {n}": value / 100 for n, value in zip(names, (top1, top3, top5, average), strict=True)}


MULTI, SINGLE = "EmoMV, multi-task", "EmoMV, single-task"
BASE_MULTI, BASE_SINGLE = "Li & Kumar, multi-task", "Li & Kumar, single-task"

# Which of our systems reproduce which published model.
OURS = {
    MULTI: ("emomv-classifier", "emomv-retrieval"),
    SINGLE: ("emomv-classifier-single", "emomv-retrieval-single"),
    BASE_MULTI: ("li-kumar",),
    BASE_SINGLE: ("li-kumar-single",),
}

_FIGURES = {
    "emomv-a": {
        MULTI: (_classification(79.03, 0.80, 0.87), (56.00, 70.80, 75.20, 58.53), (56.00, 83.60, 90.80, 52.31)),
        BASE_MULTI: (_classification(75.00, 0.75, 0.82), (34.40, 60.80, 68.00, 39.59), (25.20, 49.60, 76.80, 39.45)),
        SINGLE: (_classification(80.65, 0.80, 0.87), (56.80, 68.40, 77.20, 50.41), (62.40, 88.80, 93.20, 49.81)),
        BASE_SINGLE: (_classification(62.10, 0.62, 0.70), (20, 60, 80, 22.58), (20, 20, 20, 31.28)),
    },
    "emomv-b": {
        MULTI: (_classification(75.00, 0.76, 0.81), (43.33, 68.33, 80.00, 46.14), (44.17, 77.50, 86.67, 46.83)),
        BASE_MULTI: (_classification(65.00, 0.64, 0.75), (33.33, 45.83, 66.67, 40.79), (43.17, 70.83, 75.83, 43.72)),
        SINGLE: (_classification(75.83, 0.76, 0.85), (40.83, 70.00, 81.67, 43.50), (41.67, 73.33, 84.17, 42.63)),
        BASE_SINGLE: (_classification(58.33, 0.57, 0.53), (10.00, 43.33, 43.33, 25.73), (25.83, 55.83, 64.17, 27.21)),
    },
    "emomv-c": {
        MULTI: (_classification(70.83, 0.68, 0.74), (33.33, 63.54, 75.00, 41.64), (46.88, 75.00, 86.46, 41.98)),
        BASE_MULTI: (_classification(67.71, 0.65, 0.73), (27.08, 53.13, 72.92, 38.82), (39.58, 76.04, 85.42, 38.59)),
        SINGLE: (_classification(67.71, 0.66, 0.77), (35.42, 65.63, 77.08, 38.20), (36.46, 72.92, 87.50, 39.42)),
        BASE_SINGLE: (_classification(59.38, 0.57, 0.61), (7.29, 53.13, 100, 26.24), (26.04, 54.17, 70.83, 30.01)),
    },
}


_SURVEY = {"emomv-a": (0.7727, 0.0636), "emomv-b": (0.7818, 0.2545), "emomv-c": (0.9182, 0.1182)}


def survey(dataset: str) -> dict[str, float] | None:
    """Shares of people's ratings "good" or "very good" of how well the emotions of both sides match (EmoMV, tables 5
    to 7: 22 people, five matched and five mismatched samples), by the pairs' label; None of any other dataset."""
    rates = _SURVEY.get(dataset)
    return None if rates is None else {"matched": rates[0], "mismatched": rates[1]}


def paper_rows(dataset: str) -> list[Row]:
    """The published rows of a dataset; none for one that is not EmoMV."""
    return [
        Row(label, OURS[label], classification | _retrieval(V, *forth) | _retrieval(M, *back))
        for label, (classification, forth, back) in _FIGURES.get(dataset, {}).items()
    ]


_EMOTIONS = {
    "emomv-a": {MULTI: (65.32, 47.18), BASE_MULTI: (83.87, 39.92)},
    "emomv-b": {MULTI: (41.67, 47.50), BASE_MULTI: (65.00, 45.00)},
    "emomv-c": {MULTI: (50.00, 40.63), BASE_MULTI: (58.33, 43.75)},
}


def emotion_accuracy(dataset: str, label: str) -> dict[str, float]:
    """Emotion accuracy of music and video of a model's classifier (EmoMV, section 6.3); none for single-task models."""
    music, video = _EMOTIONS.get(dataset, {}).get(label, (None, None))
    if music is None or video is None:
        return {}
    return {"music emotion accuracy": music / 100, "video emotion accuracy": video / 100}
