"""What a real Alertmanager makes of alerts in its own form."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alertmanager import Alertmanager, alertmanager, receiver
from programs import until

LABELS = {"alertname": "error-rate", "model_name": "credit", "severity": "error"}


def post(to: Alertmanager, *alerts: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{to.url}/api/v2/alerts",
        json.dumps(alerts).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_an_alert_fires_once_and_is_resolved(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    alert = {
        "labels": LABELS,
        "annotations": {"summary": "error rate of credit is 12 %"},
        "startsAt": (now - timedelta(minutes=3)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "generatorURL": "http://127.0.0.1/alerts/error-rate",
    }
    with receiver() as hook, alertmanager(tmp_path, hook.url) as running:
        post(running, alert)
        until(lambda: hook.got, "the webhook is told")
        assert [found["labels"] for found in running.alerts()] == [LABELS]

        post(running, alert)  # as a channel that repeats after a crash
        post(running, alert | {"endsAt": datetime.now(UTC).isoformat()})
        until(lambda: len(hook.got) > 1, "the webhook is told of the end")
        assert running.alerts() == []

    firing, resolved = hook.got
    assert [message["status"] for message in hook.got] == ["firing", "resolved"]
    assert [found["fingerprint"] for found in firing["alerts"]] == [
        found["fingerprint"] for found in resolved["alerts"]
    ]
    for message in hook.got:
        (told,) = message["alerts"]
        assert told["status"] == message["status"]
        assert told["labels"] == LABELS
        assert told["annotations"] == alert["annotations"]
        assert told["generatorURL"] == alert["generatorURL"]
