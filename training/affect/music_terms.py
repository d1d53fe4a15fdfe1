"""Music: which columns may speak for valence and arousal, and with which sign.

Signs come from studies of musical structure and emotion, not from the ratings they are then fitted to. No column
depends on absolute level: libraries are loudness-normalised, so that level says who mastered a file.

GL10: Gabrielsson & Lindström (2010), The role of structure in the musical expression of emotions, in Handbook of
Music and Emotion. EF13: Eerola, Friberg & Bresin (2013), Emotional expression in music: contribution, linearity, and
additivity of primary musical cues, Frontiers in Psychology 4:487. GD07: Gomez & Danuser (2007), Relationships between
musical structure and psychophysiological measures of emotion, Emotion 7. B13: Burger et al. (2013), Influences of
rhythm- and timbre-related musical features on characteristics of music-induced movement, Frontiers in Psychology 4.
TT13: Temperley & Tan (2013), Emotional connotations of diatonic modes, Music Perception 30.
"""

from training.affect.terms import Term, Terms

MUSIC = Terms(
    (
        # Harmony: mode and tonality speak for valence; what rubs speaks against it, and arouses.
        Term("mode_major", "identity", +1, 0, "major is happier than minor (GL10, EF13)"),
        Term("mode_major_local", "identity", +1, 0, "major is happier than minor (GL10, EF13)"),
        Term("major_window_share", "identity", +1, 0, "major is happier than minor (GL10, EF13)"),
        Term("major_chord_share", "identity", +1, 0, "major chords are happier (GL10)"),
        Term("chord_mode", "identity", +1, 0, "major chords are happier (GL10)"),
        Term("third_major_minus_minor", "identity", +1, 0, "the third makes the mode (GL10)"),
        Term("sixth_major_minus_minor", "identity", +1, 0, "so does the sixth (GL10)"),
        Term("key_clarity", "identity", +1, -1, "tonal and simple is pleasant; complex harmony arouses (GD07)"),
        Term("key_clarity_local", "identity", +1, 0, "tonal and simple is pleasant (GD07)"),
        Term("chord_clarity", "identity", +1, 0, "plain consonant chords are pleasant (GL10)"),
        Term("out_of_scale_share", "identity", -1, +1, "chromaticism: unpleasant, tense (GL10)"),
        Term("second_major_minus_minor", "identity", +1, 0, "Phrygian is the darkest of the modes (TT13)"),
        Term("fourth_minus_tritone", "identity", +1, -1, "tritones over the tonic: unpleasant, tense (GL10)"),
        Term("major_third_share", "identity", +1, 0, "sweet intervals (GL10)"),
        Term("semitone_share", "identity", -1, +1, "dissonant intervals: unpleasant, tense (GL10)"),
        Term("note_dissonance", "identity", 0, +1, "sensory dissonance arouses (GL10)"),
        Term("harmonic_change", "identity", +1, 0, "harmony that moves is livelier than a drone"),
        # Rhythm and articulation.
        Term("onset_rate_hz", "identity", +1, +1, "fast is happy and aroused (GL10, EF13)"),
        Term("inter_onset_interval_s", "log", -1, -1, "slow is sad and calm (GL10, EF13)"),
        Term("short_interval_s", "log", -1, -1, "fast is happy and aroused (GL10, EF13)"),
        Term("note_on_rate_hz", "identity", 0, +1, "many notes: activity (GL10)"),
        Term("note_duration_s", "log", -1, -1, "legato is sad and soft, staccato lively (EF13, GD07)"),
        Term("pulse_clarity", "identity", 0, +1, "a clear beat moves (B13)"),
        Term("onset_strength_db", "identity", +1, +1, "accents: lively (GD07)"),
        Term("bass_onset_strength_db", "identity", 0, +1, "accents in the bass move the body (B13)"),
        Term("fast_fluctuation_share", "identity", 0, +1, "quick changes of level: activity (B13)"),
        Term("onset_strength_variation", "identity", 0, -1, "rare single accents among quiet are calm"),
        # Texture, timbre, dynamics (all free of absolute level).
        Term("spectral_flux", "identity", 0, +1, "the sound keeps changing: activity (B13)"),
        Term("spectral_flux_variation", "identity", 0, -1, "rare single changes among rest are calm"),
        Term("spectral_entropy", "identity", 0, +1, "dense, noisy spectra are aroused (GL10)"),
        Term("spectral_rolloff_hz", "log", 0, +1, "bright timbre is aroused (GL10, EF13)"),
        Term("bass_share", "identity", 0, +1, "strong bass moves the body (B13)"),
        Term("low_register_share", "identity", 0, +1, "strong bass moves the body (B13)"),
        Term("polyphony", "identity", 0, +1, "full texture is powerful (GL10)"),
        Term("top_pitch_midi", "identity", +1, 0, "high register is happy (EF13)"),
        Term("crest_db", "identity", -1, -1, "single peaks over a quiet ground: sparse"),
        Term("low_energy_share", "identity", -1, -1, "long stretches of little energy: sparse"),
    )
)

WITH_LEVEL = Terms((*MUSIC.terms, Term("level_rms_db", "identity", 0, +1, "loud is aroused (GL10, EF13)")))
"""For comparison only: what absolute level would add on renderings that keep it."""

SHARED = Terms(
    (
        # Chroma as the table has it: means over frames, and their deviations, which leave out what sounds throughout.
        Term("mode_major", "identity", +1, 0, "major is happier than minor (GL10, EF13)"),
        Term("mode_major_moving", "identity", +1, 0, "major is happier than minor (GL10, EF13)"),
        Term("key_clarity", "identity", +1, 0, "tonal and simple is pleasant (GD07)"),
        Term("key_clarity_moving", "identity", +1, 0, "tonal and simple is pleasant (GD07)"),
        Term("second_major_minus_minor", "identity", +1, 0, "Phrygian is the darkest of the modes (TT13)"),
        Term("third_major_minus_minor", "identity", +1, 0, "the third makes the mode (GL10)"),
        Term("fourth_minus_tritone", "identity", +1, 0, "tritones over the tonic: unpleasant (GL10)"),
        Term("sixth_major_minus_minor", "identity", +1, 0, "so does the sixth (GL10)"),
        Term("out_of_scale_share", "identity", -1, 0, "chromaticism: unpleasant (GL10)"),
        # Dynamics, free of level.
        Term("rms_variation", "identity", -1, -1, "single peaks over a quiet ground: sparse"),
        Term("rms_peak", "log", -1, -1, "single peaks over a quiet ground: sparse"),
        Term("rms_skew", "identity", -1, -1, "single peaks over a quiet ground: sparse"),
        Term("rms_median", "identity", +1, +1, "the sound carries on instead of dying away"),
        # Timbre.
        Term("spectral_centroid_hz", "log", +1, +1, "bright timbre is happy and aroused (GL10, EF13)"),
        Term("spectral_rolloff_hz", "log", +1, +1, "bright timbre is happy and aroused (GL10, EF13)"),
        Term("spectral_bandwidth_hz", "log", +1, +1, "wide spectra are aroused (GL10), bright ones happy (EF13)"),
        Term("zcr", "log", +1, +1, "noisy, bright sound is aroused (GL10), bright sound happy (EF13)"),
        Term("mel_fullness_db", "identity", 0, +1, "dense spectra are aroused (GL10)"),
        # Level.
        Term("level_mfcc_0", "identity", 0, +1, "loud throughout all bands is aroused (GL10)"),
        Term("level_rms", "log", 0, +1, "loud is aroused (GL10, EF13)"),
        Term("level_rms_std", "log", 0, +1, "strong accents (GL10)"),
    )
)
"""What can be read from PMEmo's table (see `training.affect.pmemo_columns`) and the literature gives a sign.

Whether deviations of the chroma and bright timbre are offered to valence was settled by the mean of both corpora's own
grouped folds, (r .59 + .51) / 2 without either and (r .60 + .61) / 2 with both, not by what carries over.
"""

SHARED_WITHOUT_LEVEL = Terms(tuple(t for t in SHARED.terms if not t.column.startswith("level_")))
