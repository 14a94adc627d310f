"""Baselines: the immutable reference that windows are compared with (``ml.baselines``).

The layout is this package's own and no promise to users. Who made a baseline and when are Kafka
headers, so that the same content always has the same id.
"""

from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.canonical import sha256_of
from schemas.features import FeatureKind
from schemas.models import Task
from schemas.names import Name

__all__ = [
    "BASELINE_HEADERS",
    "HOURS_OF_WEEK",
    "Baseline",
    "BaselineOrigin",
    "BaselinePerformance",
    "Calibration",
    "Dispersion",
    "FeatureBaseline",
    "SecondMoments",
    "baseline_id",
    "encode_baseline",
]

HOURS_OF_WEEK = 168
"""Seasons of a baseline: hours of the week, UTC, from Monday 00:00 on."""

BASELINE_HEADERS = ("created_at", "created_by")
"""Kafka headers of a baseline: facts about its making, left out of its identity."""


class BaselineOrigin(StrEnum):
    """What a baseline is made of.

    `file` is data that somebody had; the others are of what was counted: `provisional` the sample
    of a model that nobody gave one, `promoted` a window that somebody chose, `rolling` the last
    period, which the next one replaces.
    """

    FILE = "file"
    PROVISIONAL = "provisional"
    PROMOTED = "promoted"
    ROLLING = "rolling"


class Dispersion(msgspec.Struct, frozen=True, kw_only=True):
    """How much more the reference varies than independent rows would.

    Attributes
    ----------
    chunks
        Into how many time-ordered chunks the reference was cut.
    chunk_rows
        Mean number of values in a chunk.
    phi
        Variance of the chunks' distribution functions at the deciles, in multiples of what
        independent rows would have; at least 1.
    """

    chunks: int
    chunk_rows: float
    phi: float


class SecondMoments(msgspec.Struct, frozen=True, kw_only=True):
    """How numeric features vary together in the reference.

    Values are standardised, z = (x - mean) / std, counted in 64ths, clipped at 8 and 0 where
    missing.

    Attributes
    ----------
    features
        Names, d of them, in the order of the matrix.
    means
        What z is made with: of the baseline whose grid this is, also after a promotion.
    stds
        The same.
    rows
        Rows that were summed.
    sums
        d sums of z, in 64ths.
    products
        Sums of z z', in 64ths squared: the upper triangle by rows, d (d + 1) / 2 of them.
    reconstruction_error_std
        Standard deviation of `reconstruction_error` over chunks; null without time order.
    correlation_shift_mean
        Mean of `correlation_shift` over chunks, which chance alone makes positive.
    correlation_shift_std
        Its standard deviation over chunks.
    chunk_rows
        Mean number of rows in such a chunk.
    """

    features: tuple[str, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    rows: int
    sums: tuple[int, ...]
    products: tuple[int, ...]
    reconstruction_error_std: float | None = None
    correlation_shift_mean: float | None = None
    correlation_shift_std: float | None = None
    chunk_rows: float = 0.0


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
    dispersion
        Null without time order.
    seasons
        Counts by hour of the week (`HOURS_OF_WEEK` rows), in the cells between `decile_edges` (the
        first and the last are open) or in those of a categorical row without its last two, then
        missing. Empty without time order.
    descriptors
        Kinds text, embedding and set: the numeric reference of each descriptor, by its name.
    vocabulary
        Text: words that the reference has; set: its items.
    centroid
        Embedding: the mean vector.
    segment_cells
        Cell of a segment's row for each cell of this one; empty where it follows from the counts
        (`Reference.coarsened`). A promoted baseline keeps what it was counted by.
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
    dispersion: Dispersion | None = None
    seasons: tuple[tuple[int, ...], ...] = ()
    descriptors: dict[str, "FeatureBaseline"] = msgspec.field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    centroid: tuple[float, ...] = ()
    segment_cells: tuple[int, ...] = ()


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How probabilities of a class are corrected: piecewise linear, flat beyond both ends.

    Attributes
    ----------
    x
        Probabilities as the model gives them, ascending.
    y
        What share of the reference with such a probability was of the class; not descending.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]


class BaselinePerformance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How well the model did on the reference, where that has labels.

    Attributes
    ----------
    task
        What the model does; never `auto`.
    positive_class
        The class that precision, recall and the probability speak of.
    labelled
        Rows with a prediction and a label.
    figures
        Performance by the names of reports: `accuracy`, `rmse`, …
    classes
        Classes whose probabilities the reference has, sorted; binary: the positive one alone.
    calibration
        Of these classes; one that is not here is taken as it is.
    score_edges
        Inner edges of the cells (a, b] in which the join counts probabilities.
    label
        The labels themselves, as a column: what `label_psi` is measured against.
    """

    task: Task
    positive_class: str
    labelled: int
    figures: dict[str, float]
    classes: tuple[str, ...] = ()
    calibration: dict[str, Calibration] = msgspec.field(default_factory=dict)
    score_edges: tuple[float, ...] = ()
    label: FeatureBaseline | None = None


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
    origin
        What it is made of.
    features
        By name.
    prediction
        Null where the data has none.
    probability
        Of the positive class; null where the data has none.
    segments
        Rows by segment: counts of each row of the grid in the segment's cells, features by name,
        each with its descriptors, then the prediction, then the probability.
    moments
        Of the numeric features; null where there are fewer than two.
    performance
        Absent where the data has no labels.
    figures
        Means of figures that are sent along, by the names of reports (`metric.rating.mean`); absent
        where there are none.
    """

    schema_version: Literal[1] = 1
    model_name: Name
    model_version: Name
    rows: int
    start_ms: int | None = None
    end_ms: int | None = None
    provisional: bool = False
    origin: BaselineOrigin = BaselineOrigin.FILE
    features: dict[str, FeatureBaseline]
    prediction: FeatureBaseline | None = None
    probability: FeatureBaseline | None = None
    segments: dict[str, tuple[tuple[int, ...], ...]] = msgspec.field(default_factory=dict)
    moments: SecondMoments | None = None
    performance: BaselinePerformance | UnsetType = UNSET
    figures: dict[str, float] | UnsetType = UNSET


def baseline_id(baseline: Baseline) -> str:
    """Hash a baseline's content: SHA-256 hex of its canonical JSON."""
    return sha256_of(baseline)


def encode_baseline(baseline: Baseline) -> bytes:
    """Write a baseline as the JSON that goes on the topic."""
    return msgspec.json.encode(baseline)
