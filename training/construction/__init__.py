"""Data sets of matched and mismatched pairs from anyone's labelled media."""

from training.construction.build import build
from training.construction.report import BuildReport

__all__ = ["BuildReport", "build"]
