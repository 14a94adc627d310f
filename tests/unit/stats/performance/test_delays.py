import numpy as np
import pytest

from stream.arrays import FloatArray, IntArray
from stream.stats.performance.delays import delay_quantile_ms

RNG = np.random.default_rng(31)


def counted(delays_ms: FloatArray) -> IntArray:
    mantissas, exponents = np.frexp(np.maximum(delays_ms, 1))
    cells = 8 * (exponents - 1) + np.floor((2 * mantissas - 1) * 8).astype(np.int64)
    return np.bincount(cells, minlength=512)


def test_nothing_counted_has_no_delay() -> None:
    assert delay_quantile_ms(np.zeros(512, dtype=np.int64), 0.5) is None


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("median_ms", [1.0, 40.0, 6e5, 3e8])
def test_a_quantile_is_within_an_eighth(probability: float, median_ms: float) -> None:
    delays_ms = np.ceil(median_ms * RNG.lognormal(0, 1, 2_000))
    found = delay_quantile_ms(counted(delays_ms), probability)
    true = np.quantile(delays_ms, probability, method="inverted_cdf")
    assert found is not None
    assert abs(found - true) <= max(true / 8, 1.25)


def test_labels_that_come_at_once() -> None:
    assert delay_quantile_ms(counted(np.zeros(10)), 0.5) == 1.0625


def test_the_smallest_delay() -> None:
    assert delay_quantile_ms(np.array([0, 0, 3, 0]), 0.0) == 1.25
