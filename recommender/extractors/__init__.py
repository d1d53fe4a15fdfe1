"""Extractors: a waveform or a stream of frames in, named objective features per window and per item out."""
