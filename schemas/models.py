"""The configuration of models.

These structs are the form on ``ml.config``. Files may also use aliases and other spellings, which
`schemas.config.parse_config` turns into this form.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.canonical import sha256_of
from schemas.durations import Duration, parse_duration_ms
from schemas.features import FeatureConfig
from schemas.names import Name
from schemas.windows import WindowConfig, WindowSpec, window_spec

__all__ = [
    "WINDOWS_DEFAULT",
    "AbsentMeans",
    "DriftConfig",
    "LabelsConfig",
    "ModelConfig",
    "Task",
    "config_id",
    "window_specs",
]

WINDOWS_DEFAULT = ("1m", "5m", "1h", "1d", "7d")

VERSION_PATTERN = r"\A([A-Za-z0-9._-]{1,128}|\*)\Z"
BASELINE_PATTERN = r"\A(inherit|provisional|rolling|seasonal|[0-9a-f]{64})\Z"

# As `Duration`: the pattern is for the published schemas.
DecisionWindow = Annotated[
    str, Meta(extra_json_schema={"pattern": r"\A(auto|[0-9]{1,15}(ms|s|m|h|d))\Z"})
]
Share = Annotated[float, Meta(ge=0, le=1)]
PositiveShare = Annotated[float, Meta(gt=0, le=1)]
# One alarm every 43 minutes; a budget above is a mistyping.
_MONTHLY_ALARMS_MAX = 1_000


class Task(StrEnum):
    """What a model does; `auto` infers it from its predictions."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RANKING = "ranking"
    AUTO = "auto"


class DriftConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How drift is decided.

    Attributes
    ----------
    false_alarms_per_month
        The budget of a model version: false alarms in 30 days without any drift.
    decision_window
        A duration; `auto` is 1h, 1d or 7d by the baseline's own rate.
    min_effect
        Shifts smaller than this are no drift.
    """

    false_alarms_per_month: Annotated[float, Meta(gt=0, le=_MONTHLY_ALARMS_MAX)] = 1.0
    decision_window: DecisionWindow = "auto"
    min_effect: Annotated[float, Meta(ge=0)] = 0.02

    def __post_init__(self) -> None:
        if self.decision_window != "auto":
            window_spec(self.decision_window)


class AbsentMeans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a missing label means, where it means something (clicks, fraud, churn).

    Attributes
    ----------
    value
        The label.
    after
        A duration from the prediction on.
    """

    value: bool | int | float | str
    after: Duration

    def __post_init__(self) -> None:
        parse_duration_ms(self.after)


class LabelsConfig(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How labels are joined.

    Attributes
    ----------
    join_horizon
        How long a prediction waits for its label, and a label for its prediction; a duration.
    sampling_rate
        Share of requests that are joined, by hash of the request id.
    min_coverage
        Performance rules look at windows with at least this label coverage.
    absent_means
        What a missing label means; null where it means nothing.
    """

    join_horizon: Duration = "7d"
    sampling_rate: PositiveShare = 1.0
    min_coverage: Share = 0.8
    absent_means: AbsentMeans | None = None

    def __post_init__(self) -> None:
        parse_duration_ms(self.join_horizon)


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model, or one version of it (``model/<name>/<version>``).

    Attributes
    ----------
    model_name
        The model; `model_id` is an alias in files.
    model_version
        The version; `*` is every one that has no configuration of its own.
    task
        `binary`, `multiclass`, `regression`, `ranking` or `auto`.
    positive_class
        The class that precision, recall and the probability speak of.
    windows
        Durations, or tables with `size` and `every`.
    performance_metrics
        The figures to show first; all are computed.
    performance_threshold
        Figure to bound; each becomes a rule.
    drift_detection_interval
        Of the guides: seconds, or a duration. Stands for the decision window where that is `auto`.
    alert_channels
        Where alerts of this model go, unless a rule or a route says otherwise.
    log_predictions
        Whether predictions are kept in the prediction log.
    retention_days
        How long the prediction log and Redis keep this model without traffic.
    sampling_rate
        Share of events that feature figures cover, by hash of the request id; counts stay exact.
    segments
        Features, or tags as `tags.<name>`, by whose values figures are split; or `auto`.
    baseline
        A baseline id, or `inherit` (from the previous version), `provisional`, `rolling`,
        `seasonal`.
    drift
        How drift is decided.
    labels
        How labels are joined.
    features
        What is known of features, by name.
    """

    model_name: Name
    model_version: Annotated[str, Meta(pattern=VERSION_PATTERN)] = "*"
    task: Task = Task.AUTO
    positive_class: str = "1"
    windows: tuple[Duration | WindowConfig, ...] = WINDOWS_DEFAULT
    performance_metrics: tuple[str, ...] = ()
    performance_threshold: dict[str, float] = msgspec.field(default_factory=dict)
    drift_detection_interval: Annotated[int, Meta(gt=0)] | Duration | None = None
    alert_channels: tuple[str, ...] = ("log",)
    log_predictions: bool = True
    retention_days: Annotated[int, Meta(ge=1)] = 90
    sampling_rate: PositiveShare = 1.0
    segments: Literal["auto"] | tuple[str, ...] = ()
    baseline: Annotated[str, Meta(pattern=BASELINE_PATTERN)] = "inherit"
    drift: DriftConfig = DriftConfig()
    labels: LabelsConfig = LabelsConfig()
    features: dict[str, FeatureConfig] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [spec.name for spec in window_specs(self)]
        if len(set(names)) < len(names):
            raise ValueError(f"windows {', '.join(names)}: each may be there once")
        if isinstance(self.drift_detection_interval, str):
            parse_duration_ms(self.drift_detection_interval)
        if unusable := [name for name in self.segments if "=" in name]:
            raise ValueError(f"segments: {unusable[0]!r} has a '=', which separates name and value")


def window_specs(config: ModelConfig) -> tuple[WindowSpec, ...]:
    """Return what the configured windows mean, shortest first."""
    return tuple(sorted(map(window_spec, config.windows)))


def config_id(config: ModelConfig) -> str:
    """Hash a configuration: SHA-256 hex of its canonical JSON; the `config_id` of reports."""
    return sha256_of(config)
