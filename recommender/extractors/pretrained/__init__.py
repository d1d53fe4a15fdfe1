"""Extractors that run pretrained networks, for models that read them: VGGish of sound, SlowFast of pictures.

The networks' weights are published checkpoints that `recommend models pull` fetches once; torch is loaded when the
first file is measured.
"""
