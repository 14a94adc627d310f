"""Baselines: the immutable reference that windows are compared with (``ml.baselines``).

The layout is this package's own and no promise to users. Who made a baseline and when are Kafka
headers, so that the same content always has the same id.
"""

from typing import Literal

import msgspec

from schemas.canonical import sha256_of
from schemas.features import FeatureKind
from schemas.names import Name

__all__ = ["BASELINE_HEADERS", "Baseline", "FeatureBaseline", "baseline_id", "encode_baseline"]

BASELINE_HEADERS = ("created_at", "created_by")
"""Kafka headers of a baseline: facts about its making, left out of its identity."""


class FeatureBaseline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reference of one feature, of the prediction or of the probability.

    Attributes
    ----------
    kind
        What it is; never `ignore`.
    missing_count
        Rows without a value.
    mismatched_count
        Rows with a value of another type.
    counts
        Rows by grid cell, in the layout of a window's count row.
    edges
        Numeric kinds: sorted edges. Cells are (a, b] between consecutive edges, with 64 geometric
        cells below and 64 above the reference range.
    decile_edges
        Subset of `edges`.
    doane_edges
        Subset of `edges`.
    scale_exponent
        Sums in fixed point store round(x * 2**-scale_exponent).
    mean
        Of the values, in the feature's unit.
    std
        Standard deviation, in the feature's unit.
    min
        Smallest value.
    max
        Largest value.
    categories
        Categorical kinds: the values that have cells of their own, as classes (`canonical_class`).
    other_categories
        Further values, which share the cell `other`; where there are none, there is no such cell.
    """

    kind: FeatureKind
    missing_count: int = 0
    mismatched_count: int = 0
    counts: tuple[int, ...] = ()
    edges: tuple[float, ...] = ()
    decile_edges: tuple[float, ...] = ()
    doane_edges: tuple[float, ...] = ()
    scale_exponent: int = 0
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    categories: tuple[str, ...] = ()
    other_categories: tuple[str, ...] = ()


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The reference of one model version.

    Attributes
    ----------
    schema_version
        Always 1.
    model_name
        The model.
    model_version
        The version whose data it is made of.
    rows
        How many rows it is made of.
    start_ms
        Event time of the first row, epoch ms; null without time order.
    end_ms
        Event time of the last row, epoch ms; null without time order.
    provisional
        Whether it was learned from traffic.
    features
        By name.
    prediction
        Null where the data has none.
    probability
        Of the positive class; null where the data has none.
    """

    schema_version: Literal[1] = 1
    model_name: Name
    model_version: Name
    rows: int
    start_ms: int | None = None
    end_ms: int | None = None
    provisional: bool = False
    features: dict[str, FeatureBaseline]
    prediction: FeatureBaseline | None = None
    probability: FeatureBaseline | None = None


def baseline_id(baseline: Baseline) -> str:
    """Hash a baseline's content: SHA-256 hex of its canonical JSON."""
    return sha256_of(baseline)


def encode_baseline(baseline: Baseline) -> bytes:
    """Write a baseline as the JSON that goes on the topic."""
    return msgspec.json.encode(baseline)
