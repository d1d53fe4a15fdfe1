"""How often the stated tempo and key are right, on produced, rendered and made music, and what peers say.

    python benchmarks/tempo_key.py ../shared [--renders FOLDER] [--before old.json] [--out docs/results/tempo_key.md]

Tempo: within 4 % of what is stated for the piece; "with levels" also within 4 % of its half, double, third or triple;
"or the alternative" counts the level that is told beside it. A piece that is given no tempo counts as wrong. Key: tonic
and mode; of MIDI files of `vgmidi` only the signature. `--save` keeps all facts as JSON, `--before` shows such a file
(of an earlier version) beside today's. Peer: essentia (`pip install essentia`), where it is installed:
RhythmExtractor2013 (multifeature) and KeyExtractor (profiles "bgate"). Rendering needs fluidsynth and a soundfont.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import measuring
from tempo_key_data import NAMES, RENDERS, UNAMBIGUOUS, Piece, corpora

from recommender.extractors.audio import music

SAME = 0.04
LEVELS = (1.0, 2.0, 0.5, 3.0, 1 / 3)
SURE = (0.0, 0.5, 0.7, 0.9, 1.01)  # classes of confidence
Told = Mapping[str, Mapping[str, Any]]  # facts by name of the piece


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/ and cases/")
    options.add_argument("--renders", type=Path, default=RENDERS, help="where rendered music is kept")
    options.add_argument("--save", type=Path, help="keep the facts as JSON")
    options.add_argument("--before", type=Path, help="such a JSON of an earlier version")
    args = options.parse_args()
    found = dict(corpora(args.shared, args.renders))
    pieces = {f"{name}/{p.name}": p for name, there in found.items() if not isinstance(there, str) for p in there}
    ours = {name: dict(music.extract(piece.path).facts) for name, piece in pieces.items()}
    if args.save:
        args.save.write_text(json.dumps(ours, indent=1), encoding="utf-8")
    columns: dict[str, Told] = {"now": ours}
    if args.before:
        columns = {"before": json.loads(args.before.read_text(encoding="utf-8")), **columns}
    if peer := essentia():
        columns["essentia"] = {name: peer(piece) for name, piece in pieces.items()}
    absent = [f"{name} is left out: {why}" for name, why in found.items() if isinstance(why, str)]
    measuring.publish(report(pieces, columns, absent), args.out)


def essentia() -> Callable[[Piece], Mapping[str, Any]] | None:
    """What essentia tells of a piece, None where it is not installed."""
    try:
        import essentia.standard as standard
    except ImportError:
        return None

    def tell(piece: Piece) -> Mapping[str, Any]:
        samples = standard.MonoLoader(filename=str(piece.path), sampleRate=44100)()
        tonic, mode, _ = standard.KeyExtractor(profileType="bgate")(samples)
        bpm = standard.RhythmExtractor2013(method="multifeature")(samples)[0] if piece.bpm else None
        same = {"Db": "C#", "D#": "Eb", "Gb": "F#", "Ab": "G#", "A#": "Bb"}
        return {"bpm": bpm, "key": f"{same.get(tonic, tonic)} {mode}"}

    return tell


def report(pieces: Mapping[str, Piece], columns: Mapping[str, Told], absent: Iterable[str]) -> str:
    """The tables in markdown."""
    return "\n".join(
        [
            "# Tempo and key as stated",
            "",
            "Made by `python benchmarks/tempo_key.py ../shared --before old.json --out docs/results/tempo_key.md`;",
            "what is counted and how stands in that script and in `tempo_key_data.py`.",
            "",
            *(f"- {line}" for line in absent),
            *tempo_table(pieces, columns),
            *sureness(pieces, columns["now"], "bpm"),
            *key_table(pieces, columns),
            *sureness(pieces, columns["now"], "key"),
        ]
    )


def tempo_table(pieces: Mapping[str, Piece], columns: Mapping[str, Told]) -> list[str]:
    """A row per corpus and column: how many tempi are right."""
    rows = ["## Tempo", "", "| music | pieces | by | exact | with levels | or the alternative | none told |"]
    rows.append("|---|---|---|---|---|---|---|")
    for corpus in _corpora(pieces):
        asked = {n: p.bpm for n, p in pieces.items() if n.startswith(corpus) and p.bpm}
        for by, told in columns.items() if asked else ():
            bpm = {n: told[n]["bpm"] for n in asked}
            exact = [same(bpm[n], asked[n]) for n in asked]
            level = [same(bpm[n], asked[n], LEVELS) for n in asked]
            either = [e or same(told[n].get("bpm_alternative"), asked[n]) for n, e in zip(asked, exact, strict=True)]
            shown = (percent(exact), percent(level), percent(either) if by == "now" else "-")
            none = sum(value is None for value in bpm.values())
            rows.append(f"| {corpus} | {len(asked)} | {by} | {' | '.join(shown)} | {none} |")
    return [*rows, ""]


def key_table(pieces: Mapping[str, Piece], columns: Mapping[str, Told]) -> list[str]:
    """A row per kind of piece: how many keys, or signatures, are right in each column."""
    rows = [
        "## Key",
        "",
        f"| music | pieces | counted | {' | '.join(columns)} |",
        "|---|---|---|" + "---|" * len(columns),
    ]
    for kind, names in _kinds(pieces).items():
        what = "signature" if pieces[names[0]].signature else "key"
        ok = [[right_key(pieces[n], told[n]["key"]) for n in names] for told in columns.values()]
        rows.append(f"| {kind} | {len(names)} | {what} | {' | '.join(percent(row) for row in ok)} |")
    return [*rows, ""]


def _kinds(pieces: Mapping[str, Piece]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for name, piece in pieces.items():
        if not (piece.key or piece.signature):
            continue
        corpus, _, rest = name.partition("/")
        if corpus == "progressions":
            plain = rest.startswith("maj") or rest.startswith(UNAMBIGUOUS)
            corpus += ", major" if rest.startswith("maj") else ", minor" if plain else ", minor or its relative major"
        kinds.setdefault(corpus, []).append(name)
    return kinds


def sureness(pieces: Mapping[str, Piece], told: Told, fact: str) -> list[str]:
    """How often a stated tempo or key is right, by the confidence told with it."""
    seen: list[tuple[float, bool]] = []
    for name, piece in pieces.items():
        sure, value = told[name].get(f"{fact}_confidence"), told[name][fact]
        asked = piece.bpm if fact == "bpm" else piece.key
        if sure is not None and asked and not name.startswith("progressions"):
            seen.append((sure, same(value, piece.bpm) if fact == "bpm" else right_key(piece, value)))
    rows = ["| confidence told | pieces | mean of it | right |", "|---|---|---|---|"]
    for low, high in pairwise(SURE):
        some = [(sure, ok) for sure, ok in seen if low <= sure < high]
        if some:
            mean = sum(sure for sure, _ in some) / len(some)
            rows.append(
                f"| {low:.1f} to {min(high, 1):.1f} | {len(some)} | {mean:.2f} | {percent([ok for _, ok in some])} |"
            )
    return [*rows, ""]


def same(bpm: float | None, asked: float | None, ratios: Iterable[float] = (1.0,)) -> bool:
    """Whether a tempo is within 4 % of what was asked, or of a level of it."""
    return bpm is not None and asked is not None and any(abs(bpm / (asked * r) - 1) <= SAME for r in ratios)


def right_key(piece: Piece, told: str | None) -> bool:
    """Whether a told key is the piece's, or has its signature where only that is known."""
    if piece.key or told is None:
        return told == piece.key
    return sharps(told) == sharps(str(piece.signature))


def sharps(key: str) -> int:
    """The signature of a key: the pitch class of its major."""
    tonic, mode = key.split()
    return (NAMES.index(tonic) + (3 if mode == "minor" else 0)) % 12


def percent(found: list[bool]) -> str:
    return f"{100 * sum(found) / len(found):.1f} %"


def _corpora(pieces: Mapping[str, Piece]) -> list[str]:
    return list(dict.fromkeys(name.split("/")[0] for name in pieces))


if __name__ == "__main__":
    main()
