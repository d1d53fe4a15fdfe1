"""Evaluation: intervals, significance, slices, TREC files and the log of what was scored when."""
