"""`recommend film ...`: the scenes of a film, and music for each."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexing.commands.film_delivery import FilmDeliveryOptions, deliver, write_scene_pictures
from indexing.commands.index import open_library
from indexing.commands.query import FilterOptions, conditions_of, open_music, require_any, tell_voices
from recommender.console import FAILED, TABLE, FormatOption, load_model, tell, write_list
from recommender.editing_commands import PATIENCE_S, LevelOptions
from recommender.errors import Argument, InputError
from recommender.options import Options, argument, setting, take_options
from recommender.text import show

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.engine import Recommender
    from recommender.films.cues import MusicCue
    from recommender.films.rules import Rules
    from recommender.films.scenes import Film, SceneWish
    from recommender.outputs.progress import Progress
    from recommender.types import Filter, Recommendation


_WEIGHTS = ("key", "tempo", "artist", "short", "slack")


class SceneOptions(Options):
    """Where a film is cut into scenes."""

    scenes: int | None = setting("So many scenes (default: as many as the film changes).", min=1)
    cuts: Path | None = setting(
        "Where scenes begin: a list of times or timecodes, the table of --format csv as you edited it, or an EDL or "
        "OTIO file of the edit, whose shots are merged into scenes."
    )
    shortest: float = setting("Seconds that a scene lasts at least.", 4.0, min=0)
    longest: float | None = setting("Seconds that it lasts at most, where there is a cut to end it.", min=1)

    def wish(self) -> "SceneWish":
        """As `read_film` takes it. Raises InputError."""
        from recommender.films.grouping import USUAL, Limits
        from recommender.films.scenes import SceneWish

        longest_s = USUAL.longest_s if self.longest is None else self.longest
        if longest_s < 2 * self.shortest:
            least = f"twice --shortest, {2 * self.shortest:g}"
            raise InputError(f"--longest {longest_s:g} leaves no choice of cuts: give {least}, at least")
        return SceneWish(self.cuts, self.scenes, Limits(self.shortest, longest_s))


class ScoreOptions(Options):
    """What music the scenes may have."""

    library: str | None = setting("Library name or folder (`default` if not given).")
    music: Path | None = setting("A music folder: indexed first (only what is new), then searched.")
    model: str | None = setting("Model name or folder (default: the library's).")
    ranker: str | None = setting("How candidates are scored: cosine, afclnet or fusion (default: the model's).")
    no_taste: bool = setting("Leave out the taste learnt from your films (`edits learn`).", False, "--no-taste")
    candidates: int = setting("Tracks that each scene may choose from.", 200, min=1)
    theme: list[str] | None = setting("Scenes that share a track, such as 1,5,9; repeat for several themes.")
    silence: str | None = setting("Scenes without music, such as 3,7.")
    alternatives: int = setting("Further tracks that are told for each scene.", 3, min=0)
    per_artist: int | None = setting("Scenes with music of one artist at most.", min=1)
    lock: list[str] | None = setting("A scene and the track that it has, such as 3=Song.mp3; repeat for several.")
    repeats: bool = setting("Let tracks return without a theme.", False, "--repeats")
    weights: str | None = setting(
        "What costs how much of a best fit, from 0 to 1: key=0.15 (neighbours in far keys), tempo=0.1 (one twice as "
        "fast), artist=0.01 (again), short=0.5 (music that ends at once), slack=0.05 (may be lost freely)."
    )

    def rules(self, *, recut: bool) -> "Rules":
        """As `compose` takes them; music that is `recut` may be short of its scene. Raises InputError."""
        from recommender.films.rules import Rules, read_theme

        return Rules(
            per_artist=self.per_artist,
            repeats=self.repeats,
            themes=tuple(read_theme(text) for text in self.theme or ()),
            lock=dict(_lock(text) for text in self.lock or ()),
            silence=frozenset(_numbers(self.silence)),
            alternatives=self.alternatives,
            **({"short": 0.0} if recut else {}) | _weights(self.weights),
        )


@take_options
def film(
    film: Annotated[Path, argument("The film.")],
    cut: SceneOptions,
    score: ScoreOptions,
    conditions: FilterOptions,
    made: FilmDeliveryOptions,
    levels: LevelOptions,
    format: FormatOption = TABLE,
) -> None:
    """A score for a whole film: its scenes, and music for each that goes with what comes before and after.

    Examples: recommend film wedding.mp4 --music ~/Music

    recommend film wedding.mp4 --format csv > scenes.csv

    recommend film wedding.mp4 --cuts scenes.csv --theme 1,5 --preview --out films"""
    from recommender.films.listing import listing
    from recommender.films.locks import settle_locks

    where, wish, rules = conditions_of(conditions), cut.wish(), score.rules(recut=made.recut)
    made.check(film)
    library, engine = _open(score)
    where = engine.settle(where)
    require_any(engine.library, "music", where)
    tell_voices(engine.library, where)
    rules = replace(rules, lock=settle_locks(engine.library, rules.lock))
    found = _read(engine, film, wish)
    found, rules = _take_wishes(found, rules)
    rules.check(found.scenes)
    pictures = write_scene_pictures(found, made)
    cues = _compose(engine, found, _candidates(engine, found, score, where), rules)
    cues = deliver(found, cues, made, levels=levels, library=library)
    write_list(listing(found, cues, pictures), format)
    for remark in () if format == TABLE else found.remarks:
        tell(remark)
    if found.loss is not None and found.loss.is_most:
        raise typer.Exit(FAILED)


def _take_wishes(film: "Film", rules: "Rules") -> "tuple[Film, Rules]":
    """The rules with what the table of scenes says: who is silent, who keeps a track; `--lock` stands before it."""
    from indexing.disk.files import absolute

    silent = (scene.number for scene in film.scenes if scene.silent)
    kept = {scene.number: str(absolute(Path(scene.track))) for scene in film.scenes if scene.track is not None}
    scenes = (replace(one, begins_s=None) if one.number in rules.lock else one for one in film.scenes)
    silence, lock = frozenset([*rules.silence, *silent]), {**kept, **rules.lock}
    return replace(film, scenes=tuple(scenes)), replace(rules, silence=silence, lock=lock)


def _open(score: ScoreOptions) -> "tuple[Library, Recommender]":
    """The library to choose from, and what ranks its music."""
    from indexing.edits.taste_file import taste_of
    from recommender.engine import Recommender

    if score.library and score.music:
        raise InputError("--library and --music are two places to search: give one")
    model = load_model(score.model) if score.model else None
    library = open_music(score.music, model) if score.music else open_library(score.library or "default")
    return library, Recommender(library, model, score.ranker, taste=None if score.no_taste else taste_of(library))


def _read(engine: "Recommender", film: Path, wish: "SceneWish") -> "Film":
    """The scenes of a film, with progress while it is read."""
    from recommender.films.scenes import read_film
    from recommender.media import probe
    from recommender.outputs.progress import Progress

    verbs, whole = (f"reading {show(film.name)}, seconds", "listening for speech, seconds"), probe(film).duration_s or 0
    with Progress(verbs[0], PATIENCE_S) as progress:
        read, heard = (partial(_tell_second, progress, verb, max(1, round(whole))) for verb in verbs)
        return read_film(engine, film, wish, on_second=read, on_heard=heard)


def _tell_second(progress: "Progress", verb: str, whole: int, at_s: float) -> None:
    progress.stage(verb, min(round(at_s), whole), whole)


def _candidates(
    engine: "Recommender", film: "Film", asked: ScoreOptions, where: "Filter | None"
) -> "list[list[Recommendation]]":
    """What each scene may have, best first."""
    from recommender.outputs.progress import Progress

    verb = "searching music for scenes"
    found: list[list[Recommendation]] = []
    with Progress(verb, PATIENCE_S) as progress:
        for scene in film.scenes:
            progress.stage(verb, len(found), len(film.scenes))
            found.append(engine.recommend(scene.query, top=asked.candidates, candidates=asked.candidates, where=where))
    return found


def _compose(
    engine: "Recommender", film: "Film", found: "Sequence[Sequence[Recommendation]]", rules: "Rules"
) -> "Sequence[MusicCue]":
    """The music of all scenes together, each recording counted once."""
    from recommender.films.score import NONE_LEFT, compose_from

    score = compose_from(engine, film.scenes, found, rules=rules)
    if gaps := sum(cue.why == NONE_LEFT for cue in score):
        several = "s have" if gaps > 1 else " has"
        tell(f"{gaps} scene{several} no music, no track is left: --repeats lets tracks return, --shortest joins scenes")
    elif score.short_of > 0:
        tell(f"the score may be {score.short_of:.3f} short of the best total, {score.total:.3f}")
    return score


def _numbers(text: str | None) -> list[int]:
    """The scenes that a list such as `3,7` names. Raises InputError."""
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        example = Argument("silence", "3,7")
        raise InputError(f"{show(text or '')}: give the numbers of scenes, such as ", example) from None


def _lock(text: str) -> tuple[int, int | str]:
    """The scene and its track, as a path from the root or an id. Raises InputError."""
    number, sign, track = text.partition("=")
    if not (sign and track.strip() and number.strip().isdecimal()):
        raise InputError(f"{show(text)}: give a scene and its track, such as ", Argument("lock", "3=Song.mp3"))
    from indexing.disk.files import absolute

    return int(number), int(track) if track.isdecimal() else str(absolute(Path(track)))


def _weights(text: str | None) -> dict[str, Any]:
    """What `key=0.3,tempo=0` says. Raises InputError."""
    found: dict[str, float] = {}
    for part in text.split(",") if text else []:
        name, _, value = (one.strip() for one in part.partition("="))
        try:
            found |= {_WEIGHTS[_WEIGHTS.index(name)]: float(value)}
        except ValueError:
            example = Argument("weights", "key=0.3,tempo=0")
            raise InputError(f"{show(part)}: the weights are {', '.join(_WEIGHTS)}, such as ", example) from None
    return found
