"""`recommend edits report|learn|taste`: how well one's own films are found, and the taste learnt from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from indexing.commands.edits import app
from indexing.commands.index import open_library
from recommender.console import TABLE, FormatOption, LibraryOption, load_model, tell, write, write_list
from recommender.errors import InputError
from recommender.options import option
from recommender.outputs.listing import Listing, align, facts, table
from recommender.outputs.progress import Progress

if TYPE_CHECKING:
    from indexing.library import Library
    from training.taste.material import Asked, LeftOut, Outcome

__all__ = ["app"]

CandidatesOption = Annotated[int, option("Distinct tracks that the search hands to the ranker.", min=1)]
OwnModelOption = Annotated[str | None, option("Model name or folder (default: the library's).", "--model")]
COLUMNS = ("from", "measure", "found", "low", "high", "chance")


@app.command("report")
def edits_report(
    library: LibraryOption = "default",
    clips: Annotated[list[Path] | None, option("Folder with the clips of picks; repeat for several.")] = None,
    candidates: CandidatesOption = 200,
    model: OwnModelOption = None,
    format: FormatOption = TABLE,
) -> None:
    """How well the ranking finds what you chose in your films and picks, beside chance; no taste is applied.

    Example: recommend edits report --library film --clips ~/Videos"""
    from recommender.engine import Recommender

    opened = open_library(library)
    engine = Recommender(opened, load_model(model) if model else None)
    with Progress("ranking") as progress:
        asked = {"films": _films(engine, opened, progress.stage)}
        asked["picks"] = _picks(engine, opened, clips or [], progress.stage)
        answers = {name: _answers(engine, some, candidates, progress.stage) for name, (some, _) in asked.items()}
    if not any(answers.values()) and not any(left for _, left in asked.values()):
        raise InputError("there is nothing to measure: add finished films (`recommend edits add`) or pick in the app")
    write_list(_listing(opened, answers, asked, candidates=candidates), format)


@app.command("learn")
def edits_learn(
    library: LibraryOption = "default", candidates: CandidatesOption = 200, model: OwnModelOption = None
) -> None:
    """Learn your taste from 20 finished films or more; it is in force from then on if your films surely agree on it and
    films that it has not seen are ranked no worse, and nothing changes otherwise.

    Example: recommend edits learn --library film"""
    from indexing.edits.kept import edits_of
    from indexing.edits.taste_file import describe, keep
    from recommender.engine import Recommender
    from training.taste.learn import check_enough, learn

    opened = open_library(library)
    check_enough(sum(bool(edit.uses) for edit in edits_of(opened.folder)), opened.space)
    engine = Recommender(opened, load_model(model) if model else None)
    with Progress("ranking") as progress:
        asked, left = _films(engine, opened, progress.stage)
        found = _answers(engine, asked, candidates, progress.stage)
    for one in left:
        tell(f"left out: {one.what}: {one.why}")
    choices = [one.choice for one in found if one.choice is not None]
    learnt = learn(choices, opened.space, engine.ranker)
    if learnt.why_not is not None:
        write(f"refused: {learnt.why_not}\nthe ranking stays as it is\n")
        return
    keep(opened.folder, learnt.taste, learnt.figures)
    tell("your taste is in force (`recommend edits taste --off` undoes it)")
    write(_told(describe(opened.folder, opened.space)))


@app.command("taste")
def edits_taste(
    library: LibraryOption = "default",
    off: Annotated[bool, option("Put it out of force: answers are as they were before.", "--off")] = False,
    format: FormatOption = TABLE,
) -> None:
    """The taste that is in force, with what it is worth on films that it has not seen.

    Example: recommend edits taste --library film --off"""
    from indexing.edits.taste_file import describe, forget

    with open_library(library) as opened:
        if off:
            tell("your taste is out of force" if forget(opened.folder) else "no taste was in force")
        value = describe(opened.folder, opened.space)
    write_list(facts(value or {"in_force": False})._replace(text=_told(value)), format)


def _films(engine: Any, opened: "Library", tick: Any) -> "tuple[list[Asked], list[LeftOut]]":
    from indexing.edits.kept import edits_of
    from training.taste.material import ask_edits, sort_out

    return sort_out(ask_edits(engine, opened, edits_of(opened.folder), tick=tick))


def _picks(engine: Any, opened: "Library", clips: Sequence[Path], tick: Any) -> "tuple[list[Asked], list[LeftOut]]":
    from indexing.picks import picks_of
    from training.taste.material import ask_picks, files_in, sort_out

    return sort_out(ask_picks(engine, opened, picks_of(opened.folder), clips=files_in(clips), tick=tick))


def _answers(engine: Any, asked: "Sequence[Asked]", candidates: int, tick: Any) -> "list[Outcome]":
    from training.taste.material import answer

    found = []
    for done, one in enumerate(asked):
        tick("ranking", done, len(asked))
        found.append(answer(engine, one, candidates))
    return found


def _listing(opened: "Library", answers: "dict[str, list[Outcome]]", asked: Any, *, candidates: int) -> Listing:
    """What was measured of films and of picks, and what could not be."""
    from training.taste.report import record
    from training.taste.report import tell as figures

    tracks = len({*opened.recordings(opened.ids("music")).tolist()})
    value: dict[str, Any] = {"tracks": tracks, "candidates": candidates}
    rows, lines = [], [f"{tracks} tracks, of which {min(candidates, tracks)} reach the ranker; no taste is applied\n"]
    for name, found in answers.items():
        told = record(figures(found, tracks, candidates)) if found else []
        films, left = len({one.film for one in found}), asked[name][1]
        value[name] = {"films": films, "uses": len(found), "figures": told}
        value[name]["left_out"] = [one._asdict() for one in left]
        rows += [{"from": name, **row} for row in told]
        lines += [_text(name, told, films, uses=len(found), left=left)] if found or left else []
    return Listing(value, rows, COLUMNS, "\n".join(lines))


def _text(name: str, told: Sequence[dict[str, Any]], films: int, *, uses: int, left: "Sequence[LeftOut]") -> str:
    """The figures of films or picks for people."""
    many, several = "s" * (uses != 1), "s" * (films != 1)
    what = f"films: {uses} use{many} in {films} film{several}"
    what = what if name == "films" else f"picks: {uses} pick{many} for {films} clip{several}"
    shown = ("measure", "found", "low", "high", "chance")
    text = f"{what}\n" + (table(Listing(None, told, shown)) if told else "")
    if name == "picks" and told:
        text += "picks were made from what the ranking showed first: hits among these are no proof of it\n"
    return text + "".join(f"left out: {one.what}: {one.why}\n" for one in left)


def _told(value: dict[str, Any] | None) -> str:
    """A taste in words."""
    if value is None:
        return "no taste is in force (`recommend edits learn`)\n"
    rows = [
        ("likes", ", ".join(value["likes"])),
        ("learnt from", f"{value['films']} films, {value['uses']} uses, {value['learnt']}"),
        ("rank of what you chose", f"{value['rank_without']:.1f} without it, {value['rank']:.1f} with it"),
        ("MRR", f"{value['mrr_without']:.3f} without it, {value['mrr']:.3f} with it"),
        ("halvings of the rank", _interval(value["halvings"])),
        (
            "films agree",
            _interval(value["agreement"]) if value["agreement"] else "not told: learnt by an earlier version",
        ),
        ("in force", value.get("why_not", "yes")),
    ]
    return align(rows)


def _interval(told: Sequence[float]) -> str:
    estimate, low, high = told
    return f"{estimate:+.2f} [{low:+.2f}, {high:+.2f}]"
