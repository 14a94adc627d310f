"""Our figures from counts beside scipy's from raw values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from schemas.baselines import FeatureBaseline
from stream.arrays import FloatArray, IntArray
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.drift.chi_squared import chi_squared, chi_squared_p_value
from stream.stats.drift.false_discovery import q_values
from stream.stats.drift.figures import drift_figures
from stream.stats.drift.fisher import fisher_p_value
from stream.stats.drift.kolmogorov_smirnov import ks_p_value
from stream.stats.drift.wasserstein import wasserstein
from stream.stats.reference import Reference
from stream.stats.two_samples import mean_difference, share_difference

REFERENCE_ROWS = 5_000
RNG = np.random.default_rng(7)


def with_zeros(values: FloatArray, share: float = 0.3) -> FloatArray:
    return np.where(np.random.default_rng(1).random(len(values)) < share, 0.0, values)


SHAPES: dict[str, Callable[[np.random.Generator, int, float], FloatArray]] = {
    "normal": lambda rng, n, d: rng.normal(d, 1, n),
    "uniform": lambda rng, n, d: rng.random(n) + d,
    "heavy tails": lambda rng, n, d: rng.standard_t(1.5, n) + d,
    "skewed": lambda rng, n, d: rng.lognormal(d, 1, n),
    "30 % zeros": lambda rng, n, d: with_zeros(rng.normal(d, 1, n)),
    "capped": lambda rng, n, d: np.minimum(rng.normal(d, 1, n), 0.8),
    "ties": lambda rng, n, d: np.round(rng.normal(d, 1, n), 2),
    "counts": lambda rng, n, d: rng.poisson(3 + d, n).astype(float),
    "two values": lambda rng, n, d: (rng.random(n) < 0.2 + d / 10).astype(float),
    "large offset": lambda rng, n, d: 1e9 + rng.normal(d, 1, n),
}
SHIFTS = (0.0, 0.1, 0.5, 5.0)


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: Any) -> Any:
    values = SHAPES[request.param](np.random.default_rng(3), REFERENCE_ROWS, 0.0)
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    return SHAPES[request.param], values, baseline


def row_of(baseline: FeatureBaseline, values: FloatArray) -> IntArray:
    return NumericGrid.from_baseline(baseline).count_sorted(np.sort(values))


def largest_cell_of_several_values(values: FloatArray, baseline: FeatureBaseline) -> float:
    edges = np.array(baseline.edges)
    distinct, counts = np.unique(values, return_counts=True)
    cells = np.searchsorted(edges, distinct)
    several = np.bincount(cells) > 1
    shares = np.bincount(cells, counts) / len(values)
    return float(shares[several].max(initial=0.0))


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("n", [50, 1_000])
def test_ks_is_within_the_largest_cell(shape: Any, shift: Any, n: Any) -> None:
    draw, values, baseline = shape
    current = draw(np.random.default_rng(n), n, shift)
    ours = drift_figures(Reference.from_baseline(baseline), row_of(baseline, current)).figures["ks"]
    exact = stats.ks_2samp(current, values, method="asymp").statistic
    bound = largest_cell_of_several_values(values, baseline)
    assert bound <= 1 / 256
    assert exact - bound - 1e-12 <= ours <= exact + 1e-12


@pytest.mark.parametrize("outliers", [[], [1e7], [-1e7, -3e5, 2e6]])
@pytest.mark.parametrize("shift", [*SHIFTS, -0.7])
@pytest.mark.parametrize("n", [7, 1_000])
def test_wasserstein_is_within_its_bound(shape: Any, shift: Any, n: Any, outliers: Any) -> None:
    draw, values, baseline = shape
    current = np.append(draw(np.random.default_rng(n), n, shift), outliers)
    exact = stats.wasserstein_distance(current, values)
    low, high = values.min(), values.max()
    excess = (
        float(np.maximum(0.0, low - current).sum()),
        float(np.maximum(0.0, current - high).sum()),
    )
    row = row_of(baseline, current)
    ours = wasserstein(Reference.from_baseline(baseline), row[:-2].cumsum(), excess)
    assert ours is not None
    rounding = 1e-9 * (abs(exact) + baseline.std)
    assert abs(ours.distance - exact) <= ours.error_max + rounding
    assert ours.error_max <= (high - low) / 100 + np.ptp(np.append(current, values)) / n


@pytest.mark.parametrize("shift", SHIFTS)
def test_js_is_scipys_on_numpys_doane_bins(shape: Any, shift: Any) -> None:
    draw, values, baseline = shape
    current = draw(np.random.default_rng(11), 700, shift)
    bins = np.histogram_bin_edges(values, bins="doane")
    expected = np.histogram(values, bins)[0] / len(values)
    found = np.histogram(current, bins)[0] / len(current)
    outside = 1 - found.sum()
    exact = jensenshannon([*found, max(0.0, outside)], [*expected, 0.0], base=2)
    ours = drift_figures(Reference.from_baseline(baseline), row_of(baseline, current)).figures["js"]
    assert ours == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("shift", SHIFTS)
def test_chi2_is_scipys_on_deciles(shape: Any, shift: Any) -> None:
    draw, values, baseline = shape
    current = draw(np.random.default_rng(13), 700, shift)
    edges = np.array(baseline.decile_edges)
    table = np.array(
        [
            np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1)
            for x in (values, current)
        ]
    )
    table = table[:, table.sum(axis=0) > 0]
    figures = drift_figures(Reference.from_baseline(baseline), row_of(baseline, current)).figures
    exact = stats.chi2_contingency(table, correction=False)
    assert figures["chi2"] == pytest.approx(exact.statistic, rel=1e-9)
    assert figures["chi2_p_value"] == pytest.approx(exact.pvalue, rel=1e-9)


def test_psi_is_the_textbooks_on_numpys_deciles() -> None:
    rng = np.random.default_rng(5)
    values, current = rng.normal(size=REFERENCE_ROWS), rng.normal(0.4, 1.2, 800)
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    edges = np.concatenate([[-np.inf], np.quantile(values, np.arange(1, 10) / 10), [np.inf]])
    r, c = (np.histogram(x, edges)[0] / len(x) for x in (values, current))
    ours = drift_figures(Reference.from_baseline(baseline), row_of(baseline, current)).figures
    assert ours["psi"] == pytest.approx(float(np.sum((c - r) * np.log(c / r))), rel=1e-12)


def test_categorical_figures_are_scipys() -> None:
    rng = np.random.default_rng(6)
    values = rng.choice(["a", "b", "c", "d"], REFERENCE_ROWS, p=[0.5, 0.3, 0.15, 0.05])
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    current = np.array([400, 300, 200, 80, 20, 0, 0])  # a b c d unseen mismatch missing
    reference = np.array(baseline.counts)
    figures = drift_figures(Reference.from_baseline(baseline), current).figures
    exact = stats.chi2_contingency([reference[:5], current[:5]], correction=False)
    assert figures["chi2"] == pytest.approx(exact.statistic, rel=1e-12)
    assert figures["chi2_p_value"] == pytest.approx(exact.pvalue, rel=1e-9)
    shares = [counts[:5] / counts[:5].sum() for counts in (current, reference)]
    assert figures["js"] == pytest.approx(jensenshannon(*shares, base=2), abs=1e-12)
    assert "ks" not in figures


@pytest.mark.parametrize("cells", [2, 5, 30])
def test_chi_squared(cells: Any) -> None:
    table = RNG.integers(1, 60, (2, cells))
    found = chi_squared(*table)
    assert found is not None
    statistic, degrees = found
    exact = stats.chi2_contingency(table, correction=False)
    assert statistic == pytest.approx(exact.statistic, rel=1e-12)
    assert degrees == exact.dof
    assert chi_squared_p_value(statistic, degrees) == pytest.approx(exact.pvalue, rel=1e-9)


@pytest.mark.parametrize("distance", [0.0, 0.01, 0.05, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("sizes", [(50, 5_000), (1_000, 5_000), (100_000, 100_000)])
def test_ks_p_value_is_kolmogorovs(distance: Any, sizes: Any) -> None:
    n, m = sizes
    exact = stats.kstwobign.sf(np.sqrt(n * m / (n + m)) * distance)
    assert ks_p_value(distance, n, m) == pytest.approx(exact, rel=1e-9)


def test_ks_p_value_is_near_ks_2samps() -> None:
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=2_000), rng.normal(0.06, 1, 5_000)
    exact = stats.ks_2samp(a, b, method="asymp")
    assert ks_p_value(exact.statistic, 2_000, 5_000) == pytest.approx(exact.pvalue, rel=0.1)


@pytest.mark.parametrize("k", [1, 2, 10, 200])
def test_q_values(k: Any) -> None:
    p = RNG.random(k) ** 3
    p[: k // 3] = 1e-4  # ties
    assert q_values(p) == pytest.approx(stats.false_discovery_control(p, method="bh"), rel=1e-12)


@pytest.mark.parametrize(
    "table",
    [
        (0, 100, 0, 5_000),
        (0, 100, 10, 5_000),
        (1, 100, 10, 5_000),
        (5, 100, 10, 5_000),
        (100, 100, 10, 5_000),
        (100, 100, 5_000, 5_000),
        (99, 100, 5_000, 5_000),
        (40, 1_000, 150, 5_000),
        (30, 1_000, 150, 5_000),
        (20, 1_000, 150, 5_000),
        (3_400, 100_000, 150, 5_000),
        (50_400, 100_000, 2_500, 5_000),
        (49_000, 100_000, 2_500, 5_000),
        (1, 1, 0, 1),
    ],
)
def test_fisher(table: Any) -> None:
    hits, n, reference_hits, m = table
    rows = [[hits, n - hits], [reference_hits, m - reference_hits]]
    exact = stats.fisher_exact(rows, alternative="greater").pvalue
    assert fisher_p_value(*table) == pytest.approx(exact, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize(
    "samples",
    [(10.0, 2.0, 50, 11.0, 3.0, 40), (0.0, 1e-9, 3, 1e-9, 2e-9, 4), (5.0, 0.0, 9, 5.1, 1.0, 9)],
)
def test_means_are_welchs_test(samples: Any) -> None:
    exact = stats.ttest_ind_from_stats(*samples[3:], *samples[:3], equal_var=False)
    found = mean_difference(*samples)
    assert found is not None
    assert found.p_value == pytest.approx(exact.pvalue, rel=1e-9)


def test_the_interval_of_means_is_welchs() -> None:
    a, b = RNG.normal(3.0, 1.0, 40), RNG.normal(3.5, 2.0, 25)
    exact = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    found = mean_difference(a.mean(), a.std(ddof=1), 40, b.mean(), b.std(ddof=1), 25)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=1e-9)


@pytest.mark.parametrize("table", [(56, 70, 48, 80), (300, 1_000, 260, 1_000), (9, 60, 20, 70)])
def test_large_shares_are_the_pooled_z_test(table: Any) -> None:
    hits_a, n_a, hits_b, n_b = table
    rows = [[hits_a, n_a - hits_a], [hits_b, n_b - hits_b]]
    exact = stats.chi2_contingency(rows, correction=False).pvalue
    found = share_difference(*table)
    assert found is not None
    assert found.p_value == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("table", [(1, 20, 6, 25), (0, 500, 4, 600), (3, 9, 4, 9)])
def test_small_shares_are_twice_fishers(table: Any) -> None:
    hits_a, n_a, hits_b, n_b = table
    rows = [[hits_a, n_a - hits_a], [hits_b, n_b - hits_b]]
    exact = min(stats.fisher_exact(rows, alternative=side).pvalue for side in ("less", "greater"))
    found = share_difference(*table)
    assert found is not None
    assert found.p_value == pytest.approx(min(1.0, 2 * exact), rel=1e-6)


@pytest.mark.parametrize(
    ("table", "interval"),
    [
        ((48, 80, 56, 70), (0.0524, 0.3339)),
        ((3, 10, 9, 10), (0.1705, 0.8090)),
        ((0, 10, 10, 10), (0.6075, 1.0)),
        ((56, 56, 29, 29), (-0.1170, 0.0642)),
    ],
)
def test_newcombes_own_examples(table: Any, interval: Any) -> None:
    """Table II of his paper, method 10."""
    found = share_difference(*table)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(interval, abs=6e-5)
