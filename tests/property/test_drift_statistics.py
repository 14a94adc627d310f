"""Laws that drift figures keep for any counts."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid
from stream.stats.descriptive import describe
from stream.stats.drift.decision import FeatureTest, decide
from stream.stats.drift.decomposition import decompose
from stream.stats.drift.false_discovery import q_values
from stream.stats.drift.figures import drift_figures
from stream.stats.drift.holm import holm
from stream.stats.drift.pooling import EXPECTED_MIN, pooled_groups
from stream.stats.drift.psi import psi
from stream.stats.reference import Reference

P = st.floats(0, 1)
COUNTS = st.lists(st.integers(0, 10_000), min_size=6, max_size=6)
SHARES = {"js", "hellinger", "l_infinity", "ks", "ks_p_value", "chi2_p_value", "drift_p_value"}

NUMERIC = build_baseline(
    {"x": np.random.default_rng(4).normal(size=2_000)}, model_name="m", model_version="1"
).features["x"]
NUMERIC_REFERENCE = Reference.from_baseline(NUMERIC)


def categorical(counts: Any) -> Reference:
    return Reference.from_baseline(
        FeatureBaseline(
            kind=FeatureKind.CATEGORICAL, categories=("a", "b", "c"), counts=tuple(counts)
        )
    )


@given(reference=COUNTS, current=COUNTS)
@settings(max_examples=200, deadline=None)
def test_figures_are_numbers_in_their_range(reference: Any, current: Any) -> None:
    figures = drift_figures(categorical(reference), np.array(current)).figures
    assert -1 <= figures.pop("missing_increase", 0.0) <= 1
    assert all(np.isfinite(value) and value >= 0 for value in figures.values())
    assert all(figures[name] <= 1 for name in SHARES & figures.keys())
    assert ("psi" in figures) == (sum(reference[:4]) > 0 and sum(current[:4]) > 0)


@given(counts=COUNTS, factor=st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_the_same_shares_are_no_drift(counts: Any, factor: Any) -> None:
    result = drift_figures(categorical(counts), np.array(counts) * factor)
    for name in ("psi", "js", "hellinger", "l_infinity", "effect", "chi2"):
        assert result.figures.get(name, 0.0) < 1e-9
    if result.test is not None:
        assert not decide({"x": result.test}, alpha=0.05)["x"].drifted


@given(
    n=st.integers(20, 5_000),
    extreme=st.sampled_from([1e6, -1e6, 1e300, 4.0, -4.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_one_extreme_value_moves_one_count(n: Any, extreme: Any, seed: Any) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    grid = NumericGrid.from_baseline(NUMERIC)
    before = grid.count_sorted(np.sort(values))
    after = grid.count_sorted(np.sort(np.append(values[1:], extreme)))
    assert np.abs(after - before).sum() in (0, 2)
    places = NUMERIC_REFERENCE.tested
    a, b = (places.of(counts[:-2].cumsum()) for counts in (before, after))
    assert np.abs(a - b).sum() in (0, 2)
    figures = [drift_figures(NUMERIC_REFERENCE, counts).figures for counts in (before, after)]
    assert figures[1]["psi"] == psi(b / n, places.shares)
    assert abs(figures[0]["ks"] - figures[1]["ks"]) <= 1 / n + 1e-12


def test_an_outlier_does_not_hide_a_shift() -> None:
    shifted = np.random.default_rng(8).normal(1, 1, 1_000)
    grid = NumericGrid.from_baseline(NUMERIC)
    with_outlier = grid.count_sorted(np.sort(np.append(shifted, 1e6)))
    without = grid.count_sorted(np.sort(shifted))
    a, b = (
        drift_figures(NUMERIC_REFERENCE, counts).figures["psi"]
        for counts in (without, with_outlier)
    )
    assert a > 0.8
    assert abs(a - b) < 0.01


@given(counts=st.lists(st.integers(0, 100), min_size=2, max_size=30), n=st.integers(1, 2_000))
@settings(max_examples=200, deadline=None)
def test_pooled_cells_are_expected_to_hold_five(counts: Any, n: Any) -> None:
    shares = np.array(counts) / max(1, sum(counts))
    groups = pooled_groups(shares, n)
    expected = np.bincount(groups, shares * n)
    assert sorted(set(groups.tolist())) == list(range(len(expected)))
    if len(expected) > 1:
        assert expected.min() >= EXPECTED_MIN - 1e-9
    alone = shares * n >= EXPECTED_MIN
    assert len(set(groups[alone].tolist())) == alone.sum()


@given(reference=COUNTS, current=COUNTS)
@settings(max_examples=100, deadline=None)
def test_causes_share_the_whole_drift(reference: Any, current: Any) -> None:
    found = decompose(categorical(reference), np.array(current))
    assert all(share >= 0 for share in found.values())
    assert not found or abs(sum(found.values()) - 1) < 1e-9


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(50, 3_000),
    cells_max=st.integers(16, 64),
    decimals=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_coarse_cells_keep_what_decides(
    seed: Any, rows: Any, cells_max: Any, decimals: Any
) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.lognormal(0, 1, rows), decimals)
    baseline = build_baseline({"x": values}, model_name="m", model_version="1").features["x"]
    fine = Reference.from_baseline(baseline)
    coarse, cell_map = fine.coarsened(cells_max)
    assert coarse.cells - 2 <= cells_max
    counts = NumericGrid.from_baseline(baseline).count_sorted(np.sort(rng.lognormal(0.5, 2, 200)))
    joined = np.bincount(cell_map, counts).astype(np.int64)
    a, b = drift_figures(fine, counts).figures, drift_figures(coarse, joined).figures
    if len(coarse.tested.last) == len(fine.tested.last):
        assert all(a.get(name) == b.get(name) for name in ("psi", "chi2", "effect"))
    assert b["ks"] <= a["ks"] + 1e-12
    before, after = describe(fine, counts), describe(coarse, joined)
    for name in ("below_range_rate", "above_range_rate", "outlier_rate", "missing_rate"):
        assert before.get(name) == after.get(name)


@given(p=st.lists(P, min_size=1, max_size=40), random=st.randoms())
def test_q_values_follow_their_questions(p: Any, random: Any) -> None:
    order = random.sample(range(len(p)), len(p))
    q = q_values(p)
    assert np.all(q >= np.array(p) - 1e-15)
    assert np.all(q <= 1)
    assert np.array_equal(q_values([p[i] for i in order]), q[order])


@given(a=P, b=P)
def test_holm_is_symmetric_and_never_smaller(a: Any, b: Any) -> None:
    first, second = holm(a, b)
    assert first is not None
    assert second is not None
    assert (second, first) == holm(b, a)
    assert first >= a
    assert second >= b
    assert min(first, second) == min(1, 2 * min(a, b))


@given(p=st.lists(st.tuples(P, P, P), min_size=1, max_size=20), alpha=st.floats(0.001, 0.5))
@settings(max_examples=100)
def test_what_drifted_has_a_small_q_value_and_a_large_effect(p: Any, alpha: Any) -> None:
    tests = {
        str(i): FeatureTest(value, size, missing, missing / 10)
        for i, (value, size, missing) in enumerate(p)
    }
    for name, decision in decide(tests, alpha).items():
        if decision.drifted:
            assert decision.q_value <= alpha
            test = tests[name]
            assert (test.effect or 0) >= 0.02 or test.missing_increase >= 0.01


@given(
    values=st.lists(st.floats(-5, 5), min_size=1, max_size=200),
)
@settings(max_examples=60, deadline=None)
def test_quantiles_lie_in_the_cell_of_the_true_ones(values: Any) -> None:
    values = np.sort(values) + 0.0
    grid = NumericGrid.from_baseline(NUMERIC)
    counts = grid.count_sorted(values)
    extremes = (float(values[0]), float(values[-1]))
    figures = describe(NUMERIC_REFERENCE, counts, None, extremes)
    for name, q in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95)):
        if name in figures:
            true = float(np.quantile(values, q, method="inverted_cdf"))
            cell = int(np.searchsorted(grid.edges, true))
            low = grid.edges[cell - 1] if cell else -np.inf
            assert max(low, extremes[0]) <= figures[name] <= min(grid.edges[cell], extremes[1])
