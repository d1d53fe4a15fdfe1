"""A table for people: one block per query, one line per track, what speaks for and against it below."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import TextIO

from recommender.affect.words import emotion, mood
from recommender.outputs.records import Answer, verdict
from recommender.text import show
from recommender.types import Affect, Emotions, Reason, Recommendation, Track

NOTHING_FITS = "nothing in this library fits well (every match probability is below 50 %); the nearest are:"
STILL = "still pictures: with no motion to see, arousal is told from what they show alone"
UNHEARD = "whether music has a voice is not known here: `recommend index update --reanalyse` listens"
SURE = 0.7  # below it every third tempo is meant otherwise (docs/results/tempo_key.md)
HEADER = ("#", "score", "section", "bpm", "key", "mood", "track")


def write(answers: Iterable[Answer], sink: TextIO) -> None:
    """All answers as they come, separated by a blank line."""
    between = ""
    for answer in answers:
        sink.write(between + block(answer))
        sink.flush()
        between = "\n"


def block(answer: Answer) -> str:
    """Heading, table and reasons of one answer."""
    if answer.error is not None:
        return f"{show(answer.query)}\n  error: {answer.error}\n"
    heading = near(answer.query)
    if answer.duration_s:
        heading += f"  ({clock(answer.duration_s)})"
    if answer.affect is not None:
        heading += f"\n  {sentence(answer.affect)}"
    elif answer.emotions is not None:
        heading += f"\n  feels {likeliest(answer.emotions, 2)}"
    if answer.cues:
        heading += f"\n  because: {', '.join(cue.text for cue in answer.cues)}"
    if answer.loss is not None:
        heading += f"\n  {answer.loss}"
    if answer.speech:
        heading += f"\n  {speech(answer)}"
    if of_stills(answer):
        heading += f"\n  {STILL}"
    if not answer.recommendations:
        return f"{heading}\n  nothing to recommend: the library holds no tracks\n"
    if nothing_fits(answer):
        heading += f"\n  {NOTHING_FITS}"
    rows = [cells(r) for r in answer.recommendations]
    widths = [max(len(row[i]) for row in [HEADER, *rows]) for i in range(len(HEADER))]
    lines = [heading, "", join(HEADER, widths)]
    for r, row in zip(answer.recommendations, rows, strict=True):
        lines.append(join(row, widths))
        indent = " " * (2 + widths[0] + 2)
        lines.extend(indent + line for line in reason_lines(r.reasons, answer.figures))
        lines.extend([f"{indent}  {r.track.loss}"] if r.track.loss is not None else [])
        lines.extend(f"{indent}  {line}" for line in fit_lines(r))
        lines.extend([f"{indent}  preview: {near(r.preview)}"] if r.preview is not None else [])
        others = {"also here as": r.track.versions, "also in": r.track.also_in, "contains": r.track.contains}
        for how, paths in others.items():
            lines.extend(f"{indent}  {how}: {line}" for line in elsewhere(paths, answer.versions))
    return "\n".join(lines) + "\n"


def reason_lines(reasons: Sequence[Reason], figures: bool) -> list[str]:
    """The reasons in one line of an editor's words, and on request one line each with the measured figures."""
    lines = [verdict(reasons)] if reasons else []
    return lines + [f"· {why.text}" for why in reasons if figures]


def fit_lines(r: Recommendation) -> list[str]:
    """What is played of a track that was recut, or why it was not."""
    if r.unfit is not None:
        return [f"not fitted: {r.unfit}"]
    if r.fit is None:
        return []
    played = ", then ".join(f"{clock(piece.start_s)}-{clock(piece.end_s)}" for piece in r.fit.pieces)
    return [f"fitted: {played}" + (f" (cuts cost {r.fit.cost:.2f} of a random jump)" if r.fit.joints else "")]


def elsewhere(versions: Sequence[str], all_of_them: bool) -> list[str]:
    """Other files, each on a line of its own, or the first with how many more."""
    if all_of_them or len(versions) < 2:
        return [near(path) for path in versions]
    return [f"{near(versions[0])} (and {len(versions) - 1} more; --versions lists them)"]


def speech(answer: Answer) -> str:
    """How much of the clip is spoken, and whether music with a voice can be told from music without."""
    spoken_s = sum(end_s - start_s for start_s, end_s in answer.speech)
    told = f"speech: {spoken_s:.{0 if spoken_s >= 10 else 1}f} of {answer.duration_s or 0:.0f} s"
    unheard = all(r.track.voice is None for r in answer.recommendations) and answer.affect is not None
    return told + (f"; {UNHEARD}" if unheard and answer.recommendations else "")


def of_stills(answer: Answer) -> bool:
    """Whether its affect lacks what motion tells."""
    return answer.still and answer.affect is not None


def nothing_fits(answer: Answer) -> bool:
    """Whether even the best answer rather does not match, as far as scores are calibrated."""
    return bool(answer.recommendations) and all(r.fits is False for r in answer.recommendations)


def remarks(answer: Answer) -> list[str]:
    """What is to be known of an answer beside its tracks, a line each."""
    told = {NOTHING_FITS: nothing_fits(answer), STILL: of_stills(answer), str(answer.loss): answer.loss is not None}
    return [line for line, said in told.items() if said]


def cells(r: Recommendation) -> tuple[str, ...]:
    """The table cells of one recommendation."""
    title, path = show(r.track.title), near(r.track.path)
    named_by_file = r.track.title == PurePath(r.track.path).stem
    return (
        str(r.rank),
        f"{r.score:.3f}",
        f"{clock(r.in_s)}-{clock(r.out_s)}" if r.out_s > r.in_s else "-",
        tempo(r.track),
        r.track.key or "-",
        _mood(r),
        path if named_by_file else f"{title}  [{path}]",
    )


def tempo(track: Track) -> str:
    """The tempo in bpm to three places, with the next likely level where it is in doubt: ` 92 (184)`."""
    if track.bpm is None:
        return "  -"
    doubt = track.bpm_alternative is not None and (track.bpm_confidence or 0) < SURE
    return f"{track.bpm:3.0f}" + (f" ({track.bpm_alternative:.0f})" if doubt else "")


def _mood(r: Recommendation) -> str:
    section = r.affect.section
    if section is not None:
        return f"{mood(section)} ({section.valence:+.2f} {section.arousal:+.2f})"
    return "-" if r.emotions.section is None else likeliest(r.emotions.section, 1)


def likeliest(emotions: Emotions, most: int) -> str:
    """The `most` probable emotions, `tense 55 %, fearful 20 %`."""
    best = sorted(emotions.items(), key=lambda item: -item[1])[:most]
    return ", ".join(f"{name} {p * 100:.0f} %" for name, p in best)


def join(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line; numbers to the right, words to the left."""
    aligned = [c.rjust(w) if i in (0, 1) else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
    return "  " + "  ".join(aligned).rstrip()


def sentence(affect: Affect) -> str:
    """The affect in one line: mood, emotion and the two numbers with their uncertainty."""
    return (
        f"feels {mood(affect)}, most like '{emotion(affect)}': "
        f"valence {affect.valence:+.2f} ± {affect.valence_sd:.2f}, "
        f"arousal {affect.arousal:+.2f} ± {affect.arousal_sd:.2f} (each from -1 to 1)"
    )


def near(path: str) -> str:
    """`path` on one line, relative where it lies below the current folder: what people can read and paste."""
    with suppress(OSError):  # the current folder may be gone
        path = path.removeprefix(os.getcwd() + os.sep)  # noqa: PTH109 (names that are not UTF-8 stay as they are)
    return show(path)


def clock(seconds: float) -> str:
    """Minutes and seconds, `1:05`; hours where there are any."""
    whole = int(seconds + 0.5)
    hours, minutes, s = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"
