"""Laws that performance figures keep for any labels and scores."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.arrays import FloatArray, IntArray
from stream.stats.performance.average_precision import average_precision
from stream.stats.performance.calibration import reliability_curve
from stream.stats.performance.cells import ScoreCells
from stream.stats.performance.confusion import Confusion, binary_figures
from stream.stats.performance.delays import delay_quantile_ms
from stream.stats.performance.macro import macro_figures
from stream.stats.performance.roc_auc import roc_auc

SCORES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
"""With many ties."""
ROWS = st.lists(st.tuples(SCORES, st.booleans()), min_size=1, max_size=60)
EDGES = st.lists(
    st.one_of(SCORES, st.sampled_from([float(np.nextafter(0.25, 0)), float(np.nextafter(1, 0))])),
    max_size=12,
).map(lambda edges: np.unique([edge for edge in edges if edge < 1]))
CLASSES = st.sampled_from("abcd")
PAIRS = st.dictionaries(st.tuples(CLASSES, CLASSES), st.integers(1, 1_000), min_size=1)
ROUNDING = 1e-12


def counted(rows: Any, edges: FloatArray) -> IntArray:
    scores, hits = (np.array(column) for column in zip(*rows, strict=True))
    of = np.searchsorted(edges, scores, side="left")
    cells = [np.bincount(of[hits == kind], minlength=len(edges) + 1) for kind in (False, True)]
    return np.stack(cells)


def exact_area(rows: Any) -> float:
    """Share of pairs in order, ties half, pair by pair."""
    others = np.array([score for score, hit in rows if not hit])
    of_class = np.array([score for score, hit in rows if hit])
    above = of_class[:, None] - others[None, :]
    return float(((above > 0) + (above == 0) / 2).mean())


def exact_precision(rows: Any) -> float:
    """Mean over rows of the class of the precision among all that score as high, row by row."""
    precisions = [
        np.mean([hit for other, hit in rows if other >= score]) for score, of in rows if of
    ]
    return float(np.mean(precisions))


@given(rows=ROWS, edges=EDGES)
@settings(max_examples=300, deadline=None)
def test_figures_of_scores_are_within_their_bounds(rows: Any, edges: Any) -> None:
    counts, single = counted(rows, edges), ScoreCells.between(edges).single
    area, precision = roc_auc(counts, single), average_precision(counts, single)
    if len({hit for _, hit in rows}) == 1:
        assert area is precision is None
        return
    for found, exact in ((area, exact_area(rows)), (precision, exact_precision(rows))):
        assert found is not None
        assert found.least - ROUNDING <= exact <= found.most + ROUNDING
        low, high = found.figure.low, found.figure.high
        assert low is not None
        assert high is not None
        assert 0 <= low <= found.least <= found.value <= found.most <= high <= 1


@given(rows=ROWS, edges=EDGES, more=EDGES)
@settings(max_examples=150, deadline=None)
def test_finer_cells_lose_no_more(rows: Any, edges: Any, more: Any) -> None:
    finer = np.union1d(edges, more)
    for figure in (roc_auc, average_precision):
        coarse = figure(counted(rows, edges), ScoreCells.between(edges).single)
        fine = figure(counted(rows, finer), ScoreCells.between(finer).single)
        if coarse is None or fine is None:
            assert coarse is fine
            continue
        assert coarse.least - ROUNDING <= fine.least
        assert fine.most <= coarse.most + ROUNDING


@given(rows=ROWS, edges=EDGES)
@settings(max_examples=150, deadline=None)
def test_the_area_of_the_other_class_is_the_same(rows: Any, edges: Any) -> None:
    counts, single = counted(rows, edges), ScoreCells.between(edges).single
    area, turned = roc_auc(counts, single), roc_auc(counts[::-1, ::-1], single[::-1])
    if area is None or turned is None:
        assert area is turned
        return
    assert abs(area.value - turned.value) < ROUNDING
    assert area.figure.low is not None
    assert turned.figure.low is not None
    assert abs(area.figure.low - turned.figure.low) < 1e-9


@given(rows=ROWS, edges=EDGES)
@settings(max_examples=200, deadline=None)
def test_a_reliability_curve_holds_every_row_once(rows: Any, edges: Any) -> None:
    cells = ScoreCells.between(edges)
    curve = reliability_curve(counted(rows, edges), cells)
    assert curve is not None
    assert len(curve.rows) <= 10
    assert curve.rows.sum() == len(rows)
    assert curve.rows.min() > 0
    assert np.all(np.diff(curve.means) > 0)
    assert round(float(curve.rows @ curve.observed)) == sum(hit for _, hit in rows)
    true = sum(score for score, _ in rows)
    assert abs(curve.rows @ curve.means - true) <= curve.rows @ curve.means_error_max + 1e-9
    split = curve.brier_split()
    assert 0 <= split.resolution <= split.uncertainty + ROUNDING <= 0.25 + 2 * ROUNDING
    assert curve.calibration_error**2 <= split.reliability + ROUNDING


@given(pairs=PAIRS)
@settings(max_examples=200, deadline=None)
def test_figures_of_classes_are_shares_inside_their_intervals(pairs: Any) -> None:
    confusion = Confusion.of(pairs)
    for figures in (binary_figures(confusion, "a"), macro_figures(confusion)):
        for figure in figures.values():
            assert figure.low is not None
            assert figure.high is not None
            assert 0 <= figure.low <= figure.value <= figure.high <= 1


@given(pairs=PAIRS)
@settings(max_examples=100, deadline=None)
def test_names_of_classes_do_not_matter(pairs: Any) -> None:
    names = dict(zip("abcd", "zyxw", strict=True))
    renamed = {(names[p], names[a]): n for (p, a), n in pairs.items()}
    before, after = macro_figures(Confusion.of(pairs)), macro_figures(Confusion.of(renamed))
    for name, figure in before.items():
        for one, other in zip(
            (figure.value, figure.low, figure.high),
            (after[name].value, after[name].low, after[name].high),
            strict=True,
        ):
            assert one is not None
            assert other is not None
            assert abs(one - other) < ROUNDING


@given(pairs=PAIRS)
@settings(max_examples=100, deadline=None)
def test_a_class_against_the_rest_is_binary(pairs: Any) -> None:
    rest: Counter[tuple[str, str]] = Counter()
    for (predicted, actual), n in pairs.items():
        rest["a" if predicted == "a" else "b", "a" if actual == "a" else "b"] += n
    figures = binary_figures(Confusion.of(pairs), "a")
    of_two = binary_figures(Confusion.of(rest), "a")
    for name in ("precision", "recall", "f1"):
        assert figures.get(name) == of_two.get(name)


@given(counts=st.lists(st.integers(0, 50), min_size=1, max_size=64), q=st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_a_delay_lies_in_a_cell_that_holds_labels(counts: Any, q: Any) -> None:
    found = delay_quantile_ms(np.array(counts), q)
    if not any(counts):
        assert found is None
        return
    assert found is not None
    held = [i for i, n in enumerate(counts) if n]
    bounds = [2.0**octave * (1 + step / 8) for octave in range(9) for step in range(8)]
    assert any(bounds[i] <= found <= bounds[i + 1] for i in held)
    assert found <= (delay_quantile_ms(np.array(counts), min(1.0, q + 0.1)) or 0)
