"""Alert events as they are on the topic, and the examples as programs that read them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.alerts import AlertEvent, Severity, Status, alert_id, encode_alert, fingerprint

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
T0 = 1_790_002_800_000


def written(
    rule: str = "latency",
    status: str = "firing",
    *,
    episode: int = 0,
    severity: str = "warning",
    model: str = "credit",
    **fields: Any,
) -> bytes:
    """Write an alert event, one line."""
    labels = {"model_name": model, "model_version": "3", "window": "5m"}
    of, starts_at = fingerprint(rule, labels), T0 + episode
    event = AlertEvent(
        id=alert_id(of, starts_at, Status(status)),
        fingerprint=of,
        status=Status(status),
        severity=Severity(severity),
        rule=rule,
        labels=labels,
        summary=f"{rule} of {model} 3",
        starts_at=starts_at,
        **fields,
    )
    return encode_alert(event) + b"\n"


@pytest.fixture
def alert() -> Callable[..., bytes]:
    return written


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[bytes]]:
    def start(example: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(EXAMPLES / example), "--stdin", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start
