"""Retrieval models of a trained system: `recommend train retrieval` and `rated`."""
