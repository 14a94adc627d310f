"""Our figures of what the peers were given: counted on the baseline's grid, then compared."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import IntArray
from stream.baseline.build import build_baseline
from stream.sketches.grid import NumericGrid, category_cells, category_codes
from stream.stats.drift.figures import drift_figures
from stream.stats.reference import Reference

UNSEEN, MISSING = -3, -1


def read_recording(file: str) -> Any:
    """Read what a peer was recorded to compute."""
    return json.loads((Path(__file__).parent / file).read_text("utf-8"))


def baselines_of(
    columns: Mapping[str, Any], kinds: Mapping[str, FeatureKind] | None = None
) -> Mapping[str, FeatureBaseline]:
    """Baseline of each column."""
    built = build_baseline(columns, model_name="housing", model_version="1", kinds=kinds)
    return built.features


def counts_of(baseline: FeatureBaseline, values: Any) -> IntArray:
    """Count row of a column of numbers (NaN where missing) or of classes (None where missing)."""
    if baseline.edges:
        return NumericGrid.from_baseline(baseline).count_sorted(np.sort(values))
    codes = category_codes(baseline.categories, baseline.other_categories)
    counts = np.zeros(category_cells(baseline), dtype=np.int64)
    for value in values:
        counts[MISSING if value is None else codes.get(value, UNSEEN)] += 1
    return counts


def figures_of(baseline: FeatureBaseline, values: Any) -> dict[str, float]:
    """Drift figures of a column."""
    reference = Reference.from_baseline(baseline)
    return drift_figures(reference, counts_of(baseline, values)).figures


def class_counts(reference: Any, current: Any) -> tuple[IntArray, int]:
    """Count classes from raw values, as every textbook does.

    Returns
    -------
    (2, k) reference and current rows of each class, the new ones last, and how many are new
    """
    seen = sorted({value for value in reference if value is not None})
    new = sorted({value for value in current if value is not None} - set(seen))
    rows = [[int(np.sum(values == name)) for name in seen + new] for values in (reference, current)]
    return np.array(rows, dtype=np.int64), len(new)


def with_new_joined(table: IntArray, new: int) -> IntArray:
    """Join the new classes, the last columns of a table, in one cell, as a grid does."""
    kept = table.shape[1] - new
    return np.column_stack([table[:, :kept], table[:, kept:].sum(axis=1)])
