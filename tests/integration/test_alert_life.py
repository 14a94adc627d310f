"""Alerts as their users meet them: sent from outside, silenced, listed, acted upon by programs."""

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alert_helpers import MINUTE_MS, T0, alerts_on_topic, by_id, make_report, send_reports, webhook
from programs import Programs, until

from stream.kafka import ensure_topics
from stream.settings import Settings, load_settings

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
RULES = """
[[rules]]
name = "accuracy-drop"
window = "1h"
condition = "< 0.9"
[[rules]]
name = "latency"
condition = "> 100"
for = "0s"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def ask(port: int, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/{path}", data)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def sent(rule: str, model: str, **fields: Any) -> dict[str, Any]:
    return {"rule": rule, "labels": {"model_name": model}, "severity": "error", **fields}


@contextmanager
def example(name: str, settings: Settings, log: Path, *arguments: str) -> Iterator[None]:
    """Run one of the examples."""
    command = [sys.executable, str(EXAMPLES / name), "--topic", f"{settings.namespace}.alerts"]
    command += ["--servers", str(settings.bootstrap_servers), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def test_an_alert_from_outside_is_told_silenced_and_listed_as_any_other(
    programs: Programs, tmp_path: Path
) -> None:
    port = free_port()
    settings = load_settings(environment=programs.environment)
    ensure_topics(settings)
    with webhook() as hook:
        config = tmp_path / "streamgauge.toml"
        config.write_text(f'[channels.hook]\ntype = "webhook"\nurl = "{hook.url}"\n')
        programs.start("agents", "--config", str(config), STREAMGAUGE_HTTP__PORT=str(port))
        made = programs.run(
            "alerts", "send", "export-failed", "-l", "model_name=credit", "-s", "error"
        )
        assert (made.returncode, made.stderr) == (0, "")
        until(lambda: len(hook.got) == 1, "the webhook is told of what was sent by command")
        (again,) = ask(port, "alerts", sent("export-failed", "credit"))["alerts"]
        assert not again["changed"]

        quiet = ask(
            port,
            "silences",
            {"match": {"rule": "late-*"}, "duration": "1h", "comment": "known"},
        )
        ask(port, "alerts", [sent("late-labels", "credit"), sent("other", "fraud")])
        until(lambda: len(hook.got) == 2, "the webhook is told of what is not silenced")
        assert hook.got[-1][1].rule == "other"
        listed = {alert["rule"]: alert for alert in ask(port, "alerts")}
        assert listed["late-labels"]["silenced_by"] == quiet["id"]
        assert listed["late-labels"]["incident"] == listed["export-failed"]["incident"]
        assert listed["other"]["incident"] != listed["export-failed"]["incident"]
        shown = programs.run("alerts", "list").stdout
        assert "credit: 2 alerts of one incident" in shown
        assert f"silenced by {quiet['id']}" in shown

        assert programs.run("alerts", "unsilence", quiet["id"]).returncode == 0
        until(lambda: len(hook.got) == 3, "the webhook is told when the silence has ended")
        assert hook.got[-1][1].rule == "late-labels"
        over = [
            sent(rule, "credit", status="resolved") for rule in ("export-failed", "late-labels")
        ]
        assert all(one["changed"] for one in ask(port, "alerts", over)["alerts"])
        until(lambda: len(hook.got) == 5, "the webhook is told of both ends")
        refused = programs.run("alerts", "send", "latency")
        assert refused.returncode == 1
        assert "rule of Streamgauge's own" in refused.stderr
    events = by_id(alerts_on_topic(settings))
    assert len(events) == 5
    assert {event.source for event in events.values()} == {"sent"}


def test_the_examples_act_on_alerts(programs: Programs, tmp_path: Path) -> None:
    settings = load_settings(environment=programs.environment)
    ensure_topics(settings)
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    assert programs.run("rules", "apply", str(rules)).returncode == 0
    programs.start("agents")
    handled, retrained, scaled = (tmp_path / name for name in ("handled", "retrain", "scale"))
    labelled = make_report(
        60, "1h", label_count=90, metrics={"label_coverage": 0.9, "accuracy": 0.5}
    )
    slow = make_report(60, metrics={"latency_p95_ms": 500.0})
    with (
        example("retrain.py", settings, retrained, "--handled", str(handled), "--", "cat"),
        example("autoscaler.py", settings, scaled, "--model", "credit", "--cooldown", "0"),
    ):
        send_reports(settings, labelled, slow)
        until(lambda: "accuracy of credit 3" in retrained.read_text(), "the model is retrained")
        until(lambda: "replicas 2" in scaled.read_text(), "the service is scaled")
    events = by_id(alerts_on_topic(settings)).values()
    firing = {event.rule: event for event in events}
    assert handled.read_text().split() == [firing["accuracy-drop"].id]
    assert firing["accuracy-drop"].starts_at == T0 + 60 * MINUTE_MS
