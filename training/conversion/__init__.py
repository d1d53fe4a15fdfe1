"""Weights that a registry package ships, brought once into the form that this package carries."""
