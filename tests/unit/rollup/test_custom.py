"""Figures that were sent along, with events and with labels, against NumPy's."""

import math

import numpy as np
import pytest

from schemas.metric_names import CUSTOM_STATISTICS, VALUE, describe
from stream.arrays import FloatArray
from stream.rollup.custom import custom_figures, delayed_figures
from stream.sketches import magnitudes
from stream.sketches.exact_sums import ExactSums
from stream.window.custom import NAMES_MAX, CustomCounts, merge_custom

RNG = np.random.default_rng(3)
HALF_A_CELL = 2 ** (1 / 64) - 1
SHAPES = {
    "baskets": RNG.lognormal(3, 1, 4_001).round(2),
    "profits": RNG.normal(-2, 30, 4_001),
    "ratings": RNG.integers(1, 6, 4_001).astype(np.float64),
    "zeros": np.zeros(7),
    "one": np.array([-12.5]),
    "tiny": np.array([1e-12, 3e-12]),
    "huge": np.array([1e200, 2e200]),
}


def figures_of(name: str, values: FloatArray) -> dict[str, float]:
    found = custom_figures({name: CustomCounts.of(values)})
    return {figure.removeprefix(f"metric.{name}."): value for figure, value in found.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_figures_are_those_of_the_values(shape: str) -> None:
    values = SHAPES[shape]
    found = figures_of("x", values)
    assert tuple(found) == tuple(s for s in CUSTOM_STATISTICS if s != VALUE)
    bound = 2.0**-33 * np.abs(values).mean() + 1e-300
    assert found["mean"] == pytest.approx(values.mean(), abs=bound, rel=1e-15)
    assert found["sum"] == pytest.approx(math.fsum(values), abs=bound * len(values), rel=1e-15)
    assert (found["min"], found["max"]) == (values.min(), values.max())
    if shape in ("tiny", "huge"):  # beyond the histogram, but never beyond the extremes
        assert found["min"] <= found["p50"] <= found["p95"] <= found["max"]
        return
    for name, q in (("p50", 0.5), ("p95", 0.95)):
        exact = float(np.quantile(values, q, method="inverted_cdf"))
        assert found[name] == pytest.approx(exact, rel=HALF_A_CELL + 1e-9, abs=0)


def test_every_figure_has_a_meaning_whatever_its_name() -> None:
    named = {"basket.eur": 1.0, "a\nb": 2.0, "value": 3.0}
    found = custom_figures({name: CustomCounts.of(np.array([v])) for name, v in named.items()})
    assert len(found) == 6 * len(named)
    assert all(describe(name) is not None for name in found)


def test_nothing_sent_has_no_figures() -> None:
    assert custom_figures({}) == {}
    assert custom_figures({"x": CustomCounts()}) == {}
    assert delayed_figures({}, {}) == {}


def late(values: FloatArray, name: str = "rating") -> dict[str, float]:
    sums = {f"metric.{name}": ExactSums.of(values.tolist()), "log_loss": ExactSums.of([1.0])}
    return delayed_figures(sums, {name: magnitudes.count(values)})


@pytest.mark.parametrize("shape", ["baskets", "profits", "ratings", "zeros"])
def test_figures_of_labels_have_estimated_extremes(shape: str) -> None:
    values = SHAPES[shape]
    found, exact = late(values), figures_of("x", values)
    assert {name.rpartition(".")[0] for name in found} == {"metric.rating"}
    for statistic, value in exact.items():
        rel = 1e-15 if statistic in ("mean", "sum") else 2 * HALF_A_CELL
        assert found[f"metric.rating.{statistic}"] == pytest.approx(value, rel=rel, abs=0)


def test_a_figure_of_which_every_label_was_taken_back_is_absent() -> None:
    nothing = ExactSums({0: [0, 0, 0, 0]})
    cells = np.zeros(magnitudes.CELLS, dtype=np.int64)
    assert delayed_figures({"metric.rating": nothing}, {"rating": cells}) == {}


def test_names_are_bounded() -> None:
    sums = {f"metric.l{i}": ExactSums.of([1.0]) for i in range(2 * NAMES_MAX)}
    counts = {f"l{i}": magnitudes.count(np.array([1.0])) for i in range(2 * NAMES_MAX)}
    assert len(delayed_figures(sums, counts)) == 6 * NAMES_MAX


def test_merging_leaves_the_parts_alone() -> None:
    parts = [{"x": CustomCounts.of(np.array([1.0, 2.0]))}, {"x": CustomCounts.of(np.array([1.0]))}]
    assert merge_custom(parts)["x"].sums.count == 3
    assert [part["x"].sums.count for part in parts] == [2, 1]
    assert [int(part["x"].magnitudes.sum()) for part in parts] == [2, 1]
