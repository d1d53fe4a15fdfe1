"""The model card: generated from measured numbers only, so that it cannot disagree with the model beside it."""

from typing import Any

from training.fitted import Trained
from training.terms import AXES
from training.video_terms import FILM_AROUSAL_R, PICTURE_SHARE, VALENCE_GAIN

Report = dict[str, Any]
Row = tuple[str, ...]


def card(report: Report, parts: dict[str, Trained]) -> str:
    """The card (markdown) of a training run."""
    sections = [
        _intro(report),
        _data(report),
        _figures("Music", report["music"]),
        music_notes(report["music"]),
        _figures("Pictures", report["video"]),
        _video_notes(report["video"]),
        _calibration(report, parts),
        _limits(),
        _weights("Music", parts["music"]),
        _weights("Clips and pictures", parts["video"]),
    ]
    return "\n".join(section.strip() + "\n" for section in sections)


def _intro(report: Report) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    return f"""
# Affect model `builtin`

Valence (unpleasant to pleasant) and arousal (calm to energetic) of music and of clips, from named objective features,
by linear models whose weights may only take the sign that the literature gives them. Small enough to read: the whole
model is the two tables at the end of this page.

Made by `{report["command"]}`, where DATA holds the corpora below. Versions: {versions}; features
{report["features"]["music"]} (music) and {report["features"]["video"]} (video).
The same inputs give the same bytes. All figures on this page were measured by that command.
"""


def _data(report: Report) -> str:
    lines = ["## Data", ""]
    for name, entry in report["data"].items():
        lines.append(f"- **{name}**: {entry['citation']} {entry['url']} Licence: {entry['licence']}.")
    music, video = report["music"], report["video"]
    lines += [
        "",
        f"Music: {music['corpus']['items']} rated piano pieces in {music['corpus']['groups']} game series, rendered "
        f"with fluidsynth and {music['corpus']['soundfont']} "
        f"(sha256 {music['corpus']['soundfont_sha256'][:16]}…), first {music['corpus']['seconds_used']:g} s. "
        f"Pictures: {video['corpus']['items']} in {video['corpus']['groups']} themes. Motion and cuts: no rated data; "
        "coefficients from LIRIS-ACCEDE (Baveye, Dellandréa, Chamaret & Chen 2015, LIRIS-ACCEDE: A video database for "
        "affective content analysis, IEEE Transactions on Affective Computing 6(1)). PMEmo is no part of the shipped "
        "model: it comes without audio.",
    ]
    lines.append(
        "- Signs come from the literature, but some columns of harmony and rhythm and the terms on offer were settled "
        "by cross-validation on these pieces: the figures lean to the bright side (arousal .825 where the choice "
        "of new columns is repeated in the folds, an experiment apart)."
    )
    return "\n".join(lines)


def _figures(title: str, part: Report) -> str:
    rows: list[Row] = [("", *AXES)]
    a, b = (part[axis] for axis in AXES)

    def row(label: str, text: str) -> None:
        rows.append((label, text.format(**_shown(a)), text.format(**_shown(b))))

    row("Pearson r, grouped 5-fold, mean ± SD over seeds", "**{r_mean:.3f}** ± {r_sd:.3f}")
    row("Pearson r, leaving one group out", "{r_leave_one_group_out:.3f}")
    row("chance: ratings dealt out at random, mean / 95th percentile of r", "{chance_r_mean:+.3f} / {chance_r_95:.3f}")
    row("mean absolute error (always the mean: in brackets)", "{mae_mean:.3f} ± {mae_sd:.3f} ({mae_constant:.3f})")
    row("sign right", "{sign_right:.1%}")
    row("sign right where the prediction is beyond ±0.5 (share of items)", "{sign_right_sure:.1%} ({share_sure:.0%})")
    row("residual SD of whole items", "{residual_sd_items:.3f}")
    row("inside the nominal 80 % / 90 % interval", "{coverage_80:.1%} / {coverage_90:.1%}")
    if a["residual_sd_windows"] != a["residual_sd_items"]:
        row("10 s windows against the rating of the whole piece: r", "{r_windows:.3f}")
        row("10 s windows: residual SD", "{residual_sd_windows:.3f}")
        row("10 s windows: inside 80 % / 90 %", "{coverage_80_windows:.1%} / {coverage_90_windows:.1%}")
    row("columns offered", "{columns}")
    corpus = part["corpus"]
    head = (
        f"## {title}: out of fold\n\n{corpus['items']} items, folds grouped by {corpus['grouped_by']} "
        f"({corpus['groups']} groups), ridge strength chosen by inner grouped folds of the training part. Unit: SDs of "
        "the ratings. Residuals, intervals and signs are those of predictions brought to unit variance, as the model "
        "states them; the SD behind an interval comes from the other folds.\n"
    )
    return head + "\n" + _table(rows)


def _shown(figures: Report) -> Report:
    return {k: float("nan") if v is None else v for k, v in figures.items()}


def music_notes(part: Report) -> str:
    """What is told of the music predictor beside its table of figures: level, other soundfonts, other corpora."""
    lines = [
        f"Absolute level is not used: libraries are loudness-normalised. With it, arousal would reach r = "
        f"{part['arousal_with_level']['r_leave_one_group_out']:.3f} (one series left out) on these renderings."
    ]
    if part["other_soundfont"]:
        lines.append(_soundfonts(part["corpus"]["soundfont"], part["other_soundfont"]))
    if part["across_corpora"]:
        lines.append(_corpora(part["across_corpora"]))
    return "\n\n".join(lines)


def _soundfonts(own: str, other: Report) -> str:
    head = (
        f"### From one soundfont to another\n\nr, one series left out of the training and tested on the other "
        f"rendering ({own} and {other['soundfont']}). First with the statistics of the training rendering, its 95 % "
        "interval from resampled series; then with the test renderings standardised by themselves, as a library "
        "calibrated on itself is. Chance is that of the table above.\n\n"
    )
    rows: list[Row] = [("", f"{own} to {other['soundfont']}", "own z", f"{other['soundfont']} to {own}", "own z")]
    for name in other["to_other"]:
        both = (other[way][name] for way in ("to_other", "from_other"))
        rows.append((_words(name), *(cell for f in both for cell in (_interval(f), f"{f['r_own_z']:.3f}"))))
    return head + _table(rows)


def _corpora(found: Report) -> str:
    head = (
        f"### Between piano pieces and pop songs\n\nVGMIDI and PMEmo ({found['songs']} songs, features only), through "
        f"{found['table_columns']} columns of PMEmo's table that this program reproduces (r >= .99 against librosa) "
        "and what is told from them; another, smaller model than the one shipped. Each corpus is standardised by "
        "itself. r with its 95 % interval (VGMIDI: whole series resampled).\n\n"
    )
    rows: list[Row] = [
        ("trained on, tested on", "columns", "r", "chance: mean / 95 %", "signs alone", "within the training corpus")
    ]
    for way, label in (("to_pmemo", "VGMIDI, PMEmo"), ("from_pmemo", "PMEmo, VGMIDI")):
        for name, f in found[way].items():
            chance = f"{f['chance_r_mean']:+.3f} / {f['chance_r_95']:.3f}"
            rest = (f"{f['r_signs_alone']:.3f}", f"{f['r_within_training_corpus']:.3f}")
            rows.append((f"{label}: {_words(name)}", str(found["columns"][name]), _interval(f), chance, *rest))
    foot = (
        "\n\nChance: the ratings tested on dealt out at random. Signs alone: every column with the same weight, "
        "nothing learnt. Within: out of fold, one series or a tenth of the songs left out."
    )
    return head + _table(rows) + foot


def _interval(figures: Report) -> str:
    return f"**{figures['r']:.3f}** ({figures['low']:.2f} to {figures['high']:.2f})"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _video_notes(part: Report) -> str:
    share = part["reference"]["share_of_arousal_variance_from_motion_and_cuts"]
    return f"""
These are figures for single pictures. For clips there are none: a clip's arousal comes from motion, its changes
and cuts by published coefficients ({share:.0%} of its variance in the reference population), and the picture predictor
enters at a standardised coefficient of {PICTURE_SHARE["arousal"]:g} (arousal), {PICTURE_SHARE["valence"]:g} (valence).
Tests transform clips instead: faster or with more cuts must raise arousal, darker must lower valence, greyer must not
raise it. The choice of picture columns follows surveys of the same pictures, so these figures lean to the bright side:
those that brought arousal from .24 to .45 were found among some 400. With everything chosen inside the training folds
(`benchmarks/picture_search.py`, `docs/results/picture_search.md`) a model of the same form reaches .417 ± .008, a
forest over all of them .426 ± .018, the mean of both .441 ± .003.
"""


def _calibration(report: Report, parts: dict[str, Trained]) -> str:
    music, video = report["music"]["reference"], report["video"]["reference"]
    left_out = ", ".join(f"{name} ({why})" for name, why in video["left_out"].items()) or "none"
    rows: list[Row] = [("", "valence gain", "arousal gain", "valence SD", "arousal SD")]
    for modality, part in parts.items():
        rows.append((modality, *(f"{v:.3f}" for v in (*part.model.gain, *part.model.sd))))
    return f"""
## Calibration

0 is the mean of a reference population and 0.4 one of its SDs. Music: {music["vgmidi_pieces"]} renderings and
{music["real_tracks"]} real, unrated tracks, both kinds with the same weight. Pictures: {video["pictures"]}.
Motion and cuts: {video["clips"]} unrated clips; left out: {left_out}.
Plain means and SDs of the transformed columns.
The gain brings the predicted means of the reference population to an SD of 1, for clip valence to {VALENCE_GAIN:g}:
that evidence is weak. The stated SD is the residual SD of 10 s windows for music; for clips it is sqrt(1 + g² - 2 g r),
g being that spread and r the picture's above for valence, {FILM_AROUSAL_R:g} for arousal: about what such features
reach on LIRIS-ACCEDE.

{_table(rows)}
"""


def _limits() -> str:
    return """
## Limits

- Music was rated as piano renderings by listeners of one online study; songs with words, and percussion, are untested.
- Clip affect is a weak guess: valence above all. Vivid but unpleasant pictures (fire) and grey but pleasant ones are
  misread; nothing here knows faces, words or what happens.
- Ratings are averages over people; yours may differ.
- Name a mood only where the prediction is well off neutral.
"""


def _weights(title: str, part: Trained) -> str:
    rows: list[Row] = [("column", "scale", *AXES, "why this sign")]
    model = part.model
    for j, name in enumerate(model.columns):
        shown = (f"{w:+.3f}" if w else "" for w in model.weights[:, j])
        rows.append((f"`{name}`", model.transform[j], *shown, part.reasons[name]))
    unused = ", ".join(f"`{c}`" for c in part.unused) or "none"
    return (
        f"## {title}: weights\n\nPer SD of a column, before the gain. Offered, but left at zero: {unused}.\n\n"
        + _table(rows)
    )


def _table(rows: list[Row]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])
