"""The generator gives the published numbers, and its normal numbers are normal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pyro.native.library import library


def philox(counter: list[int], key: list[int]) -> list[int]:
    inputs = np.array(counter, np.uint64), np.array(key, np.uint64)
    out = np.empty(4, np.uint64)
    library().pyro_philox(*(array.ctypes.data for array in (*inputs, out)))
    return [int(word) for word in out]


def drawn(kind: str, seed: int, chain: int, count: int) -> np.ndarray:
    out = np.empty(count)
    getattr(library(), f"pyro_{kind}")(seed, chain, count, out.ctypes.data)
    return out


def test_known_answers() -> None:
    words = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert philox([0, 0, 0, 0], [0, 0]) == words


@pytest.mark.parametrize("key", [[1, 2], [2**64 - 1, 3]])
def test_words_are_those_of_numpy(key: list[int]) -> None:
    counter = [5, 2**63, 7, 8]
    numpy_counts_first = np.array([counter[0] - 1, *counter[1:]], np.uint64)
    peer = np.random.Philox(key=np.array(key, np.uint64), counter=numpy_counts_first)
    assert philox(counter, key) == [int(word) for word in peer.random_raw(4)]


# Fixed seeds; with others, each of the tests would fail with a probability below 1e-3.
def test_normals_are_normal() -> None:
    x = drawn("normals", 1, 2, 2_000_000)
    assert stats.kstest(x[:500_000], "norm").pvalue > 1e-3
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - expected) < 3.3 * np.sqrt(variance / x.size)
    for bound in (3.0, 3.6541528853610088, 4.2):  # the second is where the tail begins
        expected = 2 * stats.norm.sf(bound) * x.size
        assert abs(np.sum(np.abs(x) > bound) - expected) < 3.3 * np.sqrt(expected)


def test_uniforms_are_uniform() -> None:
    u = drawn("uniforms", 1, 2, 500_000)
    assert u.min() > 0 and u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-3


def test_seeds_and_chains_have_numbers_of_their_own() -> None:
    sets = [drawn("normals", seed, chain, 1000) for seed in (0, 1) for chain in (0, 1)]
    assert np.array_equal(sets[0], drawn("normals", 0, 0, 1000))
    correlations = np.corrcoef(sets) - np.eye(4)
    assert np.abs(correlations).max() < 0.15  # 4.7 standard errors
