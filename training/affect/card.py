"""The model card: generated from measured numbers only, so that it cannot disagree with the model beside it."""

from collections.abc import Mapping
from typing import Any

from recommender.affect.linear import LinearAffect
from training.affect.activity import ALIKE, CLIPS_SHARE, OTHERS, SHARES, SHRINK, USED, mixture_name
from training.affect.feel_words import GROUPS, MAY_COST, NEAR_RIM
from training.affect.fit import Trained
from training.affect.terms import AXES, Axis
from training.affect.video import CLIP_SPREAD, FILM_VALENCE_R, REASONS, STILL_SPREAD, TrainedVideo
from training.learning.markdown import paragraph, table

Report = dict[str, Any]
Row = tuple[str, ...]


def card(report: Report, music: Trained, video: TrainedVideo) -> str:
    """The card (markdown) of a training run."""
    unused = ", ".join(f"`{c}`" for c in music.unused) or "none"
    sections = [
        _intro(report),
        _data(report),
        _figures("Music", report["music"]),
        _describe(report["music"]["described"]),
        music_notes(report["music"]),
        _figures("Pictures", report["video"]),
        _family_notes(report["video"]["families"]),
        _clips(report["video"]),
        _calibration(report, music, video),
        _limits(),
        _weights("Music: weights", music.model, music.reasons, f" Offered, but left at zero: {unused}."),
        _weights("Clips: weights", video.model, REASONS),
        _weights("Pictures that do not move: weights", video.still, REASONS),
    ]
    return "\n".join(section.strip() + "\n" for section in sections)


def _intro(report: Report) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    return f"""
# Affect model `builtin`

Valence (unpleasant to pleasant) and arousal (calm to energetic) of music and of clips. Music: from named objective
features, by linear models whose weights may only take the sign that the literature gives them. Pictures and clips: from
what a pretrained picture network sees (EfficientNet-Lite2, in the package; origin, licence and checks in its own card,
`recommender/extractors/networks/efficientnet_lite2/card.md`), read by three linear heads, and from motion and cuts.

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
        f"Pictures: {video['corpus']['items']} in {video['corpus']['groups']} themes. Clips: no ratings; "
        f"{video['activity']['clips']} short clips of {video['activity']['sources']} sources, sorted into calm and "
        "busy by one person from names and stills (`training/affect/activity_labels.py`); their footage is not part of "
        "what is shipped. "
        "PMEmo is no part of the shipped model: it comes without audio.",
    ]
    if described := music["described"]:
        lines.append(
            f"Beside the rated pieces: {described['tracks']} produced tracks by Kevin MacLeod (CC BY 4.0), 45 s of "
            "each, which his own words place on a side of neutral (`training/datasets/macleod.py`); "
            f"{music['reference']['real_tracks']} more, unrated, for the scale alone."
        )
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
        rows.append((label, text.format(**_show(a)), text.format(**_show(b))))

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


def _show(figures: Report) -> Report:
    return {k: float("nan") if v is None else v for k, v in figures.items()}


def _describe(found: Report | None) -> str:
    if found is None:
        return ""
    rows: list[Row] = [
        ("words", "tracks above / below", "AUC [95 %]", "each tenth left out, 3 deals", "genres left out")
    ]
    for axis in AXES:
        for name, label in (("few", _sides(axis)), ("all", "all words with a side")):
            f = found["auc"][axis][name]
            seeds = ", ".join(f"{value:.3f}" for value in f["auc_by_seed"])
            area = f"**{f['auc']:.3f}** [{f['low']:.2f}, {f['high']:.2f}]"
            count = f"{f['above']} / {f['below']}"
            rows.append((f"{axis}: {label}", count, area, seeds, f"{f['genres_left_out']:.3f}"))
    words: list[Row] = [("word", "tracks", *AXES)]
    for word, f in found["words"].items():
        words.append((word, str(f["tracks"]), *(f"{f[axis]:+.2f}" for axis in AXES)))
    tried = "; ".join(
        f"{axis} {', '.join(f'{share}: {r:.3f}' for share, r in found['tried'][axis].items())}" for axis in AXES
    )
    shares = " and ".join(f"{found['share'][axis]:g} ({axis})" for axis in AXES)
    head = paragraph(f"""
    {found["tracks"]} produced tracks of {found["genres"]} genres, described by their composer, each read by a predictor
    that was fitted and calibrated without it. Tracks with words of both sides are left out. Chance is .50; the
    intervals draw tracks anew. One composer and few tracks: for music of others these figures are a hint.""")
    foot = paragraph(f"""
    The described tracks weigh {shares} beside the rated pieces: of the weights tried the largest that costs r on
    rated pieces, one series left out, no more than {MAY_COST:g} ({tried}); how they are read had no part in it. Beyond
    ±{NEAR_RIM:g}, a limit of the plane, stand {found["at_limit"]:.0%}.""")
    return "\n\n".join(["## Music: produced tracks by their words", head, _table(rows), _table(words), foot])


def _sides(axis: Axis) -> str:
    """The words of `GROUPS` on either side of an axis."""
    ends = (", ".join(w for w, (of, side) in GROUPS.items() if (of, side) == (axis, end)) for end in (+1, -1))
    return " against ".join(ends)


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


def _family_notes(families: Report) -> str:
    rows: list[Row] = [("", *AXES)]
    cells = (f"**{f['r']:.3f}** [{f['low_95']:.2f}, {f['high_95']:.2f}]" for f in (families[axis] for axis in AXES))
    rows.append(("Pearson r, each family left out [95 % interval, families drawn anew]", *cells))
    return f"""
### Pictures: families of themes left out

Themes lie near each other (a lake, a beach), so the table above flatters where a clip shows something that is in no
theme. Here whole families are left out, {families["valence"]["families"]:.0f} of them
(`training/affect/oasis_themes.csv`: fire and destruction, weather, water, faces, vermin, sport, ...), listed before
anything was fitted. What is stated of uncertainty rests on these figures.

{_table(rows)}

Tried and left out (`docs/results/pictures.md`): objective features of light, colour and texture beside the network;
EfficientNet-Lite0, at half the cost. Not tried here: a second network (open_nsfw), which doubles the time of a look. A
picture's mirror image feels the same: the heads are fitted to the mean of both.
"""


def _clips(video: Report) -> str:
    found = video["activity"]
    parts = ["## Clips: calm against busy", _activity(found), _areas(found), _tried(found), _lights(found)]
    return "\n\n".join(parts)


def _activity(found: Report) -> str:
    mixture = found["mixture"]
    columns = ", ".join(f"`{c}`" for c in mixture["columns"])
    return paragraph(f"""
    No clip is rated. {found["clips"]} are labelled calm or busy ({found["busy"]} busy), and a clip's arousal is what
    tells them apart: a head on what the network sees (ridge regression on the labelled clips and, with
    {1 - CLIPS_SHARE:.0%} of the weight, on OASIS's pictures of themes in action and at rest; strength {SHRINK:g};
    copies in other light weigh {ALIKE:g}), and motion and cuts with {mixture["share"]:.0%} of the weight ({columns}).
    No lightness, no colour. Below, each clip is read by a head that saw nothing of its source, and the weight of
    motion is chosen without it, by heads that saw neither. AUC with its 95 % interval, sources drawn anew; chance is
    .50.""")


def _areas(found: Report) -> str:
    rows: list[Row] = [("", "AUC [95 %]")]
    for key, label in (("all", "all"), ("activity_folder", "`activity/`"), ("clips_folder", "`clips/`")):
        f = found[key]
        rows.append((label, f"**{f['auc']:.3f}** [{f['low_95']:.2f}, {f['high_95']:.2f}]"))
    rows += [(f"`{name}` alone", f"{area:.3f}") for name, area in found["alone"].items()]
    return _table(rows)


def _tried(found: Report) -> str:
    rows: list[Row] = [("motion beside the head, its weight", *(f"{share:g}" for share in SHARES))]
    for columns in (USED, *OTHERS):
        name = " + ".join(f"`{column}`" for column in columns)
        rows.append((name, *(f"{found['tried'][mixture_name(columns, share)]:.3f}" for share in SHARES)))
    return "Everything that was tried, AUC on all clips, the weight the same for all of them:\n\n" + _table(rows)


def _lights(found: Report) -> str:
    cells = "; ".join(f"{copy} {f['mean']:.2f} (largest {f['largest']:.2f})" for copy, f in found["lights"].items())
    return paragraph(f"""
    How much the head's reading changes when a clip of a source left out is shown in other light, in SDs of the
    readings: {cells}. Of clips that were learnt from, arousal moves by less than
    a tenth, unless another number of cuts is found in the copy (2 of 135 dark, bright and grey ones, .17 at most).""")


def _calibration(report: Report, music_part: Trained, video_part: TrainedVideo) -> str:
    music, video = report["music"]["reference"], report["video"]
    rows: list[Row] = [("", "valence gain", "arousal gain", "valence SD", "arousal SD")]
    for name, model in (("music", music_part.model), ("clips", video_part.model), ("stills", video_part.still)):
        rows.append((name, *(f"{v:.3f}" for v in (*model.gain, *model.sd))))
    text = paragraph(f"""
    0 is neutral and 0.4 one SD of a reference population; means are kept inside the plane by x / (1 + x⁴)^¼, which
    leaves their order. Music: {music["vgmidi_pieces"]} renderings, {music["described_tracks"]} described and
    {music["real_tracks"]} unrated tracks, each kind with the same weight; neutral is half way between the two sides
    of the described tracks. {_kinds(report["music"]["scale"])} Clips: the {video["activity"]["clips"]} labelled ones,
    whose readings come from heads that saw nothing of their source. Stills: {video["corpus"]["items"]} pictures; they
    lie {-video_part.still.offset[1]:.2f} SD below the clips in arousal, since less goes on in them, and
    {video_part.still.offset[0]:.2f} SD above neutral in valence, where they were rated. The gain brings the predicted
    means of music to an SD of 1, of clips to {CLIP_SPREAD[0]:g} (valence: weak evidence must not decide a match) and
    {CLIP_SPREAD[1]:g} (arousal), of stills to {STILL_SPREAD[0]:g} and {STILL_SPREAD[1]:g}. The stated SD is the
    residual SD of 10 s windows for music; else sqrt(1 + g² - 2 g r), g being that spread. r is that of families for
    stills; for clips {FILM_VALENCE_R:g} is assumed of valence, and of arousal r = {video["arousal_r"]:.2f}, which is
    what an AUC of {video["arousal_r_from_auc"]:.2f} stands for, the lower bound of all clips above.""")
    return f"## Calibration\n\n{text}\n\n{_table(rows)}"


def _kinds(scale: Report) -> str:
    names = {"vgmidi": "the renderings", "macleod": "the described tracks", "real": "the unrated ones"}
    told = "; ".join(
        f"{names[kind]} at {f['mean'][0]:+.2f} ± {f['sd'][0]:.2f} in valence and {f['mean'][1]:+.2f} ± "
        f"{f['sd'][1]:.2f} in arousal"
        for kind, f in scale.items()
    )
    return f"On the plane lie {told}."


def _limits() -> str:
    return """
## Limits

- Music was rated as piano renderings by listeners of one online study; produced music has one composer's words only,
  and songs with words are untested. A relaxed groove (reggae, disco) reads as livelier than its composer says.
- The network knows what ImageNet's 1,000 names tell apart: animals, objects, vehicles, landscapes. It knows neither
  faces nor what people do to each other; drawn pictures, film scans and screens look alike to it.
- Calm and busy were told apart by one person from names and stills. A clip that is tense without action (a stare, a
  knife on a table) is read as calm. Of 119 clips that were never at hand an earlier trial of the same kind of head took
  surf, billiards, paragliding and squats for calm, yoga, talking heads and a camel ride for busy.
- Valence of clips is a weak guess.
- Ratings are averages over people; yours may differ.
- Name a mood only where the prediction is well off neutral.
"""


def _weights(title: str, model: LinearAffect, reasons: Mapping[str, str], note: str = "") -> str:
    rows: list[Row] = [("column", "scale", *AXES, "why")]
    for j, name in enumerate(model.columns):
        shown = (f"{w:+.3f}" if w else "" for w in model.weights[:, j])
        rows.append((f"`{name}`", model.transform[j], *shown, reasons[name]))
    return f"## {title}\n\nPer SD of a column, before the gain.{note}\n\n" + _table(rows)


def _table(rows: list[Row]) -> str:
    return table(rows[0], rows[1:], rule=" --- ")
