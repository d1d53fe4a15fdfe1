"""Numbers that the server and its workers share, without what workers import."""

PEAKS = 800
"""Columns of a waveform, where nothing else is asked for."""
LEVELS = {"speech_lu": 15.0, "lufs": -16.0, "peak": -1.0, "fade_in": None, "fade_out": None, "mute_clip": False}
"""How loud music lies, and how it begins and ends, where nothing else is asked for."""
