"""Whether a taste is found where there is one, and refused where there is none.

    python benchmarks/taste.py ../shared [--out docs/results/taste.md]

People are made up; what they choose from is real: the tracks of `music` and `macleod` with their scores and terms, for
clips of `clips` and `activity`, whose valence and arousal are moved by noise (SD 0.15) so that no two questions are
alike. Someone takes the track with the largest sum of 1.5 times its score (in standard deviations among the query's
candidates: not the log odds that are learnt on), a strength times a liking (in standard deviations over all
candidates), and noise (standard Gumbel, SD 1.28). A film has 2 to 6 uses. Learnt is on every other clip; new films are
40 further ones of the same person on the clips between, all of them ranked with the taste, adopted or not. Ranks are
geometric means. `larger` is a library of 600 tracks made of the real ones, their affect moved by noise (SD 0.1), tempo,
key and voice dealt anew.

The measure that decides, and that a taste may not lower MRR, were chosen on candidates without any music (first table).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import measuring

# isort: split
import numpy as np

from recommender import Recommender
from recommender.errors import MediaError
from recommender.memory import MemoryLibrary
from recommender.model import Model
from recommender.query import Query
from recommender.rankers.taste import TERMS, Tasted
from recommender.types import Space
from training.evaluation.intervals import bootstrap
from training.taste.choices import Choice, mean_by_film, pack
from training.taste.judge import judge
from training.taste.learn import learn

Array = Any
CHOSEN_SEED, SEED = 1000, 22
MUSIC = ("*.mp3", "*.ogg", "*.wav", "*.flac")
VARIANTS, MOVED, CANDIDATES = 8, 0.15, 200
AGREES = 1.5
LARGER, SPREAD = 600, 0.1
USES = (2, 7)
LIKINGS = {
    "faster": {"tempo": 1.0},
    "darker": {"valence": -1.0},
    "instrumental": {"voice": -1.0},
    "near one key": {"fifths_c": 0.7, "fifths_a": 0.7},
    "faster and minor": {"tempo": 0.7, "minor": 0.7},
}
NONE, RANDOM, ALL = "none", "none, takes any", "all of these"
STRENGTHS = (0.5, 1.0, 1.5, 2.0)
SPACE = Space("taste", "benchmark", 1)


class Question(NamedTuple):
    """Candidates of one query: scores [c], `TERMS` [c, t], and these in standard deviations, 0 where not known."""

    scores: Array
    values: Array
    z: Array


class Run(NamedTuple):
    """Whether a taste was adopted, and on new films the mean of -log2(rank) and of 1 / rank, without and with it."""

    adopted: bool
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
    print(f"seeds {CHOSEN_SEED} and {SEED}", flush=True)
    parts = [chosen()]
    print(parts[-1], flush=True)
    model = Model.load()
    real = MemoryLibrary.of_analyses({path: model.analyse(path, "music") for path in tracks}, model)
    queries = [*asked(Recommender(real, model), clips)]
    for name, library in {"real": real, "larger": larger(real, model)}.items():
        pool = questions(library, model, queries)
        parts.append(tables(name, library.count("music"), pool, len(queries)))
        print(parts[-1], flush=True)
    minutes = (time.process_time() - began) / 60
    seeds = f"seeds {CHOSEN_SEED} (to choose) and {SEED}, {minutes:.0f} minutes of CPU"
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
            moved = replace(query, vector=model.affect_encoder(affect)[0])
            ids = engine.retrieve(moved, CANDIDATES).ids.tolist()
            found = engine.compare(moved, ids)
            several.append((np.array(found.plain), found.values(library.tracks_of(ids))))
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
    return Run(learnt.why_not is None, before, after)


def rank(scores: Array, at: int) -> float:
    """The rank from 1 of a candidate; of equals the mean."""
    return float((scores > scores[at]).sum() + ((scores == scores[at]).sum() + 1) / 2)


def tables(name: str, tracks: int, pool: Sequence[Sequence[Question]], clips: int) -> str:
    """What was found of tastes in one library."""
    heads = ["taste", "SD", "films", "runs", "adopted", "rank on new films without", "with", "MRR without", "with"]
    lines = [f"## Library `{name}`: {tracks} tracks, {clips} clips\n", f"| {' | '.join(heads)} |", "|" + "---|" * 9]
    plan = [(NONE, 0.0, 40, 100)] + [(NONE, 0.0, 20, 50), (RANDOM, 0.0, 40, 50)] * (name == "real")
    strengths = STRENGTHS if name == "real" else STRENGTHS[:3]  # for time
    plan += [(kind, strength, 40, 20) for strength in strengths for kind in (*LIKINGS, ALL)]
    if name == "real":
        plan += [(kind, 1.0, count, 10) for count in (20, 80) for kind in (*LIKINGS, ALL)]
    made: list[Run] = []
    shares: dict[tuple[str, float], float] = {}
    for kind, strength, count, runs in plan:
        new = made if kind == ALL else people(pool, kind, strength, count, runs)
        lines.append(line(new, kind, strength, count))
        made = [*made, *new] if kind in LIKINGS else []
        if strength and count == 40:
            shares[kind, strength] = float(np.mean([one.adopted for one in new]))
    return "\n".join(lines) + f"\n\n{found_from(shares)}\n"


def found_from(shares: Mapping[tuple[str, float], float]) -> str:
    """From which strength on a kind is adopted in 9 of 10 runs, by its share of runs at each strength."""
    told, strengths = [], sorted({strength for _, strength in shares})
    for kind in (*LIKINGS, ALL):
        enough = [strength for strength in strengths if shares[kind, strength] >= 0.9]
        told.append(f"{kind}: {f'from {enough[0]:g} SD on' if enough else f'not even at {strengths[-1]:g} SD'}")
    return f"Adopted in 9 of 10 runs with 40 films: {'; '.join(told)}."


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


def chosen() -> str:
    """What each measure would adopt, on candidates of normal scores and terms; by these the measure was chosen."""
    measures = {"-log2(rank)": lambda r: -np.log2(r), "nDCG": lambda r: 1 / np.log2(1 + r), "MRR": lambda r: 1 / r}
    lines = [
        "## How the measure was chosen\n\nRuns with a lower bound above 0 of the mean gain in each.\n",
        f"| taste | films | runs | {' | '.join(measures)} |",
        "|---|---|---|---|---|---|",
    ]
    for strength, count, runs in ((0.0, 20, 60), (0.0, 40, 60), (0.6, 40, 60)):
        adopted = dict.fromkeys(measures, 0)
        for seed in range(runs):
            packed = pack(normal(count, strength, np.random.default_rng([CHOSEN_SEED, seed])))
            found = judge(packed)
            for name, of in measures.items():
                gained = mean_by_film(packed, of(found.ranks) - of(found.ranks_without))
                adopted[name] += bootstrap(gained).low > 0
        cells = [f"{strength:g} SD" if strength else "none", count, runs, *adopted.values()]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def normal(count: int, strength: float, rng: Any) -> list[Choice]:
    """Films with four choices each among 115 candidates of normal log odds and terms, one of which is liked."""
    made = []
    for film in range(4 * count):
        odds, values = rng.normal(size=115), rng.normal(size=(115, len(TERMS)))
        total = odds + strength * values[:, 1] + rng.gumbel(size=115)
        made.append(Choice(f"{film // 4:03d}", 1 / (1 + np.exp(-1.5 * odds)), values, int(np.argmax(total))))
    return made


if __name__ == "__main__":
    main()
