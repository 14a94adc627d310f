"""Window reports: what is known of one model version, segment and window (``ml.metrics``)."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.canonical import sha256_of
from schemas.metric_names import FEATURE_METRIC_NAMES, METRIC_NAMES, Metric, describe
from schemas.names import Name

__all__ = [
    "FEATURE_METRIC_NAMES",
    "METRIC_NAMES",
    "BaselineRef",
    "Metric",
    "Window",
    "WindowReport",
    "describe",
    "encode_report",
    "report_id",
    "with_report_id",
]

REPORT_HEADERS = ("emitted_at",)
"""Kafka headers of a report: wall-clock facts, left out of its identity."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A span of event time, aligned to multiples since 1970 (UTC).

    Attributes
    ----------
    name
        Canonical name of the size, such as `1h`.
    size_ms
        Length in milliseconds.
    start
        First millisecond inside, epoch ms.
    end
        First millisecond after it, epoch ms.
    tumbling
        Whether `end` is a multiple of the size.
    """

    name: str
    size_ms: int
    start: int
    end: int
    tumbling: bool


class BaselineRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which baseline the figures compare with.

    Attributes
    ----------
    id
        SHA-256 of its content.
    rows
        How many rows it was made of.
    provisional
        Whether it was learned from traffic.
    """

    id: str
    rows: int
    provisional: bool


class WindowReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one window of one model version and segment.

    Attributes
    ----------
    id
        SHA-256 of the canonical JSON of the rest; same id, same content.
    schema_version
        Always 1.
    model_name
        The model.
    model_version
        Its version.
    segment
        `name=value`, such as `country=FR`; null for all traffic.
    window
        Which window.
    revision
        Accepted events + label matches + corrections; the highest of a window is its truth.
    complete
        False where part of the window was not seen (retention, start-up).
    exact
        False where feature figures cover only `sampled_count` of `count` events.
    count
        Accepted events.
    sampled_count
        Events that feature figures cover.
    label_count
        Events with a label.
    baseline
        What drift is measured against; null where there is none.
    config_id
        SHA-256 of the model's configuration; null where it has none.
    metrics
        Figures by name; one that can't be computed is absent.
    features
        Figures by feature and name.
    errors
        Errors by type; absent where there is none.
    confusion
        Labelled events by actual, then predicted class; absent where there is none.
    classes
        Performance by class and name, `support` is its labelled events; absent where there is none.
    reliability
        Mean probability, observed share and labelled events of up to ten bins, by probability;
        absent where there is none.
    """

    id: str
    schema_version: Literal[1] = 1
    model_name: Name
    model_version: Name
    segment: str | None
    window: Window
    revision: int
    complete: bool
    exact: bool
    count: int
    sampled_count: int
    label_count: int
    baseline: BaselineRef | None
    config_id: str | None
    metrics: dict[str, bool | int | float]
    features: dict[str, dict[str, bool | int | float | str]]
    errors: dict[str, int] | UnsetType = UNSET
    confusion: dict[str, dict[str, int]] | UnsetType = UNSET
    classes: dict[str, dict[str, int | float]] | UnsetType = UNSET
    reliability: list[tuple[float, float, int]] | UnsetType = UNSET


def report_id(report: WindowReport) -> str:
    """Hash everything in a report but its id.

    Returns
    -------
    str
        SHA-256 hex of the canonical JSON (`schemas.canonical`) of the object without `id`.
    """
    content = msgspec.to_builtins(report)
    del content["id"]
    return sha256_of(content)


def with_report_id(report: WindowReport) -> WindowReport:
    """Return the report with the id its content has."""
    return msgspec.structs.replace(report, id=report_id(report))


def encode_report(report: WindowReport) -> bytes:
    """Write a report as the JSON that goes on the topic; field order as in the struct."""
    return msgspec.json.encode(report)
