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


class FeatureDriftConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fixed threshold instead of the calibrated decision.

    Attributes
    ----------
    metric
        Which distance decides.
    threshold
        The feature has drifted when the distance is above.
    """

    metric: DriftMetric
    threshold: Annotated[float, Meta(ge=0)]


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
        A fixed threshold instead of the calibrated decision.
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
