"""Reports and alerts as the demo reads them back."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from schemas.alerts import AlertEvent, Severity, Status
from schemas.metrics import Window, WindowReport

DAY_MS = 86_400_000
MONTH_MS = 30 * DAY_MS
JUNE_MS = 626 * MONTH_MS  # 2021-06-02, where windows of 30 days begin

Make = Callable[..., Any]


@pytest.fixture
def make_report() -> Make:
    """Make the report of the nth window of 30 days from June 2021 on."""

    def make(number: int, metrics: Mapping[str, Any], **more: Any) -> WindowReport:
        start = JUNE_MS + number * MONTH_MS
        window = Window(
            name="30d", size_ms=MONTH_MS, start=start, end=start + MONTH_MS, tumbling=True
        )
        fields: dict[str, Any] = {
            "id": "",
            "model_name": "housing",
            "model_version": "1",
            "segment": None,
            "window": window,
            "revision": 1,
            "complete": True,
            "exact": True,
            "count": 720,
            "sampled_count": 720,
            "label_count": 720,
            "baseline": None,
            "config_id": None,
            "features": {},
            "metrics": {"label_coverage": 1.0, **metrics},
        }
        return WindowReport(**fields | more)

    return make


@pytest.fixture
def make_alert() -> Make:
    """Make an event of an alert that began on the nth day."""

    def make(rule: str, day: int, ends: int | None = None, **more: Any) -> AlertEvent:
        fields: dict[str, Any] = {
            "id": f"{rule} {day} {ends}",
            "fingerprint": rule,
            "status": Status.FIRING if ends is None else Status.RESOLVED,
            "severity": Severity.ERROR,
            "rule": rule,
            "labels": {"model_name": "housing"},
            "summary": f"{rule} began",
            "starts_at": JUNE_MS + day * DAY_MS,
            "fired_at": JUNE_MS + day * DAY_MS,
            "ends_at": None if ends is None else JUNE_MS + ends * DAY_MS,
        }
        return AlertEvent(**fields | more)

    return make
