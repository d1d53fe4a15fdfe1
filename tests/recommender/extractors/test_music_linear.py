import os
import subprocess
import sys

import numpy as np
import pytest

from recommender.extractors.audio.linear import Banded, product
from recommender.extractors.audio.stft import HOP, N_FFT, hann, transform
from recommender.extractors.running import quantiles

PROGRAM = """
import hashlib, numpy as np
from recommender.extractors.audio.music import from_blocks
y = (0.1 * np.random.default_rng(3).normal(size=22050 * 40)).astype(np.float32)
y += 0.1 * np.sin(2 * np.pi * 330 * np.arange(len(y)) / 22050).astype(np.float32)
found = from_blocks([y])
print(hashlib.sha256(found.values.tobytes() + found.item.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("n", [1, 2, 15, 16, 31, 128])
def test_a_product_in_pieces_is_the_product(n: int) -> None:
    rng = np.random.default_rng(n)
    rows, matrix = rng.normal(size=(n, 263)), rng.normal(size=(263, 64))
    np.testing.assert_allclose(product(rows, matrix), rows @ matrix, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(product(rows[:, ::2], matrix[::2]), rows[:, ::2] @ matrix[::2], atol=1e-12)


def test_a_banded_product_is_the_product() -> None:
    matrix = np.triu(np.tril(np.random.default_rng(0).normal(size=(40, 40)), 3), -3).astype(np.float32)
    matrix[:, 7] = 0
    rows = np.random.default_rng(1).normal(size=(9, 40)).astype(np.float32)
    np.testing.assert_allclose(Banded(matrix, 5).apply(rows), rows @ matrix, atol=1e-5)


def test_the_number_of_threads_changes_no_bit() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("frames", [1, 31, 33])
def test_the_power_of_a_chunk_is_that_of_numpys_transform(frames: int) -> None:
    samples = np.random.default_rng(frames).normal(size=(frames - 1) * HOP + N_FFT).astype(np.float32)
    chunk = transform(samples)
    windowed = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP] * hann().astype(np.float64)
    expected = np.square(np.abs(np.fft.rfft(windowed)))
    np.testing.assert_allclose(chunk.power, expected, rtol=1e-4, atol=1e-6 * expected.max())
    np.testing.assert_allclose(chunk.magnitude, np.sqrt(chunk.power), rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5, 431])
def test_quantiles_are_those_of_numpy(n: int) -> None:
    series = np.random.default_rng(n).normal(size=n)
    np.testing.assert_allclose(quantiles(series, (0, 0.1, 0.5, 0.95, 1)), np.quantile(series, (0, 0.1, 0.5, 0.95, 1)))
