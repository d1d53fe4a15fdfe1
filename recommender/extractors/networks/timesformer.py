"""TimeSformer (Bertasius et al. 2021, "Is space-time attention all you need for video understanding?") as features.

The network is the one of the package transformers, with divided space-time attention: every layer attends over the
eight frames of a patch, then over the 196 patches of a frame. Its class token after the last layer and the final
normalisation, which the published classifier reads, are the features.
"""

from torch import Tensor, nn

DIM = 768


class TimeSformer(nn.Module):
    """Clips [n, 3, 8, 224, 224] -> features [n, 768] by a `transformers.TimesformerModel`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, clips: Tensor) -> Tensor:
        return self.model(clips.transpose(1, 2)).last_hidden_state[:, 0]
