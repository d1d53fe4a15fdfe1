"""Torch modules; importing one of them imports torch, so nothing does at top level outside training."""
