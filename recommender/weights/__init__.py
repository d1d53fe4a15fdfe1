"""Published checkpoints: fetched, verified, converted once to safetensors and loaded, with nothing unpickled."""

from recommender.weights.published import CHECKPOINTS, Checkpoint, checkpoint
from recommender.weights.shelf import load, present, pull, record, require, verify

__all__ = ["CHECKPOINTS", "Checkpoint", "checkpoint", "load", "present", "pull", "record", "require", "verify"]
