"""Plain words for the features an explanation may name; an editor reads them, a researcher reads the column."""

import re
from typing import NamedTuple


class Words(NamedTuple):
    """What an editor says of a column: `label` names it, `high` is above the library's median, `low` below it.

    `about`: columns with the same are heard or seen as one thing, so only one of them speaks for a track. `level`:
    where `high` and `low` part whatever the library holds: what is above the median but below the level is `higher`
    ("less minor"), not `high` ("major"), and what is below the median but above the level is `lower`.
    """

    label: str
    high: str
    low: str
    about: str
    level: float | None = None
    higher: str = ""
    lower: str = ""


MAJOR = Words("", "major", "minor", "mode", 0.0, "less minor", "less major")
CHORDS = Words("", "major chords", "minor chords", "mode", 0.0, "fewer minor chords", "fewer major chords")
LIGHT = Words("", "light picture", "dark picture", "light", 50.0, "less dark", "less light")
ALL_WAYS = Words("", "lines in all directions", "lines in one direction", "lines")
CENTRE = Words("", "lit centre", "lit edges", "centre", 0.0, "less lit edges", "less lit centre")
BUSY = Words("", "busy rhythm", "sparse rhythm", "pace", 2.5, "livelier rhythm", "calmer rhythm")
SPARSE = Words("", "sparse rhythm", "busy rhythm", "pace", 0.4, "calmer rhythm", "livelier rhythm")
SLOW = Words("", "slow", "quick notes", "pace", 0.35, "few quick notes", "less slow")
CUTS = Words("", "quick cutting", "long shots", "cutting", 10.0, "some cuts", "slower cutting")
MOTION = Words("", "much motion", "little motion", "motion", 0.05, "some motion", "less motion")

WORDS = {
    # music
    "mode_major": MAJOR._replace(label="major character"),
    "mode_major_local": MAJOR._replace(label="major character from moment to moment"),
    "major_window_share": MAJOR._replace(label="time spent in major", level=0.5),
    "major_chord_share": CHORDS._replace(label="share of major chords", level=0.5),
    "chord_mode": CHORDS._replace(label="major over minor chords"),
    "third_major_minus_minor": MAJOR._replace(label="major over minor thirds"),
    "sixth_major_minus_minor": Words("major over minor sixths", "warm harmony", "sombre harmony", "mode"),
    "second_major_minus_minor": Words("open over grating seconds", "open harmony", "grating harmony", "tension"),
    "fourth_minus_tritone": Words("settled over uneasy intervals", "settled harmony", "uneasy harmony", "tension"),
    "major_third_share": Words("share of bright thirds", "full chords", "bare chords", "chords"),
    "semitone_share": Words("clashing semitones", "clashing notes", "few clashing notes", "tension"),
    "tritone_share": Words("uneasy tritones", "uneasy harmony", "settled harmony", "tension"),
    "note_dissonance": Words("dissonance", "dissonant", "consonant", "tension"),
    "roughness": Words("roughness of the sound", "rough sound", "smooth sound", "tension"),
    "out_of_scale_share": Words("notes outside the key", "notes outside the key", "keeps to its key", "key"),
    "key_clarity": Words("clear key", "clear key", "no clear key", "key"),
    "key_clarity_local": Words("clear key from moment to moment", "clear key", "no clear key", "key"),
    "chord_clarity": Words("clear chords", "clear chords", "no clear chords", "chords"),
    "harmonic_change": Words("movement of the harmony", "moving harmony", "still harmony", "harmonic rhythm"),
    # Quick notes make no quick tempo (a slow waltz has them too). Where even those are slow, the music is: of 83 pieces
    # none that lies above this level on average is bouncy, bright or driving by its composer's word.
    "short_interval_s": SLOW._replace(label="time between the quickest notes"),
    "onset_rate_hz": BUSY._replace(label="beats and notes per second"),
    "inter_onset_interval_s": SPARSE._replace(label="time between notes"),
    "note_on_rate_hz": Words("notes per second", "busy melody", "sparse melody", "pace"),
    "fast_fluctuation_share": Words("quick changes of loudness", "lively pulse", "smooth flow", "pace"),
    "note_duration_s": Words("length of notes", "held notes", "short notes", "length of notes"),
    "onset_strength_db": Words("force of attacks", "hard attacks", "soft attacks", "attack"),
    "bass_onset_strength_db": Words("force of bass accents", "punchy bass accents", "soft bass accents", "attack"),
    "spectral_flux": Words("liveliness of the sound", "lively sound", "still sound", "attack"),
    "spectral_entropy": Words("density of the sound", "dense sound", "lean sound", "density"),
    "polyphony": Words("voices at once", "many voices", "few voices", "density"),
    "spectral_rolloff_hz": Words("brightness of the sound, up to", "bright sound", "dark sound", "brightness"),
    "bass_share": Words("bass", "much bass", "little bass", "register"),
    "low_register_share": Words("weight of the low register", "many low notes", "few low notes", "register"),
    "top_pitch_midi": Words("height of the top voice", "high melody", "low melody", "register"),
    "crest_db": Words("peaks over the average level", "wide dynamics", "even loudness", "dynamics"),
    "low_energy_share": Words("quiet moments", "quiet moments", "even loudness", "dynamics"),
    # video
    "lightness_lstar": LIGHT._replace(label="lightness"),
    "centre_lightness_lstar": LIGHT._replace(label="light on the centre"),
    "lightness_p1_lstar": Words("lightness of the deepest shadows", "faint shadows", "deep shadows", "shadows"),
    "black_share": Words("black", "much black", "little black", "shadows"),
    "white_share": Words("white", "much white", "little white", "white"),
    "saturation": Words("saturation", "strong colours", "muted colours", "colour"),
    "chroma_p95_lab": Words("vividness of the strongest colours", "strong colours", "muted colours", "colour"),
    "colourfulness_rgb": Words("colourfulness", "colourful", "little colour", "colour"),
    "colour_entropy_bits": Words("variety of colours", "many colours", "few colours", "colour"),
    "grey_share": Words("grey", "much grey", "little grey", "colour"),
    "yellow_green_share": Words("greenery", "much green", "little green", "green"),
    "blue_share": Words("blue of sky and water", "much blue", "little blue", "blue"),
    "red_share": Words("red", "warm colours", "few warm colours", "red"),
    "gradient_lstar_per_px": Words("visual clutter", "busy picture", "plain picture", "detail"),
    "texture_correlation": Words("large forms", "large forms", "fine detail", "detail"),
    "texture_homogeneity": Words("smooth surfaces", "smooth surfaces", "rough surfaces", "detail"),
    "fine_detail_share": Words("fine detail", "fine detail", "large forms", "detail"),
    "lightness_entropy_bits": Words("complexity", "complex picture", "simple picture", "detail"),
    "edge_spread": Words("detail gathered on a subject", "detail all over", "detail in one place", "composition"),
    "thirds_ratio": Words("composition in thirds", "composed in thirds", "not in thirds", "composition"),
    "symmetry": Words("symmetry", "symmetrical", "asymmetrical", "composition"),
    "anisotropy": Words("lines in one direction", "lines in one direction", "lines in all directions", "lines"),
    "local_anisotropy": Words("clean straight edges", "clean edges", "tangled edges", "lines"),
    "upright_share": Words("upright lines", "upright lines", "few upright lines", "lines"),
    "direction_entropy_bits": ALL_WAYS._replace(label="lines in all directions"),
    "centre_contrast_lstar": CENTRE._replace(label="centre lighter than its surroundings"),
    "contrast_lstar": Words("contrast", "high contrast", "low contrast", "contrast"),
    "salient_contrast_lstar": Words("contrast where one looks", "high contrast", "low contrast", "contrast"),
    "salient_difference_lab": Words("figure apart from its ground", "figure stands out", "figure blends in", "figure"),
    "motion_widths_per_s": MOTION._replace(label="motion"),
    "motion_p90_widths_per_s": MOTION._replace(label="strongest motion", level=0.1),
    "motion_sd_widths_per_s": Words("changes of motion", "uneven motion", "steady motion", "motion"),
    "local_motion_widths_per_s": MOTION._replace(label="motion of objects", level=0.02),
    "picture_valence": Words("pleasantness of what is shown", "pleasant pictures", "unpleasant pictures", "pictures"),
    "picture_arousal": Words("stir of what is shown", "stirring pictures", "quiet pictures", "stir"),
    "activity": Words("action in what is shown", "much going on", "little going on", "activity"),
    # A cut every six seconds: fewer are not quick, even where most clips of a library have none.
    "cut_rate_per_min": CUTS._replace(label="cuts per minute"),
}
"""By column that an explanation may name; musical words were held against pieces whose composer says how they feel."""

UNIT_SUFFIX = re.compile(r"_((widths_|lstar_)?per_(s|min|px)|hz|s|db|bpm|midi|lstar|lab|rgb|bits)$")

UNSPOKEN_UNITS = {"", "share", "ratio", "correlation", "distance", "1/s", "1/min", "M", "midi", "bits"}
"""Units that add nothing to the words: pure numbers, scales of their own, and rates that the words already give."""


def label(name: str) -> str:
    """Plain words for a column; its name without the unit when it has none."""
    return WORDS[name].label if name in WORDS else UNIT_SUFFIX.sub("", name).replace("_", " ")


def words(name: str, value: float, median: float) -> str:
    """An editor's words for a value of a column that is not at the library's `median`: `slow`, `less minor`."""
    known = _words(name)
    above = value > median
    if known.level is None or (value > known.level) == above:
        return known.high if above else known.low
    return known.higher if above else known.lower


def about(name: str) -> str:
    """What a column is about; columns with equal answers say nearly the same of a track."""
    return _words(name).about


def _words(name: str) -> Words:
    plain = label(name)
    return WORDS.get(name) or Words(plain, f"much {plain}", f"little {plain}", plain)


def amount(value: float, unit: str = "") -> str:
    """Three significant digits without an exponent, and the unit where it says something."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return digits if unit in UNSPOKEN_UNITS else f"{digits} {unit}"
