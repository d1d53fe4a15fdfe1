"""The weights of `recommender.extractors.audio.tempo`: fitted, and tried on pieces that they were not fitted on.

    python benchmarks/tempo_fit.py ../shared [--renders FOLDER] [--out docs/results/tempo_fit.md]

A conditional logit: the softmax of the weighted evidence over all candidates shall lie on those within 2.5 % of the
stated tempo. A twentieth of the probability is left to chance, as some statements belong to another edit. Rendered
piano music counts half. Ten folds over pieces, dealt five times; then each corpus in turn from the others alone, which
says how far one kind of music teaches the beat of another.
"""

from pathlib import Path
from typing import NamedTuple

import measuring

# isort: split
import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from tempo_key import LEVELS, percent, same
from tempo_key_data import RENDERS, Piece, corpora

from recommender.extractors.audio import music, tempo
from recommender.extractors.audio.rhythm import autocorrelation
from recommender.extractors.audio.stft import SR_HZ, Clock
from recommender.media import audio_blocks

NEAR = 0.025
BY_CHANCE = 0.05
RIDGE = 0.3  # on weights of evidence in units of its spread
FOLDS, DEALS = 10, 5
COUNTS = {"macleod": 1.0, "pop909": 0.5, "vgmidi": 0.5}


class Known(NamedTuple):
    """The evidence [GRID, k] of a piece, its stated tempo in bpm and its corpus."""

    evidence: np.ndarray
    bpm: float
    corpus: str


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/ and cases/")
    options.add_argument("--renders", type=Path, default=RENDERS, help="where rendered music is kept")
    args = options.parse_args()
    known: list[Known] = []
    absent = []
    for name, there in corpora(args.shared, args.renders):
        if isinstance(there, str):
            absent.append(f"- {name} is left out: {there}")
        elif name in COUNTS:
            known += [found for piece in there if (found := heard(piece, name))]
    measuring.publish(report(known, absent), args.out)


def heard(piece: Piece, corpus: str) -> Known | None:
    """The evidence of a piece whose tempo is stated, None of others."""
    if piece.bpm is None:
        return None
    frames, slow, _ = music._series(audio_blocks(piece.path, SR_HZ, music.BLOCK_S), Clock())
    flux = float(music._measure(frames, slow)[music.NAMES.index("spectral_flux")])
    strength = frames["onset"]
    found = tempo.evidence(strength, autocorrelation(strength, tempo.LONGEST_S), flux)
    return None if found is None else Known(found, piece.bpm, corpus)


def report(known: list[Known], absent: list[str]) -> str:
    """The tables in markdown."""
    weights = fit(known)
    rows = [f"| {n} | {w:.2f} | {kept} |" for (n, kept), w in zip(tempo.WEIGHTS.items(), weights, strict=True)]
    corpora = list(dict.fromkeys(k.corpus for k in known))
    folds = [(k, bpm) for deal in range(DEALS) for k, bpm in out_of_fold(known, deal)]
    return "\n".join(
        [
            "# The weights of the tempo",
            "",
            "Made by `python benchmarks/tempo_fit.py ../shared --out docs/results/tempo_fit.md`, which says how.",
            "",
            *absent,
            "| evidence | fitted to all | in use |",
            "|---|---|---|",
            *rows,
            "",
            f"| music | pieces | exact, of {FOLDS} folds | with levels | exact, from the other corpora | with levels |",
            "|---|---|---|---|---|---|",
            *(
                f"| {c} | {sum(k.corpus == c for k in known)} | {right(folds, c)} | {right(others(known, c), c)} |"
                for c in corpora
            ),
            "",
        ]
    )


def fit(known: list[Known]) -> np.ndarray:
    """The weights [k] that make the stated tempi likely."""
    bpm = tempo.candidates()
    kept = [k for k in known if bpm[0] <= k.bpm <= bpm[-1]]
    spread = np.mean([k.evidence.std(axis=0) for k in kept], axis=0)
    evidence = np.array([k.evidence for k in kept]) / spread
    hit = np.array([np.abs(bpm / k.bpm - 1) <= NEAR for k in kept])
    counts = np.array([COUNTS[k.corpus] for k in kept])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        score = evidence @ weights
        chance = np.exp(score - logsumexp(score, axis=1, keepdims=True))
        got = (chance * hit).sum(axis=1)
        likely = (1 - BY_CHANCE) * got + BY_CHANCE * hit.mean(axis=1)
        pull = (counts * (1 - BY_CHANCE) / likely)[:, None] * (chance * hit - chance * got[:, None])
        value = -float(counts @ np.log(likely)) + RIDGE * float(weights @ weights)
        return value, -np.tensordot(pull, evidence, ((0, 1), (0, 1))) + 2 * RIDGE * weights

    return minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B").x / spread


def best(piece: Known, weights: np.ndarray) -> float:
    return float(tempo.candidates()[(piece.evidence @ weights).argmax()])


def out_of_fold(known: list[Known], deal: int) -> list[tuple[Known, float]]:
    """Each piece with the tempo that weights fitted without it tell."""
    fold = np.random.default_rng(deal).permutation(len(known)) % FOLDS
    told = []
    for part in range(FOLDS):
        weights = fit([k for k, at in zip(known, fold, strict=True) if at != part])
        told += [(k, best(k, weights)) for k, at in zip(known, fold, strict=True) if at == part]
    return told


def others(known: list[Known], corpus: str) -> list[tuple[Known, float]]:
    """The pieces of a corpus with the tempi that weights fitted on the others tell."""
    rest = [k for k in known if k.corpus != corpus]
    if not rest:
        return []
    weights = fit(rest)
    return [(k, best(k, weights)) for k in known if k.corpus == corpus]


def right(told: list[tuple[Known, float]], corpus: str) -> str:
    """The shares of right tempi among those of a corpus, exact and with levels."""
    of = [(k, bpm) for k, bpm in told if k.corpus == corpus]
    if not of:
        return "- | -"
    return " | ".join(percent([same(bpm, k.bpm, ratios) for k, bpm in of]) for ratios in ((1.0,), LEVELS))


if __name__ == "__main__":
    main()
