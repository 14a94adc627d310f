"""A baseline from what a past window counted, without its data.

The grid stays the old baseline's, so the new one's counts lie in the same cells, and workers go on
as they are. What rests on more than one window is inherited: `dispersion` and the spread of the
moments need chunks of a long time, which one window is too short for; the pattern over the week is
that of the old baseline, at the window's level.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.baselines import Baseline, FeatureBaseline, SecondMoments
from schemas.features import FeatureKind
from stream.arrays import IntArray
from stream.baseline.errors import BaselineError
from stream.baseline.features import CATEGORIES_MAX, bounded, most_frequent_first
from stream.baseline.regrid import carried_seasons, nearest_deciles, nearest_doane
from stream.sketches.grid import category_cells, full_edges
from stream.stats.drift.budget import ROWS_MIN
from stream.stats.reference import Reference

FEATURE, PREDICTION, PROBABILITY = "feature", "prediction", "probability"
LEARNED_SHARE_MIN = 0.005
"""Share of the values from which on an unseen one becomes a category: half of what the eye sees as
1 %; rarer ones stay a tail that a window may have another of."""
LEARNED_ROWS_MIN = 5
"""Cochran's rule, as in `stream.stats.drift.pooling`: rarer ones are not tested alone."""
_LEARNED_CHARACTERS_MAX = 63
"""Names of unseen values are cut at 64 characters: one so long may not be whole."""


class CountedRow(NamedTuple):
    """What a window counted of one column.

    Attributes
    ----------
    counts : (cells,) rows by grid cell
    mean, std, min, max : of its numbers; None where there are none
    unseen : rows of values that the baseline does not have, as far as they were kept
    """

    counts: Sequence[int]
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    unseen: Mapping[str, int] = {}


class CountedMoments(NamedTuple):
    """What a window summed of pairs of features: rows, (d,) sums, (d (d + 1) / 2,) products."""

    rows: int
    sums: Sequence[int]
    products: Sequence[int]


def promoted(
    baseline: Baseline,
    rows: Mapping[tuple[str, str], CountedRow],
    *,
    model_version: str,
    start_ms: int,
    end_ms: int,
    learn_categories: bool,
    moments: CountedMoments | None = None,
    segments: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> Baseline:
    """Make a baseline of a window that was counted on another one's grid.

    Parameters
    ----------
    baseline : whose grid it is
    rows : by role (feature, prediction, probability) and name, all that the baseline has;
        descriptors as features ``<column>.<descriptor>``
    model_version : of the new baseline
    start_ms, end_ms : of the window, epoch ms
    learn_categories : whether unseen values that are frequent become categories; the grid is
        another one then
    moments : of the window; None keeps the old baseline's
    segments : counts of the window's segments, as `Baseline.segments` has them

    Raises
    ------
    BaselineError
        For a window of fewer than 200 rows.

    Notes
    -----
    Segments are left out where categories were learned: theirs were counted without those.

    Edges stay. Those of deciles and of Doane's bins are the grid's that are nearest to the window's
    own. Mean, standard deviation, minimum and maximum are the window's; its range is still the
    grid's, so values beyond it are counted as below or above range as they were in the window, and
    the new reference knows how many are normal. Booleans learn no categories.
    """
    count = max((sum(row.counts) for row in rows.values()), default=0)
    if count < ROWS_MIN:
        found = f"{count} rows" if count else "no rows"
        raise BaselineError(
            f"the window has {found}, but a baseline needs at least {ROWS_MIN}: choose a longer one"
        )

    one = partial(_promoted_column, rows, learn=learn_categories)
    prediction, probability = baseline.prediction, baseline.probability
    features = {name: one(FEATURE, name, of) for name, of in baseline.features.items()}
    same_cells = all(
        of.categories == features[name].categories for name, of in baseline.features.items()
    )
    kept = segments if segments is not None and same_cells else {}
    return msgspec.structs.replace(
        baseline,
        model_version=model_version,
        rows=count,
        start_ms=start_ms,
        end_ms=end_ms,
        provisional=False,
        features=features,
        prediction=prediction and one(PREDICTION, PREDICTION, prediction),
        probability=probability and one(PROBABILITY, PROBABILITY, probability),
        moments=_promoted_moments(baseline.moments, moments),
        segments={name: tuple(map(tuple, rows)) for name, rows in kept.items()},
    )


def _promoted_column(
    rows: Mapping[tuple[str, str], CountedRow],
    role: str,
    name: str,
    reference: FeatureBaseline,
    *,
    learn: bool,
) -> FeatureBaseline:
    """Promote a column and its descriptors."""
    descriptors = {
        descriptor: _promoted_row(of, rows[FEATURE, f"{name}.{descriptor}"], learn=False)
        for descriptor, of in reference.descriptors.items()
    }
    made = _promoted_row(reference, rows[role, name], learn=learn)
    return msgspec.structs.replace(made, descriptors=descriptors)


def _promoted_moments(
    old: SecondMoments | None, counted: CountedMoments | None
) -> SecondMoments | None:
    if old is None or counted is None or counted.rows == 0:
        return old
    return msgspec.structs.replace(
        old, rows=counted.rows, sums=tuple(counted.sums), products=tuple(counted.products)
    )


def _promoted_row(old: FeatureBaseline, row: CountedRow, *, learn: bool) -> FeatureBaseline:
    counts = np.array(row.counts, dtype=np.int64)
    cells = len(full_edges(np.array(old.edges))) + 1 if old.edges else category_cells(old)
    if len(counts) != cells:
        raise ValueError(f"the window has {len(counts)} cells, its baseline {cells}")
    made = msgspec.structs.replace(
        old,
        segment_cells=_segment_cells(old),
        counts=tuple(counts.tolist()),
        missing_count=int(counts[-1]),
        mismatched_count=int(counts[-2]),
    )
    if old.edges:
        return _promoted_numbers(old, made, counts, row)
    if old.categories:
        return _promoted_classes(old, made, counts, row.unseen if learn else {})
    return made


def _segment_cells(old: FeatureBaseline) -> tuple[int, ...]:
    """Cells of segments stay what they were, as those of the grid do."""
    return old.segment_cells or tuple(Reference.from_baseline(old).coarsened()[1].tolist())


def _promoted_numbers(
    old: FeatureBaseline, made: FeatureBaseline, counts: IntArray, row: CountedRow
) -> FeatureBaseline:
    made = msgspec.structs.replace(made, mean=row.mean, std=row.std, min=row.min, max=row.max)
    values = counts[:-2]
    if not values.any():
        return made
    uppers = full_edges(np.array(old.edges))[:-1]
    deciles = old.decile_edges
    if old.kind is not FeatureKind.DISCRETE:
        deciles = tuple(nearest_deciles(values, uppers).tolist())
    kind = old.kind
    if kind is FeatureKind.CONSTANT and np.count_nonzero(values) > 1:
        kind = FeatureKind.NUMERIC
    before, after = (
        np.append(np.searchsorted(edges, uppers), len(edges) + 1)
        for edges in (old.decile_edges, deciles)
    )
    return msgspec.structs.replace(
        made,
        kind=kind,
        decile_edges=deciles,
        doane_edges=tuple(nearest_doane(values, uppers, np.array(old.edges)).tolist()),
        seasons=carried_seasons(old.seasons, before, after, np.append(values, counts[-1])),
    )


def _promoted_classes(
    old: FeatureBaseline, made: FeatureBaseline, counts: IntArray, unseen: Mapping[str, int]
) -> FeatureBaseline:
    known = len(old.categories)
    fixed = counts[known:].copy()
    learned = _learned(old, counts, unseen)
    fixed[-3] -= sum(learned.values())
    by_category = dict(zip(old.categories, counts[:known].tolist(), strict=True)) | learned
    categories = sorted(by_category)
    place = {category: cell for cell, category in enumerate(old.categories)}
    rest = len(fixed) - 2
    unseen_place = known + rest - 1
    before = [place.get(category, unseen_place) for category in categories]
    before += range(known, known + rest + 1)
    new_counts = [by_category[category] for category in categories] + fixed.tolist()
    kind = old.kind
    if kind is FeatureKind.CONSTANT and sum(count > 0 for count in by_category.values()) > 1:
        boolean = categories == ["0", "1"]
        kind = FeatureKind.BOOLEAN if boolean else FeatureKind.CATEGORICAL
    return msgspec.structs.replace(
        made,
        kind=kind,
        segment_cells=() if learned else made.segment_cells,
        counts=tuple(new_counts),
        categories=tuple(categories),
        seasons=carried_seasons(
            old.seasons,
            np.array(before),
            np.arange(len(before)),
            np.array(new_counts[:-2] + new_counts[-1:]),
        ),
    )


def _learned(old: FeatureBaseline, counts: IntArray, unseen: Mapping[str, int]) -> dict[str, int]:
    """Unseen values that become categories, and their rows."""
    if old.kind is FeatureKind.BOOLEAN:
        return {}
    least = max(LEARNED_ROWS_MIN, LEARNED_SHARE_MIN * int(counts[:-2].sum()))
    frequent = {
        name: rows
        for name, rows in unseen.items()
        if rows >= least and len(name) <= _LEARNED_CHARACTERS_MAX
    }
    free = CATEGORIES_MAX - len(old.categories)
    left = int(counts[-3])
    learned = {}
    for name in bounded(most_frequent_first(frequent), max(0, free)):
        if frequent[name] <= left:
            learned[name] = frequent[name]
            left -= frequent[name]
    return learned
