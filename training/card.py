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
        _music_notes(report["music"]),
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
        "affective content analysis, IEEE Transactions on Affective Computing 6(1)). PMEmo was tested on, not trained "
        "on: it shares too few columns.",
    ]
    lines.append(
        "- Signs come from the literature, but some harmony columns and the terms on offer were settled while looking "
        "at these pieces: the figures lean to the bright side."
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


def _music_notes(part: Report) -> str:
    lines = [
        f"- Absolute level is not used: libraries are loudness-normalised. With it, arousal would reach r = "
        f"{part['arousal_with_level']['r_leave_one_group_out']:.3f} (one series left out) on these renderings."
    ]
    other = part["other_soundfont"]
    if other:
        pairs = "; ".join(f"{axis} {other[axis]['r']:.3f} ({other[axis]['r_own_z']:.3f})" for axis in AXES)
        lines.append(
            f"- Trained on {part['corpus']['soundfont']}, tested on {other['soundfont']}, series left out: {pairs}; in "
            "brackets when the test renderings are standardised by themselves."
        )
    pmemo = part["pmemo"]
    if pmemo:
        lines.append(
            f"- Other music altogether: arousal from the {len(pmemo['columns'])} signed columns that PMEmo's table "
            f"shares, trained on VGMIDI and tested on {pmemo['songs']} pop songs, each corpus standardised by itself: "
            f"r = {pmemo['arousal_r']:.3f}; without level {pmemo['arousal_r_without_level']:.3f}."
        )
    return "\n".join(lines)


def _video_notes(part: Report) -> str:
    share = part["reference"]["share_of_arousal_variance_from_motion_and_cuts"]
    return f"""
These are figures for single pictures. For clips there are none: a clip's arousal comes from motion and cuts by
published coefficients ({share:.0%} of its variance in the reference population), and the picture predictor enters at a
standardised coefficient of {PICTURE_SHARE["arousal"]:g} (arousal) and {PICTURE_SHARE["valence"]:g} (valence).
Tests transform clips instead: faster or with more cuts must raise arousal, darker must lower valence, greyer must not
raise it. The choice of picture columns follows an earlier survey of the same pictures, so these figures lean to the
bright side.
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
that evidence is weak. The stated SD is the residual SD of 10 s windows for music; for clips it is sqrt(1 - r²) with the
picture r above for valence, and with r = {FILM_AROUSAL_R:g} for arousal, about what such features reach on
LIRIS-ACCEDE.

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
