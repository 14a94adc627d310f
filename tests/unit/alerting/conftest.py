"""Reports and alert events as tests need them."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from schemas.alerts import AlertEvent, Severity, Status, alert_id, fingerprint
from schemas.metrics import BaselineRef, Window, WindowReport, with_report_id

MINUTE_MS = 60_000
T0 = 1_790_002_800_000  # 2026-09-21 15:00 UTC


@pytest.fixture
def make_report() -> Callable[..., WindowReport]:
    def make(
        minute: int = 0, window: str = "5m", size_ms: int = 5 * MINUTE_MS, **fields: Any
    ) -> WindowReport:
        end = T0 + minute * MINUTE_MS
        baseline = BaselineRef(id="b" * 64, rows=1000, provisional=False)
        report = WindowReport(
            id="",
            model_name="credit",
            model_version="3",
            segment=None,
            window=Window(
                name=window,
                size_ms=size_ms,
                start=end - size_ms,
                end=end,
                tumbling=end % size_ms == 0,
            ),
            revision=100,
            complete=True,
            exact=True,
            count=100,
            sampled_count=100,
            label_count=0,
            baseline=baseline,
            config_id=None,
            metrics={},
            features={},
        )
        return with_report_id(msgspec.structs.replace(report, **fields))

    return make


@pytest.fixture
def make_event() -> Callable[..., AlertEvent]:
    """Make an event of an alert; of the same rule and labels it is the same alert's."""

    def make(rule: str = "error-rate", **fields: Any) -> AlertEvent:
        labels = fields.pop("labels", {"model_name": "credit", "model_version": "3"})
        status = fields.pop("status", Status.FIRING)
        starts_at = fields.pop("starts_at", T0)
        of = fingerprint(rule, labels)
        given = {"severity": Severity.WARNING, "summary": f"{rule} is {status.value}"} | fields
        return AlertEvent(
            id=alert_id(of, starts_at, status),
            fingerprint=of,
            status=status,
            rule=rule,
            labels=labels,
            starts_at=starts_at,
            fired_at=starts_at,
            **given,
        )

    return make
