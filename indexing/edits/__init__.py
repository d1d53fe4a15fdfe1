"""Finished films as ground truth: which track of a library lies under each, where and from which in-point."""
