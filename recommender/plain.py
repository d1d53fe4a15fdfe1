"""Plain words for the features an explanation may name; an editor reads them, a researcher reads the column."""

import re

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
    "cut_rate_per_min": "cuts per minute",
}

UNIT_SUFFIX = re.compile(r"_((widths_|lstar_)?per_(s|min|px)|hz|s|db|bpm|midi|lstar|lab|rgb|bits)$")

UNSPOKEN_UNITS = {"", "share", "ratio", "correlation", "distance", "1/s", "1/min", "M", "midi", "bits"}
"""Units that add nothing to the words: pure numbers, scales of their own, and rates that the words already give."""


def label(name: str) -> str:
    """Plain words for a column; its name without the unit when it has none."""
    return PLAIN.get(name) or UNIT_SUFFIX.sub("", name).replace("_", " ")


def amount(value: float, unit: str = "") -> str:
    """Three significant digits without an exponent, and the unit where it says something."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return digits if unit in UNSPOKEN_UNITS else f"{digits} {unit}"
