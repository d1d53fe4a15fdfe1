"""Plain words for the features an explanation may name; an editor reads them, a researcher reads the column."""

import re
from typing import NamedTuple

PLAIN = {
    # music
    "mode_major": "major character",
    "mode_major_local": "major character from moment to moment",
    "major_window_share": "time spent in major",
    "major_chord_share": "share of major chords",
    "chord_mode": "major over minor chords",
    "third_major_minus_minor": "major over minor thirds",
    "sixth_major_minus_minor": "major over minor sixths",
    "second_major_minus_minor": "open over grating seconds",
    "fourth_minus_tritone": "settled over uneasy intervals",
    "major_third_share": "share of bright thirds",
    "semitone_share": "clashing semitones",
    "tritone_share": "uneasy tritones",
    "out_of_scale_share": "notes outside the key",
    "note_dissonance": "dissonance",
    "roughness": "roughness of the sound",
    "key_clarity": "clear key",
    "key_clarity_local": "clear key from moment to moment",
    "chord_clarity": "clear chords",
    "harmonic_change": "movement of the harmony",
    "onset_rate_hz": "beats and notes per second",
    "inter_onset_interval_s": "time between notes",
    "short_interval_s": "time between the quickest notes",
    "note_on_rate_hz": "notes per second",
    "note_duration_s": "length of notes",
    "onset_strength_db": "force of attacks",
    "bass_onset_strength_db": "force of bass accents",
    "fast_fluctuation_share": "quick changes of loudness",
    "spectral_flux": "liveliness of the sound",
    "spectral_entropy": "density of the sound",
    "spectral_rolloff_hz": "brightness of the sound, up to",
    "bass_share": "bass",
    "low_register_share": "weight of the low register",
    "polyphony": "voices at once",
    "top_pitch_midi": "height of the top voice",
    "crest_db": "peaks over the average level",
    "low_energy_share": "quiet moments",
    # video
    "lightness_lstar": "lightness",
    "lightness_p1_lstar": "lightness of the deepest shadows",
    "saturation": "saturation",
    "chroma_p95_lab": "vividness of the strongest colours",
    "colourfulness_rgb": "colourfulness",
    "colour_entropy_bits": "variety of colours",
    "yellow_green_share": "greenery",
    "blue_share": "blue of sky and water",
    "red_share": "red",
    "grey_share": "grey",
    "white_share": "white",
    "black_share": "black",
    "gradient_lstar_per_px": "visual clutter",
    "edge_spread": "detail gathered on a subject",
    "anisotropy": "lines in one direction",
    "local_anisotropy": "clean straight edges",
    "upright_share": "upright lines",
    "direction_entropy_bits": "lines in all directions",
    "texture_correlation": "large forms",
    "texture_homogeneity": "smooth surfaces",
    "fine_detail_share": "fine detail",
    "lightness_entropy_bits": "complexity",
    "centre_lightness_lstar": "light on the centre",
    "centre_contrast_lstar": "centre lighter than its surroundings",
    "thirds_ratio": "composition in thirds",
    "contrast_lstar": "contrast",
    "symmetry": "symmetry",
    "salient_contrast_lstar": "contrast where one looks",
    "salient_difference_lab": "figure apart from its ground",
    "motion_widths_per_s": "motion",
    "motion_p90_widths_per_s": "strongest motion",
    "motion_sd_widths_per_s": "changes of motion",
    "local_motion_widths_per_s": "motion of objects",
    "picture_valence": "pleasantness of what is shown",
    "picture_arousal": "stir of what is shown",
    "activity": "action in what is shown",
    "cut_rate_per_min": "cuts per minute",
}


class Words(NamedTuple):
    """What an editor says of a column: `high` above the library's median, `low` below it.

    `about`: columns with the same are heard or seen as one thing, so only one of them speaks for a track. `level`:
    where `high` and `low` part whatever the library holds: what is above the median but below the level is `higher`
    ("less minor"), not `high` ("major"), and what is below the median but above the level is `lower`.
    """

    high: str
    low: str
    about: str
    level: float | None = None
    higher: str = ""
    lower: str = ""


MAJOR = Words("major", "minor", "mode", 0.0, "less minor", "less major")
CHORDS = Words("major chords", "minor chords", "mode", 0.0, "fewer minor chords", "fewer major chords")
MOTION = Words("much motion", "little motion", "motion", 0.05, "some motion", "less motion")

WORDS = {
    # music
    "mode_major": MAJOR,
    "mode_major_local": MAJOR,
    "major_window_share": MAJOR._replace(level=0.5),
    "major_chord_share": CHORDS._replace(level=0.5),
    "chord_mode": CHORDS,
    "third_major_minus_minor": MAJOR,
    "sixth_major_minus_minor": Words("warm harmony", "sombre harmony", "mode"),
    "second_major_minus_minor": Words("open harmony", "grating harmony", "tension"),
    "fourth_minus_tritone": Words("settled harmony", "uneasy harmony", "tension"),
    "major_third_share": Words("full chords", "bare chords", "chords"),
    "semitone_share": Words("clashing notes", "few clashing notes", "tension"),
    "tritone_share": Words("uneasy harmony", "settled harmony", "tension"),
    "note_dissonance": Words("dissonant", "consonant", "tension"),
    "roughness": Words("rough sound", "smooth sound", "tension"),
    "out_of_scale_share": Words("notes outside the key", "keeps to its key", "key"),
    "key_clarity": Words("clear key", "no clear key", "key"),
    "key_clarity_local": Words("clear key", "no clear key", "key"),
    "chord_clarity": Words("clear chords", "no clear chords", "chords"),
    "harmonic_change": Words("moving harmony", "still harmony", "harmonic rhythm"),
    # Quick notes make no quick tempo (a slow waltz has them too). Where even those are slow, the music is: of 83 pieces
    # none that lies above this level on average is bouncy, bright or driving by its composer's word.
    "short_interval_s": Words("slow", "quick notes", "pace", 0.35, "few quick notes", "less slow"),
    "onset_rate_hz": Words("busy rhythm", "sparse rhythm", "pace", 2.5, "livelier rhythm", "calmer rhythm"),
    "inter_onset_interval_s": Words("sparse rhythm", "busy rhythm", "pace", 0.4, "calmer rhythm", "livelier rhythm"),
    "note_on_rate_hz": Words("busy melody", "sparse melody", "pace"),
    "fast_fluctuation_share": Words("lively pulse", "smooth flow", "pace"),
    "note_duration_s": Words("held notes", "short notes", "length of notes"),
    "onset_strength_db": Words("hard attacks", "soft attacks", "attack"),
    "bass_onset_strength_db": Words("punchy bass accents", "soft bass accents", "attack"),
    "spectral_flux": Words("lively sound", "still sound", "attack"),
    "spectral_entropy": Words("dense sound", "lean sound", "density"),
    "polyphony": Words("many voices", "few voices", "density"),
    "spectral_rolloff_hz": Words("bright sound", "dark sound", "brightness"),
    "bass_share": Words("much bass", "little bass", "register"),
    "low_register_share": Words("many low notes", "few low notes", "register"),
    "top_pitch_midi": Words("high melody", "low melody", "register"),
    "crest_db": Words("wide dynamics", "even loudness", "dynamics"),
    "low_energy_share": Words("quiet moments", "even loudness", "dynamics"),
    # video
    "lightness_lstar": Words("light picture", "dark picture", "light", 50.0, "less dark", "less light"),
    "centre_lightness_lstar": Words("light picture", "dark picture", "light", 50.0, "less dark", "less light"),
    "lightness_p1_lstar": Words("faint shadows", "deep shadows", "shadows"),
    "black_share": Words("much black", "little black", "shadows"),
    "white_share": Words("much white", "little white", "white"),
    "saturation": Words("strong colours", "muted colours", "colour"),
    "chroma_p95_lab": Words("strong colours", "muted colours", "colour"),
    "colourfulness_rgb": Words("colourful", "little colour", "colour"),
    "colour_entropy_bits": Words("many colours", "few colours", "colour"),
    "grey_share": Words("much grey", "little grey", "colour"),
    "yellow_green_share": Words("much green", "little green", "green"),
    "blue_share": Words("much blue", "little blue", "blue"),
    "red_share": Words("warm colours", "few warm colours", "red"),
    "gradient_lstar_per_px": Words("busy picture", "plain picture", "detail"),
    "texture_correlation": Words("large forms", "fine detail", "detail"),
    "texture_homogeneity": Words("smooth surfaces", "rough surfaces", "detail"),
    "fine_detail_share": Words("fine detail", "large forms", "detail"),
    "lightness_entropy_bits": Words("complex picture", "simple picture", "detail"),
    "edge_spread": Words("detail all over", "detail in one place", "composition"),
    "thirds_ratio": Words("composed in thirds", "not in thirds", "composition"),
    "symmetry": Words("symmetrical", "asymmetrical", "composition"),
    "anisotropy": Words("lines in one direction", "lines in all directions", "lines"),
    "local_anisotropy": Words("clean edges", "tangled edges", "lines"),
    "upright_share": Words("upright lines", "few upright lines", "lines"),
    "direction_entropy_bits": Words("lines in all directions", "lines in one direction", "lines"),
    "centre_contrast_lstar": Words("lit centre", "lit edges", "centre", 0.0, "less lit edges", "less lit centre"),
    "contrast_lstar": Words("high contrast", "low contrast", "contrast"),
    "salient_contrast_lstar": Words("high contrast", "low contrast", "contrast"),
    "salient_difference_lab": Words("figure stands out", "figure blends in", "figure"),
    "motion_widths_per_s": MOTION,
    "motion_p90_widths_per_s": MOTION._replace(level=0.1),
    "motion_sd_widths_per_s": Words("uneven motion", "steady motion", "motion"),
    "local_motion_widths_per_s": MOTION._replace(level=0.02),
    "picture_valence": Words("pleasant pictures", "unpleasant pictures", "pictures"),
    "picture_arousal": Words("stirring pictures", "quiet pictures", "stir"),
    "activity": Words("much going on", "little going on", "activity"),
    # A cut every six seconds: fewer are not quick, even where most clips of a library have none.
    "cut_rate_per_min": Words("quick cutting", "long shots", "cutting", 10.0, "some cuts", "slower cutting"),
}
"""An editor's words for each column; musical ones were held against pieces whose composer says how they feel."""

UNIT_SUFFIX = re.compile(r"_((widths_|lstar_)?per_(s|min|px)|hz|s|db|bpm|midi|lstar|lab|rgb|bits)$")

UNSPOKEN_UNITS = {"", "share", "ratio", "correlation", "distance", "1/s", "1/min", "M", "midi", "bits"}
"""Units that add nothing to the words: pure numbers, scales of their own, and rates that the words already give."""


def label(name: str) -> str:
    """Plain words for a column; its name without the unit when it has none."""
    return PLAIN.get(name) or UNIT_SUFFIX.sub("", name).replace("_", " ")


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
    return WORDS.get(name) or Words(f"much {plain}", f"little {plain}", plain)


def amount(value: float, unit: str = "") -> str:
    """Three significant digits without an exponent, and the unit where it says something."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return digits if unit in UNSPOKEN_UNITS else f"{digits} {unit}"
