"""Models: a folder each, loaded by name or path, with the revision that ties vectors to what made them."""

from recommender.model.base import KINDS, Model
from recommender.model.folder import FORMAT, MODELS, available

__all__ = ["FORMAT", "KINDS", "MODELS", "Model", "available"]
