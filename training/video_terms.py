"""Pictures and clips: which columns may speak, with which sign, and what film studies add for motion.

Signs come from studies of colour, complexity and film, not from the ratings they are then fitted to; the choice of
columns follows surveys of the same pictures, so their figures are somewhat on the bright side: what edges, directions,
texture and blue add to arousal (r .24 to .45) was found among some 400 columns. A search inside every training fold
reaches .42 (`benchmarks/picture_search.py`).

VM94: Valdez & Mehrabian (1994), Effects of color on emotions, J. Exp. Psych. General 123. D06: Datta et al. (2006),
Studying aesthetics in photographic images, ECCV. R04: Reber, Schwarz & Winkielman (2004), Processing fluency and
aesthetic pleasure. B71: Berlyne (1971), Aesthetics and psychobiology. PS10: Palmer & Schloss (2010), An ecological
valence theory of human color preference, PNAS 107. WO18: Wilms & Oberfeld (2018), Color and emotion.
A74: Arnheim (1974), Art and visual perception.
LA15: coefficients over the 9,800 film clips of LIRIS-ACCEDE (Baveye et al. 2015), all columns standardised.
"""

from training.terms import Prior, Term, Terms

PICTURES = Terms(
    (
        Term("lightness_lstar", "identity", +1, -1, "light is pleasant and calming (VM94)"),
        Term("lightness_p1_lstar", "identity", 0, -1, "without deep shadows a picture is flat and quiet"),
        Term("contrast_lstar", "identity", 0, +1, "contrast is arousing (B71)"),
        Term("saturation", "identity", +1, +1, "saturated colours please and arouse (VM94)"),
        Term("chroma_p95_lab", "identity", +1, 0, "vivid spots please (VM94)"),
        Term("colourfulness_rgb", "identity", +1, +1, "colourful pictures please and arouse (VM94, D06)"),
        Term("colour_entropy_bits", "identity", +1, +1, "variety of colour (B71)"),
        Term("yellow_green_share", "identity", +1, 0, "vegetation: nature is liked (PS10)"),
        Term("blue_share", "identity", +1, +1, "sky and water are liked (PS10); out of doors, where things happen"),
        Term("red_share", "identity", 0, +1, "red arouses (WO18)"),
        Term("grey_share", "identity", -1, -1, "absence of colour is dull (VM94)"),
        Term("white_share", "identity", 0, -1, "empty white background: an object shown, nothing happens"),
        Term("black_share", "identity", -1, 0, "darkness is unpleasant (VM94)"),
        Term("gradient_lstar_per_px", "identity", -1, 0, "clutter is hard to read (R04)"),
        Term("edge_spread", "identity", -1, 0, "detail gathered on a subject is liked: shallow focus (D06)"),
        Term("anisotropy", "identity", 0, -1, "one direction throughout: walls, horizons, calm water"),
        Term("local_anisotropy", "identity", 0, -1, "clean straight edges: things built, and at rest"),
        Term("upright_share", "identity", 0, -1, "what stands upright is at rest, what leans moves (A74)"),
        Term("direction_entropy_bits", "identity", 0, +1, "lines in all directions are unrest (A74)"),
        Term("texture_correlation", "identity", 0, +1, "large forms: something is close to the viewer"),
        Term("texture_homogeneity", "identity", +1, 0, "smooth surfaces are easy to read (R04)"),
        Term("fine_detail_share", "identity", 0, -1, "fine texture: distant, nothing close to the viewer"),
        Term("lightness_entropy_bits", "identity", 0, +1, "complexity arouses in pictures (B71)"),
        Term("centre_lightness_lstar", "identity", +1, 0, "a lit subject (VM94)"),
        Term("centre_contrast_lstar", "identity", +1, 0, "the subject lighter than its surround (D06)"),
        Term("thirds_ratio", "identity", +1, 0, "a composed picture: rule of thirds (D06)"),
        Term("salient_contrast_lstar", "identity", 0, +1, "contrast where one looks (B71)"),
        Term("salient_difference_lab", "identity", +1, 0, "a clear figure on its ground (R04)"),
        Term("symmetry", "identity", +1, 0, "symmetry is easy to read (R04)"),
    )
)

FILM = (
    Prior("colourfulness_rgb", "identity", +0.10, 0.0, "LA15"),
    Prior("lightness_lstar", "identity", +0.08, -0.06, "LA15"),
    Prior("lightness_entropy_bits", "identity", 0.0, -0.055, "LA15: complexity"),
    # One coefficient, +.12, for motion; its amount, its peaks and its changes share it, as none is the whole of it.
    Prior("motion_widths_per_s", "log", 0.0, +0.04, "LA15: motion +.12, a third; perceived by ratio"),
    Prior("motion_p90_widths_per_s", "log", 0.0, +0.04, "LA15: motion +.12, a third; perceived by ratio"),
    Prior("motion_sd_widths_per_s", "log", 0.0, +0.04, "LA15: motion +.12, a third; perceived by ratio"),
    # Not by ratio: most clips have no cut at all, and none is no small rate.
    Prior("cut_rate_per_min", "identity", -0.06, +0.10, "LA15: cuts"),
)
MOVING = ("motion_widths_per_s", "motion_p90_widths_per_s", "motion_sd_widths_per_s", "cut_rate_per_min")
"""Columns that a still picture says nothing about."""

PICTURE_SHARE = {"valence": 0.15, "arousal": 0.05}
"""Standardised coefficients of the whole picture predictor (its output at unit variance) within a clip. Valence:
as much as the film coefficients together (0.14). Arousal: pictures explain r = .09 of film arousal, motion and cuts
raise it to .25 (LA15), so that the picture stays a minor term."""

FILM_AROUSAL_R = 0.30
"""Correlation that audiovisual features of this kind reach on LIRIS-ACCEDE's arousal: we have no rated clips."""

VALENCE_GAIN = 0.5
"""Clip valence is spread only half as wide as that of music: weak evidence must not decide a match."""
