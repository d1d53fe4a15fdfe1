"""How likely a piece of music has a voice in it, by some seconds of it in which a detector of speech listens.

The detector (`silero`) was made for speech. Its mean is 0.02 in the median of 114 instrumentals, 0.4 and more where
somebody speaks over music, and 0.2 in the one sung track at hand (0.04 to 0.15 in quarters of that). It hears 4 s of
every 30: listening to all would make the analysis of music half as long again. `benchmarks/speech.py` has the measures.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from recommender.extractors.audio.silero import CHUNK_S, probabilities
from recommender.extractors.audio.silero import SR_HZ as HEARD_HZ
from recommender.extractors.audio.stft import SR_HZ
from recommender.types import Array

PIECE_S, PERIOD_S, FIRST_S = 4.0, 30.0, 2.0
LEAST_S = 1.0
"""Of the last piece, and so of a track: of less nothing is told."""
OFFSET, SLOPE, FLOOR = 7.11, 3.48, 0.01
"""voice = logistic(OFFSET + SLOPE ln(mean + FLOOR)) of the mean probability of speech: fitted to every other one of 114
instrumentals, as they are and with speech 6 dB louder than the music, as loud and 6 dB softer, at equal weight."""
SURE = 0.95
"""Nothing is told more surely: singing may go unheard."""
WORTH_S = 4.0
"""Seconds that a prior of even odds is worth beside what was heard."""


class Ear:
    """Listens to some of the mono blocks at `SR_HZ` that pass; memory does not grow with them."""

    def __init__(self) -> None:
        self._likely: list[Array] = []
        self._at = 0  # samples passed
        self._piece: list[Array] = []

    def listen(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """`blocks` float32, consecutive, as they are."""
        for block in blocks:
            self._hear(block)
            yield block
        self._judge()

    def _hear(self, block: Array) -> None:
        first, last = self._at, self._at + len(block)
        self._at = last
        while first < last:
            number = max(math.floor((first / SR_HZ - FIRST_S) / PERIOD_S), 0)
            start = round((FIRST_S + number * PERIOD_S) * SR_HZ)
            end, following = start + round(PIECE_S * SR_HZ), start + round(PERIOD_S * SR_HZ)
            if first < start:
                first = min(start, last)
            elif first < end:
                self._piece.append(block[first - last :][: end - first].copy())
                first = min(end, last)
                if first == end:
                    self._judge()
            else:
                first = min(following, last)

    def _judge(self) -> None:
        """Listen to the piece that was kept, if it is long enough."""
        samples = np.clip(np.nan_to_num(np.concatenate([*self._piece, np.empty(0, np.float32)])), -1, 1)
        self._piece = []
        if len(samples) >= LEAST_S * SR_HZ:
            self._likely.append(probabilities([_resample(samples)]))

    def facts(self) -> dict[str, float | None]:
        """`voice`, how likely there is one, and `voice_confidence`, how likely the likelier of both is right; None of
        what is too short."""
        likely = np.concatenate([*self._likely, np.empty(0, np.float32)])
        if not len(likely):
            return {"voice": None, "voice_confidence": None}
        voice = _voice(float(likely.mean()))
        heard_s = len(likely) * CHUNK_S
        sure = 0.5 + abs(voice - 0.5) * heard_s / (heard_s + WORTH_S)
        return {"voice": round(voice, 2), "voice_confidence": round(sure, 2)}


def _voice(mean: float) -> float:
    """How likely there is a voice, by the mean probability of speech."""
    likely = 1 / (1 + math.exp(-OFFSET - SLOPE * math.log(mean + FLOOR)))
    return min(max(likely, 1 - SURE), SURE)


def _resample(samples: Array) -> Array:
    """`samples` [n] at `SR_HZ` as float32 at `HEARD_HZ`, by their spectrum."""
    count = round(len(samples) * HEARD_HZ / SR_HZ)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(samples))).astype(np.float32)
