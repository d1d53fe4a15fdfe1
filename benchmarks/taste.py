"""Whether a taste is found where there is one, and refused where there is none.

    python benchmarks/taste.py ../shared [--out docs/results/taste.md]

People are made up; what they choose from is real: the tracks of `music` and `macleod` with their scores and terms, for
clips of `clips` and `activity`, whose valence and arousal are moved by noise (SD 0.15), and whose shots are dealt 1 to
8 s, so that no two questions are alike. Someone takes the track with the largest sum of 1.5 times its score (in
standard deviations among the query's candidates: not the log odds that are learnt on), a strength times a liking (in
standard deviations over all candidates), and noise (standard Gumbel, SD 1.28). A film has 2 to 6 uses. Learnt is on
every other clip; new films are 40 further ones of the same person on the clips between, all of them ranked with the
taste, adopted or not. Ranks are geometric means. `larger` is a library of 600 tracks made of the real ones, their
affect moved by noise (SD 0.1), tempo, key and voice dealt anew.

A taste is adopted where the 95 % interval of the films' agreement lies above 0, and on films left out the mean rank
gets better and MRR does not fall. Agreement and shrinkage were chosen on other people, other noise of the clips and
another `larger` (seeds 1000 and 22) than those reported here.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import measuring

# isort: split
import numpy as np
from scipy.stats import binomtest

from recommender import Recommender
from recommender.errors import MediaError
from recommender.memory import MemoryLibrary
from recommender.model import Model
from recommender.query import Query
from recommender.rankers.taste import TERMS, Tasted
from recommender.types import Space
from training.evaluation.intervals import bootstrap
from training.taste.agreement import tell_agreement
from training.taste.choices import Choice, mean_by_film, pack, ranks
from training.taste.fit import fit, moments, shut, teach
from training.taste.learn import learn

Array = Any
BOUND_SEED, SEED = 24, 23
MUSIC = ("*.mp3", "*.ogg", "*.wav", "*.flac")
VARIANTS, MOVED, CANDIDATES = 8, 0.15, 200
AGREES = 1.5
LARGER, SPREAD = 600, 0.1
USES = (2, 7)
SHOTS_S = (1.0, 8.0)
LIKINGS = {
    "faster": {"tempo": 1.0},
    "darker": {"valence": -1.0},
    "instrumental": {"voice": -1.0},
    "near one key": {"fifths_c": 0.7, "fifths_a": 0.7},
    "faster and minor": {"tempo": 0.7, "minor": 0.7},
    "quieter": {"loudness": -1.0},
    "cuts on the beat": {"cuts": 1.0},
}
NONE, RANDOM, ALL = "none", "none, takes any", "all of these"
STRENGTHS = (0.5, 1.0, 1.5)
RUNS, MOST_RUNS, MANY_FILMS = 30, 300, 300
SPACE = Space("taste", "benchmark", 1)


class Question(NamedTuple):
    """Candidates of one query: scores [c], `TERMS` [c, t], and these in standard deviations, 0 where not known."""

    scores: Array
    values: Array
    z: Array


class Run(NamedTuple):
    """Whether a taste was adopted, or refused for MRR alone; on new films the mean of -log2(rank) and of 1 / rank,
    without and with it."""

    adopted: bool
    lowers_mrr: bool
    before: Array
    after: Array


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    args = options.parse_args()
    data = args.shared / "data"
    tracks = sorted(path for name in ("music", "macleod") for kind in MUSIC for path in (data / name).glob(kind))
    clips = sorted(path for name in ("clips", "activity") for path in (data / name).glob("*.mp4"))
    if not tracks or not clips:
        raise SystemExit(f"nothing to measure: {data} is not there")
    began = time.process_time()
    print(f"seeds {BOUND_SEED} and {SEED}", flush=True)
    model, parts = Model.load(), list[str]()
    real = MemoryLibrary.of_analyses({path: model.analyse(path, "music") for path in tracks}, model)
    queries = [*asked(Recommender(real, model), clips)]
    for name, library in {"real": real, "larger": larger(real, model)}.items():
        pool = questions(library, model, queries)
        parts += [tables(name, library.count("music"), pool, len(queries)), bounds(name, pool)]
        print("\n".join(parts[-2:]), flush=True)
    minutes = (time.process_time() - began) / 60
    seeds = f"seeds {SEED} and {BOUND_SEED} (upper bounds), {minutes:.0f} minutes of CPU"
    head = f"# A taste learnt from one's own films\n\n`python benchmarks/taste.py ../shared`, {seeds}. "
    head += f"{measuring.environment('numpy')}.\n\n"
    measuring.publish(head + __doc__.partition("\n\n")[2].partition("\n\n")[2] + "\n" + "\n".join(parts), args.out)


def asked(engine: Recommender, clips: Sequence[Path]) -> Iterator[Query]:
    """Queries of clips; those that cannot be read are left out."""
    for path in clips:
        try:
            yield engine.clip(path)
        except MediaError as error:
            print(f"left out: {error}")


def larger(real: MemoryLibrary, model: Model) -> MemoryLibrary:
    """A library of made-up tracks between the real ones."""
    rng, ids = np.random.default_rng(SEED), real.ids("music").tolist()
    known, windows = real.tracks_of(ids), real.windows_of(ids)
    tracks, found = [], []
    for i in range(LARGER):
        of, pace, key, sung = rng.integers(len(ids), size=4)
        affect = windows[of].affect.copy()
        affect[:, :2] += rng.normal(0, SPREAD, 2)
        found.append(windows[of]._replace(affect=affect, vectors=model.affect_encoder(affect)))
        other = {"bpm": known[pace].bpm, "key": known[key].key, "voice": known[sung].voice}
        tracks.append(replace(known[of], path=f"{i}", **other))
    return MemoryLibrary(real.space, tracks, found, inputs={"music": real.inputs("music")})


def questions(library: MemoryLibrary, model: Model, queries: Sequence[Query]) -> list[list[Question]]:
    """`VARIANTS` questions of every query."""
    engine, rng, pool = Recommender(library, model), np.random.default_rng(SEED), []
    for query in queries:
        several = []
        for _ in range(VARIANTS):
            affect = np.array(query.affect)[None].astype(np.float32)
            affect[:, :2] = np.clip(affect[:, :2] + rng.normal(0, MOVED, 2), -1, 1)
            shot_s = float(np.exp2(rng.uniform(*np.log2(SHOTS_S))))
            moved = replace(query, vector=model.affect_encoder(affect)[0], shot_s=shot_s)
            ids = engine.retrieve(moved, CANDIDATES).ids.tolist()
            found = engine.compare(moved, ids)
            several.append((np.array(found.plain), found.values(library.tracks_of(ids), library.inputs("music"))))
        pool.append(several)
    every = np.concatenate([values for several in pool for _, values in several])
    centre, scale = np.nanmean(every, axis=0), np.nanstd(every, axis=0)
    scale[~(scale > 1e-9)] = 1.0
    return [[Question(s, v, np.nan_to_num((v - centre) / scale)) for s, v in several] for several in pool]


def films(pool: Sequence[Sequence[Question]], count: int, liking: Array, rng: Any, *, agrees: float) -> list[Choice]:
    """Choices of somebody for so many films."""
    made = []
    for film in range(count):
        for clip in rng.integers(len(pool), size=rng.integers(*USES)):
            one = pool[clip][rng.integers(VARIANTS)]
            score = (one.scores - one.scores.mean()) / one.scores.std()
            total = agrees * score + one.z @ liking + rng.gumbel(size=len(score))
            made.append(Choice(f"{film:03d}", one.scores, one.values, int(np.argmax(total))))
    return made


def liking_of(kind: str, strength: float) -> Array:
    """float64 [t]: of a kind, per standard deviation of each term."""
    return strength * np.array([LIKINGS.get(kind, {}).get(name, 0.0) for name in TERMS])


def run(pool: Sequence[Sequence[Question]], count: int, liking: Array, *, seed: int, agrees: float = AGREES) -> Run:
    """Somebody's films are learnt from, and new ones ranked by what was learnt."""
    rng = np.random.default_rng([SEED, seed])
    learnt = learn(films(pool[::2], count, liking, rng, agrees=agrees), SPACE, "cosine")
    fresh = films(pool[1::2], 40, liking, rng, agrees=agrees)
    found = []
    for choice in fresh:
        scores = np.array(Tasted(learnt.taste, learnt.taste.parts(choice.values)).scores(choice.scores.tolist()))
        found.append([rank(choice.scores, choice.chosen), rank(scores, choice.chosen)])
    before, after = (np.array([-np.log2(r).mean(), (1 / r).mean()]) for r in np.array(found).T)
    why_not = learnt.why_not or ""
    return Run(not why_not, why_not.startswith("it lowers MRR"), before, after)


def rank(scores: Array, at: int) -> float:
    """The rank from 1 of a candidate; of equals the mean."""
    return float((scores > scores[at]).sum() + ((scores == scores[at]).sum() + 1) / 2)


def tables(name: str, tracks: int, pool: Sequence[Sequence[Question]], clips: int) -> str:
    """What was found of tastes in one library."""
    heads = ["taste", "SD", "films", "runs", "adopted", "rank on new films without", "with", "MRR without", "with"]
    lines = [f"## Library `{name}`: {tracks} tracks, {clips} clips\n", f"| {' | '.join(heads)} |", "|" + "---|" * 9]
    plan = [(NONE, 0.0, 40, MOST_RUNS), (NONE, 0.0, 20, MOST_RUNS // 2), (RANDOM, 0.0, 40, MOST_RUNS // 2)]
    plan += [(kind, strength, 40, RUNS) for strength in STRENGTHS for kind in (*LIKINGS, ALL)]
    if name == "real":
        plan += [(kind, 1.0, count, RUNS // 2) for count in (20, 80) for kind in (*LIKINGS, ALL)]
    made: list[Run] = []
    told = list[str]()
    for kind, strength, count, runs in plan:
        new = made if kind == ALL else people(pool, kind, strength, count, runs)
        lines.append(line(new, kind, strength, count))
        made = [*made, *new] if kind in LIKINGS else []
        if kind not in LIKINGS:
            told.append(share(kind, strength, count, new))
    return "\n".join(lines) + "\n\n" + "\n".join(told) + "\n"


def share(kind: str, strength: float, count: int, made: Sequence[Run]) -> str:
    """How often was done right what should be, with its 95 % interval (Wilson)."""
    right = sum(one.adopted == (kind == ALL) for one in made)
    low, high = binomtest(right, len(made)).proportion_ci(method="wilson")
    what = f"tastes of {strength:g} SD found" if kind == ALL else f"{kind}: refused"
    told = f"- {what} with {count} films: {right} of {len(made)}, {right / len(made):.1%} [{low:.1%}, {high:.1%}]"
    lowering = sum(one.lowers_mrr for one in made)
    return f"{told}; {lowering} refused for a lower MRR alone" if kind == ALL else told


def bounds(name: str, pool: Sequence[Sequence[Question]]) -> str:
    """How often weights that nobody had to learn from few films would be adopted, by three rules."""
    lines = [
        f"### What the rule costs in `{name}`\n",
        f"Weights that {MANY_FILMS} other films of the same person teach, judged on 40 films ({RUNS} runs each): how"
        " often a lower 95 % bound lies above 0. The last column is what the 40 films teach by themselves.\n",
        "| taste | SD | gain of -log2(rank) | gain of log likelihood | agreement |",
        "|---|---|---|---|---|",
    ]
    for kind in ("faster", "darker", "instrumental"):
        for strength in STRENGTHS[:2]:
            rng, liking = np.random.default_rng([BOUND_SEED, 1]), liking_of(kind, strength)
            large = pack(films(pool[::2], MANY_FILMS, liking, rng, agrees=AGREES))
            known, found = teach(large).weights / large.scale, []
            for _ in range(RUNS):
                packed = pack(films(pool[::2], 40, liking, rng, agrees=AGREES))
                plain, weights = fit(packed, shut(packed, 1)), known * packed.scale
                rank = [mean_by_film(packed, np.log2(ranks(packed, one))) for one in (plain, weights)]
                loss = [moments(packed, one).loss / np.diff(packed.starts) for one in (plain, weights)]
                lows = [bootstrap(without - with_it).low for without, with_it in (rank, loss)]
                found.append([*lows, tell_agreement(packed).low])
            cells = [kind, f"{strength:g}", *(np.array(found) > 0).sum(axis=0)]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
            print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def people(pool: Sequence[Sequence[Question]], kind: str, strength: float, count: int, runs: int) -> list[Run]:
    """So many people with a taste; the n-th of a kind has the same seed everywhere."""
    salt = 1000 * [*LIKINGS, NONE, RANDOM].index(kind)
    agrees = 0.0 if kind == RANDOM else AGREES
    return [run(pool, count, liking_of(kind, strength), seed=salt + i, agrees=agrees) for i in range(runs)]


def line(made: Sequence[Run], kind: str, strength: float, count: int) -> str:
    """A line of a table."""
    before, after = (np.mean([getattr(one, when) for one in made], axis=0) for when in ("before", "after"))
    cells = [kind, f"{strength:g}", count, len(made), sum(one.adopted for one in made)]
    cells += [f"{2 ** -before[0]:.1f}", f"{2 ** -after[0]:.1f}", f"{before[1]:.3f}", f"{after[1]:.3f}"]
    told = "| " + " | ".join(map(str, cells)) + " |"
    print(told, flush=True)
    return told


if __name__ == "__main__":
    main()
