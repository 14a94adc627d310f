import numpy as np
import pytest

from stream.sketches import latency

RNG = np.random.default_rng(5)
SHAPES = {
    "exponential": RNG.exponential(20, 5_000),
    "lognormal": RNG.lognormal(3, 1.5, 5_000),
    "uniform": RNG.uniform(1, 2, 5_000),
    "constant": np.full(500, 12.5),
    "two values": np.array([1.0] * 99 + [4_000.0]),
    "one value": np.array([0.004]),
    "tiny": RNG.uniform(1e-5, 1e-4, 1_000),
    "huge": RNG.uniform(1e7, 1e9, 1_000),
}


def nearest_rank(values: np.ndarray, q: float) -> float:
    return float(np.sort(values)[max(1, int(np.ceil(q * len(values)))) - 1])


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_quantile_is_within_its_bound(shape: str, q: float) -> None:
    values = SHAPES[shape]
    found = latency.quantile(latency.count(values), q, float(values.max()))
    assert found is not None
    assert abs(found / nearest_rank(values, q) - 1) <= 2 ** (1 / 64) - 1 + 1e-9


def test_nothing_counted_has_no_quantile() -> None:
    assert latency.quantile(latency.count(np.array([])), 0.5) is None


def test_every_latency_is_counted_once() -> None:
    values = np.array([0.0, 1e-12, 1.0, 1e15])
    counts = latency.count(values)
    assert counts.sum() == 4
    assert counts[0] == 2
    assert counts[-1] == 1


def test_the_sum_is_exact_and_does_not_depend_on_the_order() -> None:
    values = SHAPES["lognormal"]
    nanoseconds = sum(round(float(v) * latency.NS_PER_MS) for v in values)
    assert latency.sum_ns(values) == nanoseconds
    assert latency.sum_ns(values[::-1]) == nanoseconds
    assert latency.sum_ns(values[:7]) + latency.sum_ns(values[7:]) == nanoseconds
