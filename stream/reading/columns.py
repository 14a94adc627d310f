"""One feature, or an output of the model, in two windows: which figures differ, and how surely."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from stream.arrays import IntArray
from stream.sketches.grid import category_cells
from stream.stats.descriptive import QUANTILES
from stream.stats.reference import MISMATCH, Reference
from stream.stats.two_samples import (
    Difference,
    distribution_difference,
    mean_difference,
    quantile_difference,
    share_difference,
)

CLASSES_MAX = 20
"""Shares of so many categories are compared one by one; of more, their distribution only."""
SHARES = ("missing_rate", "type_mismatch_rate")
SHARES_OF_BASELINE = ("unseen_rate", "below_range_rate", "above_range_rate", "outlier_rate")
"""What is unseen, or beyond the range, is so against a baseline: of two, two questions."""
_TOLD_BY_COUNTS = frozenset({"count", "kind", "seasonal", "drifted", "schema_change"})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of two windows.

    Attributes
    ----------
    column
        The feature, `prediction` or `probability`; null for figures of all traffic.
    figure
        As in a window report; `distribution`, and `share of <category>`, beside those.
    first, second
        Its values; null where it is about both (a distance of distributions).
    difference
        Second minus first; of a distribution its distance.
    low, high
        Interval of 95 % of the difference; null where none is known.
    p_value
        Of "there is no difference"; null where it is not tested.
    q_value
        The same, corrected for the number of tested rows.
    significant
        Whether that is small.
    """

    column: str | None = None
    figure: str
    first: float | None = None
    second: float | None = None
    difference: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    significant: bool = False

    def tested(self, found: Difference | None) -> "Row":
        """Return the row with what a test found; as it is where there was nothing to test."""
        if found is None:
            return self
        return msgspec.structs.replace(self, low=found.low, high=found.high, p_value=found.p_value)


@dataclass(frozen=True, slots=True)
class Column:
    """A feature or an output in one window.

    Attributes
    ----------
    figures : as in a report
    counted : what it is compared with, and its count row; None where values have no cells
    """

    figures: Mapping[str, bool | int | float | str]
    counted: tuple[Reference, IntArray] | None = None

    def number(self, name: str) -> float | None:
        """Return a figure; None where it is absent or is no number."""
        value = self.figures.get(name)
        return None if value is None or isinstance(value, bool | str) else float(value)

    @property
    def count(self) -> int:
        """Events, those without a value included."""
        return int(self.number("count") or 0)

    @property
    def values(self) -> int:
        """Values of the right type."""
        absent = sum(self.number(name) or 0.0 for name in SHARES)
        return round(self.count * (1 - absent))


def plain_row(column: str | None, figure: str, first: float, second: float) -> Row:
    """Return a figure with its difference alone."""
    a, b = float(first), float(second)
    return Row(column=column, figure=figure, first=a, second=b, difference=b - a)


def counted_alike(a: Column, b: Column, same_baseline: bool) -> bool:
    """Whether the values of a column were counted in the same cells in both windows.

    Two baselines may well share the cells of a column: those of a promoted one are its
    predecessor's. The few cells of segments are chosen by each baseline's own counts.
    """
    if a.counted is None or b.counted is None:
        return False
    one, other = a.counted[0], b.counted[0]
    if same_baseline or one.cells != other.cells:
        return one.cells == other.cells
    if one.numeric or other.numeric:
        return np.array_equal(one.uppers, other.uppers)
    whole = one.cells == category_cells(one.baseline)
    return whole and one.baseline.categories == other.baseline.categories


def column_rows(name: str, a: Column, b: Column, same_baseline: bool) -> Iterator[Row]:
    """Compare a column of two windows.

    Parameters
    ----------
    name : of the column
    a, b : in the first window and in the second
    same_baseline : whether their figures are against one baseline
    """
    same_cells = counted_alike(a, b, same_baseline)
    if same_cells:
        yield from _distribution_rows(name, a, b)
    shares = SHARES + (SHARES_OF_BASELINE if same_baseline else ())
    for figure in a.figures:
        first, second = a.number(figure), b.number(figure)
        if first is None or second is None or figure in _TOLD_BY_COUNTS:
            continue
        row = plain_row(name, figure, first, second)
        if figure in shares:
            row = _shares(row, a, b)
        elif figure == "mean":
            row = row.tested(_means(a, b))
        elif figure in QUANTILES and same_cells:
            row = _with_interval(row, a, b)
        yield row


def _distribution_rows(name: str, a: Column, b: Column) -> Iterator[Row]:
    if a.counted is None or b.counted is None:
        return
    (reference, counts_a), (_, counts_b) = a.counted, b.counted
    found = distribution_difference(reference, counts_a, counts_b)
    if found is not None:
        size = found.effect if found.ks is None else found.ks
        yield Row(column=name, figure="distribution", difference=size or 0.0, p_value=found.p_value)
    categories = reference.baseline.categories
    whole = not reference.numeric and reference.cells == category_cells(reference.baseline)
    if not whole or len(categories) > CLASSES_MAX:
        return
    n_a, n_b = int(counts_a[:MISMATCH].sum()), int(counts_b[:MISMATCH].sum())
    for cell, category in enumerate(categories):
        hits_a, hits_b = int(counts_a[cell]), int(counts_b[cell])
        difference = share_difference(hits_a, n_a, hits_b, n_b)
        if difference is not None:
            row = plain_row(name, f"share of {category}", hits_a / n_a, hits_b / n_b)
            yield row.tested(difference)


def _shares(row: Row, a: Column, b: Column) -> Row:
    """Test a share; where no value has it, or all have, there is nothing to ask."""
    assert row.first is not None
    assert row.second is not None
    hits = (round(row.first * a.count), round(row.second * b.count))
    if sum(hits) in {0, a.count + b.count}:
        return row
    return row.tested(share_difference(hits[0], a.count, hits[1], b.count))


def _means(a: Column, b: Column) -> Difference | None:
    spread = [column.number("std") for column in (a, b)]
    means = [column.number("mean") for column in (a, b)]
    if spread[0] is None or spread[1] is None or means[0] is None or means[1] is None:
        return None
    return mean_difference(means[0], spread[0], a.values, means[1], spread[1], b.values)


def _with_interval(row: Row, a: Column, b: Column) -> Row:
    if a.counted is None or b.counted is None:
        return row
    (reference, counts_a), (_, counts_b) = a.counted, b.counted
    interval = quantile_difference(reference, counts_a, counts_b, QUANTILES[row.figure])
    if interval is None:
        return row
    return msgspec.structs.replace(row, low=interval[0], high=interval[1])
