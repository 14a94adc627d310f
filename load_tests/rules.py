"""Rules that decide about many windows at once: the product's, a textbook's, and two peers'.

The product's rule here is its own (`stream.stats.drift`), written over arrays of windows because
half a million of them are decided; `Feature.product` is the product itself, and
`load_tests.false_alarms` stops where the two differ.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, fdtrc, kolmogorov
from scipy.stats import kstwo

from load_tests.shapes import CATEGORICAL, CLASSES, LEVELS, Levels, table
from stream.arrays import BoolArray, FloatArray, IntArray
from stream.stats.drift.decision import FeatureTest
from stream.stats.drift.dispersion import freedom_at, phi_at
from stream.stats.drift.figures import drift_figures
from stream.stats.drift.kolmogorov_smirnov import continuity, stephens, typical_cell
from stream.stats.drift.pooling import pooled_groups
from stream.stats.drift.shift import ORDER_WEIGHT
from stream.stats.drift.unseen import seen_once, unseen_test
from stream.stats.reference import Reference

NANNYML_STDS = 3.0
EVIDENTLY_THRESHOLD = 0.1
"""Defaults of NannyML 0.13 and Evidently 0.7."""
UNTESTED = 2.0
"""A p-value that no level rejects."""
_TERMS = np.arange(1.0, 65.0)
_DISTANCES = np.linspace(0.0, 1.0, 2_001)


@dataclass(frozen=True)
class Tests:
    """What the product found in W windows of one feature, or of k: (W,) or (W, k) each.

    Attributes
    ----------
    values, unseen : p-values after Holm's correction, `UNTESTED` where there is none
    value_size, unseen_size : effects
    """

    values: FloatArray
    value_size: FloatArray
    unseen: FloatArray
    unseen_size: FloatArray

    @property
    def p_value(self) -> FloatArray:
        """Of the feature."""
        return np.minimum(self.values, self.unseen)

    def parts(self) -> tuple[FloatArray, ...]:
        """All arrays, in order."""
        return self.values, self.value_size, self.unseen, self.unseen_size


def beside(tests: list[Tests]) -> Tests:
    """Join k features of the same windows."""
    parts = zip(*(one.parts() for one in tests), strict=True)
    return Tests(*(np.stack(part, axis=1) for part in parts))


@dataclass(frozen=True, eq=False)
class Feature:
    """One feature of a simulated model: its reference, and the levels of its reference rows."""

    shape: str
    reference: Reference
    rows: Levels

    @cached_property
    def values(self) -> FloatArray:
        """The reference's values, ascending; classes by number."""
        return np.sort(table(self.shape)[self.rows])

    @cached_property
    def rows_of_class(self) -> IntArray:
        """Class of each reference row, by number."""
        return table(self.shape)[self.rows].astype(np.int64)

    @cached_property
    def unshifted(self) -> IntArray:
        """Cell of each level, (LEVELS,)."""
        return self.cells(0.0)

    def cells(self, shift: float) -> IntArray:
        """Cell of each level, (LEVELS,), after a shift."""
        values = table(self.shape, shift)
        if self.shape != CATEGORICAL:
            return np.searchsorted(self.reference.uppers, values).astype(np.int64)
        known = {name: cell for cell, name in enumerate(self.reference.baseline.categories)}
        of_class = [known.get(f"c{number}", len(known)) for number in range(len(CLASSES))]
        return np.array(of_class)[values.astype(np.int64)]

    def counts(self, drawn: Levels, shift: float = 0.0) -> IntArray:
        """Count windows (W, n) into (W, value cells)."""
        cells = self.reference.cells - 2
        of_level = self.cells(shift) if shift else self.unshifted
        places = of_level[drawn] + np.arange(len(drawn))[:, np.newaxis] * cells
        return np.bincount(places.ravel(), minlength=len(drawn) * cells).reshape(-1, cells)

    def counts_of(self, reached: npt.NDArray[np.int32]) -> IntArray:
        """Count windows from their running sums by level, (W, LEVELS)."""
        ends = np.append(np.flatnonzero(np.diff(self.unshifted)), LEVELS - 1)
        counts = np.zeros((len(reached), self.reference.cells - 2), dtype=np.int64)
        counts[:, self.unshifted[ends]] = np.diff(reached[:, ends], axis=1, prepend=0)
        return counts

    def independent(self, rng: np.random.Generator, windows: int, n: int) -> IntArray:
        """Draw the counts of windows of independent rows, (W, value cells)."""
        shares = np.bincount(self.unshifted, minlength=self.reference.cells - 2) / LEVELS
        return rng.multinomial(n, shares, windows)

    def product(self, counts: IntArray) -> FeatureTest:
        """Test one window as the product does."""
        test = drift_figures(self.reference, np.append(counts, [0, 0])).test
        assert test is not None
        return test

    def tests(self, counts: IntArray) -> Tests:
        """Test windows (W, value cells) as the product does, all at once."""
        reference = self.reference
        n, m = int(counts[0].sum()), reference.total
        n_e = n * m / (n + m)
        phi = phi_at(reference.baseline.dispersion, n)
        freedom = freedom_at(reference.baseline.dispersion, n)
        reached = counts.cumsum(axis=1)
        groups = pooled_groups(reference.tested.shares, min(n, m))
        assert groups.any(), "every shape has two cells that can be tested"
        pooling = np.eye(int(groups.max()) + 1)[groups]
        tested = np.diff(reached[:, reference.tested.last], axis=1, prepend=0)
        statistic, degrees = pearson(tested @ pooling, reference.tested.counts @ pooling)
        if np.isinf(freedom):
            values = chdtrc(degrees, statistic / phi)
        else:
            values = fdtrc(degrees, freedom, statistic / phi / degrees)
        size = np.maximum(0.0, statistic - phi * degrees) / n_e
        if reference.numeric:
            distance = np.abs(reached / n - reference.cumulative_shares).max(axis=1)
            ordered = _grid_p_values(distance, n_e, self._cell, phi, freedom)
            values = np.minimum(ordered / ORDER_WEIGHT, values / (1 - ORDER_WEIGHT))
            values = np.minimum(1.0, values)
            size = np.maximum(size, 4 * np.maximum(0.0, distance**2 - phi * np.pi**2 / 12 / n_e))
        if not reference.tells_unseen:
            return Tests(values, size, np.full(len(values), UNTESTED), np.zeros(len(values)))
        return _with_unseen(values, size, counts[:, -1], n, seen_once(reference.baseline))

    @cached_property
    def _cell(self) -> float:
        return typical_cell(self.reference.cumulative_shares, self.reference.uppers)


def pearson(current: FloatArray, reference: FloatArray) -> tuple[FloatArray, IntArray]:
    """Pearson's statistic and degrees of freedom of windows (W, k) against a reference (k,)."""
    n, m = current[0].sum(), reference.sum()
    both = current + reference
    gaps = current / n - reference / m
    statistic = n * m * (gaps**2 / np.maximum(both, 1)).sum(axis=1)
    return statistic, np.count_nonzero(both, axis=1) - 1


def _grid_p_values(
    distance: FloatArray, n_e: float, cell: float, phi: float, freedom: float
) -> FloatArray:
    z = (stephens(n_e) * distance + continuity(n_e, cell)) / np.sqrt(phi)
    if np.isinf(freedom):
        certain: FloatArray = kolmogorov(z)
        return certain
    powers = np.log1p(np.square(2 * np.multiply.outer(z, _TERMS)) / freedom)
    mixed = np.exp(-freedom / 2 * powers) @ (2 * (-1.0) ** (_TERMS - 1))
    return np.where(z < 0.3, 1.0, np.clip(mixed, 0.0, 1.0))


def _with_unseen(
    values: FloatArray, size: FloatArray, unseen: IntArray, n: int, once: tuple[int, int]
) -> Tests:
    found, places = np.unique(unseen, return_inverse=True)
    tests = [unseen_test(hits, n, *once) or (UNTESTED, 0.0) for hits in found.tolist()]
    p_values, sizes = np.array(tests)[places].T
    smaller = np.minimum(1.0, 2 * np.minimum(values, p_values))
    larger = np.maximum(smaller, np.maximum(values, p_values))
    asked, first = unseen > 0, values <= p_values
    return Tests(
        np.where(asked, np.where(first, smaller, larger), values),
        size,
        np.where(asked, np.where(first, larger, smaller), UNTESTED),
        sizes,
    )


def rejected(p_values: FloatArray, alpha: float) -> BoolArray:
    """What Benjamini and Hochberg's procedure rejects in each window, (W, k)."""
    ranked = np.sort(p_values, axis=1)
    k = ranked.shape[1]
    passing = ranked * k / np.arange(1, k + 1) <= alpha
    bound = np.where(passing, ranked, -1.0).max(axis=1, keepdims=True)
    hits: BoolArray = p_values <= bound
    return hits


def drifted(tests: Tests, alpha: float, effect_min: float) -> BoolArray:
    """Features that the product says drifted, (W, k)."""
    hits = rejected(tests.p_value, alpha)
    bound = np.where(hits, tests.p_value, -1.0).max(axis=1, keepdims=True)
    moved = (tests.values <= bound) & (tests.value_size >= effect_min)
    new = (tests.unseen <= bound) & (tests.unseen_size >= effect_min)
    found: BoolArray = hits & (moved | new)
    return found


@lru_cache(None)
def _log_p_values(size: int) -> FloatArray:
    logs: FloatArray = np.log(np.maximum(kstwo.sf(_DISTANCES, size), 1e-300))
    return logs


def textbook(feature: Feature, values: FloatArray) -> FloatArray:
    """p-values of scipy's tests on the raw values, sorted (W, n): KS, or chi-squared for classes.

    The distance is exact; its p-value is that of one sample of n m / (n + m) values, as
    ``scipy.stats.ks_2samp(method="asymp")`` has it.
    """
    windows, n = values.shape
    m = len(feature.values)
    p_values: FloatArray
    if feature.shape == CATEGORICAL:
        numbers = range(len(CLASSES))
        current = np.stack([np.count_nonzero(values == c, axis=1) for c in numbers], axis=1)
        reference = np.bincount(feature.rows_of_class, minlength=len(CLASSES))
        statistic, degrees = pearson(current.astype(np.float64), reference.astype(np.float64))
        p_values = chdtrc(degrees, statistic)
        return p_values
    ranks = np.arange(n)
    new = np.ones((windows, n), dtype=bool)
    new[:, 1:] = values[:, 1:] != values[:, :-1]
    last = np.append(new[:, 1:], np.ones((windows, 1), dtype=bool), axis=1)
    upto = np.searchsorted(feature.values, values, side="right") / m
    before = np.searchsorted(feature.values, values, side="left") / m
    above = np.where(last, np.abs((ranks + 1) / n - upto), 0.0).max(axis=1)
    below = np.where(new, np.abs(before - ranks / n), 0.0).max(axis=1)
    distance = np.maximum(above, below)
    logs = np.interp(distance, _DISTANCES, _log_p_values(round(n * m / (n + m))))
    p_values = np.exp(logs)
    return p_values


def js_distance(feature: Feature, counts: IntArray) -> FloatArray:
    """Jensen-Shannon distance, base 2, of windows on NannyML's cells, (W,)."""
    cells = feature.reference.compared
    shares = np.stack([cells.of(row) for row in counts.cumsum(axis=1)]) / counts[0].sum()
    return _js(shares, cells.shares)


def _js(shares: FloatArray, expected: FloatArray) -> FloatArray:
    middle = (shares + expected) / 2
    terms = [
        np.where(x > 0, x * np.log2(np.where(x > 0, x, 1.0) / np.where(x > 0, middle, 1.0)), 0.0)
        for x in (shares, np.broadcast_to(expected, shares.shape))
    ]
    distance: FloatArray = np.sqrt(np.maximum(0.0, (terms[0] + terms[1]).sum(axis=1) / 2))
    return distance


def nannyml(feature: Feature, counts: IntArray, chunk_rows: int) -> BoolArray:
    """Whether NannyML alarms: its distance exceeds mean + 3 std over chunks of the reference."""
    chunks = feature.rows[: len(feature.rows) // chunk_rows * chunk_rows].reshape(-1, chunk_rows)
    usual = js_distance(feature, feature.counts(chunks))
    threshold = usual.mean() + NANNYML_STDS * usual.std()
    found: BoolArray = js_distance(feature, counts) > threshold
    return found


def evidently(feature: Feature, values: FloatArray) -> BoolArray:
    """Whether Evidently alarms for references of over 1,000 rows: values sorted, (W, n).

    Numbers: Wasserstein's distance in standard deviations of the reference; n must divide its size
    or be a multiple of it. Classes: Jensen-Shannon distance, natural logarithm.
    """
    found: BoolArray
    if feature.shape == CATEGORICAL:
        numbers = range(len(CLASSES))
        shares = np.stack([np.mean(values == c, axis=1) for c in numbers], axis=1)
        expected = np.bincount(feature.rows_of_class, minlength=len(CLASSES)) / len(feature.rows)
        found = _js(shares, expected) * np.sqrt(np.log(2)) >= EVIDENTLY_THRESHOLD
        return found
    reference, n = feature.values, values.shape[1]
    longer = max(n, len(reference))
    gaps = np.repeat(values, longer // n, axis=1) - np.repeat(reference, longer // len(reference))
    found = np.abs(gaps).mean(axis=1) / reference.std() >= EVIDENTLY_THRESHOLD
    return found
