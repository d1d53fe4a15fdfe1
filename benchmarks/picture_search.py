"""How much of the built-in model's picture arousal comes from having chosen its columns on the same pictures.

    python benchmarks/picture_search.py ../shared/data [--seeds 5] [--out docs/results/picture_search.md]

Columns of the built-in model that make most of picture arousal were found by looking through some 400 statistics of the
rated pictures. Here nothing is chosen outside the training folds:

- `as shipped`: the built-in columns and their signs as they are, for comparison; the ridge strength inside.
- `literature`: those built-in columns alone whose sign and use come from studies of other pictures.
- `found inside`: beside those, 20 columns found inside each training fold among all statistics: the largest mean
  weights of 60 forward selections of 15 columns, each on themes drawn with replacement and three tenths of the columns.
- `all, forest` and `all, kernel`: 500 extremely randomised trees, and kernel ridge regression with a Gaussian kernel
  (width and strength chosen inside), on all statistics.
- `forest + found inside`: the mean of both, standardised.

Folds keep themes whole (5 folds, a partition per seed). Chance is the same procedure on ratings dealt out at random.
"""

from pathlib import Path

import cv2
import measuring
import numpy as np
from picture_pool import statistics
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, GroupKFold

from recommender.features import video
from recommender.features.picture import one_thread
from training import datasets
from training.crossval import fit_chosen, grouped_folds
from training.extraction import extract_all
from training.figures import pearson, standardised
from training.video_terms import PICTURES

FOUND = (
    "anisotropy", "local_anisotropy", "upright_share", "direction_entropy_bits", "blue_share", "texture_correlation",
    "fine_detail_share", "lightness_p1_lstar", "white_share",
)  # fmt: skip
"""Built-in columns that the search among the statistics led to."""
DRAWS, CHOSEN, KEPT, COLUMNS, RIDGE, CLIP = 60, 15, 20, 0.3, 0.1, 3.0


class Data:
    """The pictures: statistics [n, p], the built-in columns [n, f] with their signs, ratings [n], themes."""

    def __init__(self, folder: Path) -> None:
        ratings = datasets.load("oasis", folder)
        with one_thread():
            rows = [statistics(cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB)) for p in ratings.paths]
        self.names = list(rows[0])
        self.x = np.array([list(row.values()) for row in rows])
        if not np.isfinite(self.x).all():
            raise SystemExit(
                f"not finite: {[n for n, c in zip(self.names, self.x.T, strict=True) if np.isnan(c).any()]}"
            )
        used = [t for t in PICTURES.terms if t.arousal]
        table = extract_all(ratings.paths, video.extract, lambda *_: None).select([t.column for t in used])
        self.built = table.items
        self.signs = np.array([t.arousal for t in used], float)
        self.known = np.array([t.column not in FOUND for t in used])
        self.y = standardised(ratings.affect[:, 1])
        self.groups = np.asarray(ratings.groups)


def forward(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Ridge weights [p] after `CHOSEN` columns were taken in turn, each the one that explains most of what is left."""
    taken: list[int] = []
    weights = np.zeros(len(moment))
    for _ in range(CHOSEN):
        inverse = np.linalg.inv(gram[np.ix_(taken, taken)] + RIDGE * np.eye(len(taken)))
        left = moment - gram[:, taken] @ (inverse @ moment[taken])
        own = np.diag(gram) + RIDGE - np.einsum("ij,jk,ik->i", gram[:, taken], inverse, gram[:, taken])
        gain = left**2 / np.maximum(own, 1e-6)
        gain[taken] = -1
        taken.append(int(np.argmax(gain)))
    weights[taken] = np.linalg.solve(gram[np.ix_(taken, taken)] + RIDGE * np.eye(CHOSEN), moment[taken])
    return weights


def found(x: np.ndarray, y: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The `KEPT` columns of the largest mean weights, and the signs of these."""
    scale = x.std(axis=0)
    z = np.clip((x - x.mean(axis=0)) / np.where(scale > 1e-9, scale, 1), -CLIP, CLIP)
    rows = {name: np.flatnonzero(groups == name) for name in np.unique(groups)}
    weights = np.zeros(x.shape[1])
    for _ in range(DRAWS):
        drawn = np.concatenate([rows[name] for name in rng.choice(list(rows), len(rows))])
        columns = np.flatnonzero(rng.random(x.shape[1]) < COLUMNS)
        part, target = z[np.ix_(drawn, columns)], y[drawn] - y[drawn].mean()
        part = part - part.mean(axis=0)
        weights[columns] += forward(part.T @ part / len(part), part.T @ target / len(part))
    best = np.argsort(-np.abs(weights))[:KEPT]
    return best, np.sign(weights[best])


def predicted(data: Data, y: np.ndarray, fit: np.ndarray, held: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Predictions of the held-out rows by every procedure fitted on the others."""
    x, groups = data.x, data.groups

    def signed(columns: np.ndarray, signs: np.ndarray) -> np.ndarray:
        return fit_chosen(columns[fit], y[fit], signs, groups[fit], seed)[0].deviation(columns[held])

    best, signs = found(x[fit], y[fit], groups[fit], np.random.default_rng(seed))
    both = np.hstack([data.built[:, data.known], x[:, best]])
    trees = ExtraTreesRegressor(500, min_samples_leaf=3, max_features=0.2, random_state=seed)
    out = {
        "as shipped": signed(data.built, data.signs),
        "literature": signed(data.built[:, data.known], data.signs[data.known]),
        "found inside": signed(both, np.concatenate([data.signs[data.known], signs])),
        "all, forest": trees.fit(x[fit], y[fit]).predict(x[held]),
        "all, kernel": kernel(x, y, groups, fit, held),
    }
    parts = (out["all, forest"] - y[fit].mean(), out["found inside"])
    return out | {"forest + found inside": sum(part / part.std() for part in parts)}


def kernel(x: np.ndarray, y: np.ndarray, groups: np.ndarray, fit: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Kernel ridge regression; width and strength by inner folds of whole themes."""
    scale = np.where(x[fit].std(axis=0) > 1e-9, x[fit].std(axis=0), 1)
    z = np.clip((x - x[fit].mean(axis=0)) / scale, -CLIP, CLIP)
    grid = {"gamma": [w / x.shape[1] for w in (0.1, 0.3, 1.0)], "alpha": [0.3, 1.0, 3.0]}
    search = GridSearchCV(KernelRidge(kernel="rbf"), grid, cv=GroupKFold(5), scoring="neg_mean_squared_error")
    return search.fit(z[fit], y[fit] - y[fit].mean(), groups=groups[fit]).predict(z[held])


def scores(data: Data, y: np.ndarray, seed: int) -> dict[str, float]:
    """r of the out-of-fold predictions of every procedure, over all pictures."""
    folds = grouped_folds(list(data.groups), 5, seed)
    out: dict[str, np.ndarray] = {}
    for fold in range(5):
        for name, values in predicted(data, y, folds != fold, folds == fold, 10 * seed + fold).items():
            out.setdefault(name, np.empty(len(y)))[folds == fold] = values
    return {name: pearson(values, y) for name, values in out.items()}


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--chance", type=int, default=5, help="ratings dealt out at random so many times")
    args = options.parse_args()
    data = Data(args.data)
    true = [scores(data, data.y, seed) for seed in range(args.seeds)]
    dealt = [scores(data, np.random.default_rng(k).permutation(data.y), 100 + k) for k in range(args.chance)]
    rows = [(n, np.array([r[n] for r in true]), np.array([r[n] for r in dealt])) for n in true[0]]
    measuring.publish(
        "\n".join(
            [
                "# Picture arousal without choosing on the same pictures",
                "",
                f"{len(data.y)} OASIS pictures, {len(set(data.groups))} themes, {len(data.names)} statistics; seeds 0 "
                f"to {args.seeds - 1}; {measuring.environment('numpy', 'scikit-learn', 'opencv-python-headless')}.",
                f"Made by `python benchmarks/picture_search.py ../shared/data --seeds {args.seeds} --out "
                "docs/results/picture_search.md`, which says what each procedure is.",
                "",
                "| procedure | r, mean ± SD over seeds | least to most | chance, mean and largest |",
                "|---|---|---|---|",
                *(
                    f"| {n} | {r.mean():.3f} ± {r.std():.3f} | {r.min():.3f} to {r.max():.3f} | "
                    f"{c.mean():.3f}, {c.max():.3f} |"
                    for n, r, c in rows
                ),
                "",
            ]
        ),
        args.out,
    )


if __name__ == "__main__":
    main()
