"""The configuration of a model's features."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["DriftMetric", "FeatureConfig", "FeatureDriftConfig", "FeatureKind"]


class FeatureKind(StrEnum):
    """What a feature is, and so how it is counted.

    `id` is a string that nearly every event has another of; `constant` has one value only.
    """

    NUMERIC = "numeric"
    DISCRETE = "discrete"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    TEXT = "text"
    EMBEDDING = "embedding"
    SET = "set"
    ID = "id"
    CONSTANT = "constant"
    IGNORE = "ignore"


class DriftMetric(StrEnum):
    """Distances that a fixed threshold may be set on."""

    PSI = "psi"
    JS = "js"
    KS = "ks"
    WASSERSTEIN = "wasserstein"
    HELLINGER = "hellinger"
    CHI2 = "chi2"
    L_INFINITY = "l_infinity"


class FeatureDriftConfig(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How drift of one feature is decided, where that differs from the model's way.

    Attributes
    ----------
    metric
        Which distance decides instead of the calibrated decision; together with `threshold`.
    threshold
        The feature has drifted when the distance is above.
    min_effect
        Of the calibrated decision: smaller shifts of this feature are no drift.
    """

    metric: DriftMetric | None = None
    threshold: Annotated[float, Meta(ge=0)] | None = None
    min_effect: Annotated[float, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        if (self.metric is None) != (self.threshold is None):
            raise ValueError("`metric` and `threshold` make a fixed threshold together: give both")
        if (self.metric is None) == (self.min_effect is None):
            raise ValueError(
                "give a fixed threshold (`metric`, `threshold`) or the `min_effect` of the"
                " calibrated decision"
            )


class FeatureConfig(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One feature. Values that break a constraint are counted, and alertable.

    Attributes
    ----------
    kind
        What it is; inferred where absent.
    min
        Constraint: no value below.
    max
        Constraint: no value above.
    allowed
        Constraint: no other value.
    not_null
        Constraint: no missing value.
    regex
        Constraint: strings match it from start to end (RE2 syntax, at most 1,000 characters).
    drift
        A fixed threshold instead of the calibrated decision, or a smallest effect of its own.
    """

    kind: FeatureKind | None = None
    min: float | None = None
    max: float | None = None
    allowed: tuple[bool | int | float | str, ...] | None = None
    not_null: bool = False
    regex: Annotated[str, Meta(max_length=1000)] | None = None
    drift: FeatureDriftConfig | None = None

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
