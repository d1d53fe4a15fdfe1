"""Saved models beside the systems that a benchmark fits."""

from dataclasses import dataclass

from recommender.model.retrieval import RetrievalModel
from training.types import Extra, Pairs


@dataclass(frozen=True)
class Saved:
    """A trained model as a system of the benchmark: fitting gives the model itself."""

    model: RetrievalModel

    @property
    def name(self) -> str:
        return self.model.name

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> RetrievalModel:
        """The model as it is; nothing is learnt."""
        return self.model

    def __repr__(self) -> str:
        model = self.model
        return f"Saved(name={model.name!r}, revision={model.revision!r}, trained_on={dict(model.trained_on)!r})"
