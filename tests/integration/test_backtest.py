"""A backtest says what the running system says: the same reports and alerts, by id."""

import itertools
import json
from pathlib import Path
from typing import Any

from alert_helpers import alerts_on_topic, by_id
from checker import Reports
from programs import Programs, until
from settled import QUICK

from stream.demo.traffic import housing_events
from stream.settings import load_settings

DATA = Path(__file__).parents[2] / "stream" / "demo" / "data"
EVENTS = 3_000
MAPPED = (
    *("--map", "prediction=y_pred", "--map", "probability=y_pred_proba"),
    *("--map", "label=clf_target"),
)
CONFIG = """
[[models]]
model_name = "housing"
windows = [{size = "1d", every = "1d"}, "7d"]
[[rules]]
name = "slower-than-yesterday"
metric = "latency_p95_ms"
window = "1d"
condition = "> 1.3 * previous"
"""


OF_LABELS = ("label_coverage",)
"""What the running system knows of predictions that wait for labels; a backtest joins none."""


def reports_of(path: Path) -> dict[Any, Any]:
    """Reports of a backtest, by window."""
    reports = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {
        (r["model_name"], r["model_version"], r["window"]["name"], r["window"]["end"]): r
        for r in reports
    }


def of_events(report: Any) -> Any:
    """Everything in a report but what comes of labels, and its id, which tells of that."""
    metrics = {name: value for name, value in report["metrics"].items() if name not in OF_LABELS}
    return {name: value for name, value in report.items() if name != "id"} | {"metrics": metrics}


def test_the_same_reports_and_alerts_as_the_running_system(
    stack: Any, namespace: str, programs: Programs, tmp_path: Path
) -> None:
    def run(*arguments: str) -> str:
        done = programs.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    log, config, written = (tmp_path / name for name in ("log.jsonl", "m.toml", "reports.jsonl"))
    events = itertools.islice(housing_events(), EVENTS)
    log.write_bytes(b"\n".join(event.value for event in events))
    config.write_text(CONFIG)
    reference = str(DATA / "reference.parquet")

    printed = run(
        *("backtest", str(log), "--config", str(config), "--baseline", reference, *MAPPED),
        *("--json", "--reports", str(written)),
    )
    foretold = {alert["id"]: alert["fingerprint"] for alert in json.loads(printed)}
    expected = reports_of(written)
    days = sum(window == "1d" for _, _, window, _ in expected)
    assert days == EVENTS // 24

    run("models", "apply", str(config))
    run("baseline", "build", reference, "--model", "housing", "--version", "1", *MAPPED)
    run("emit", str(log))
    programs.start("worker", **QUICK)
    programs.start("agents", **QUICK)

    with Reports(stack.bootstrap_servers, namespace) as reports:
        foretold_reports = {key: of_events(report) for key, report in expected.items()}

        def published() -> dict[Any, Any]:
            return {tuple(key): of_events(report) for key, report in reports.read().items()}

        until(lambda: published().keys() >= expected.keys(), "every window reported")
        until(lambda: published() == foretold_reports, "every report as foretold")

    settings = load_settings(environment=programs.environment)
    until(lambda: by_id(alerts_on_topic(settings)).keys() >= foretold.keys(), "every alert told")
    told = {of: alert.fingerprint for of, alert in by_id(alerts_on_topic(settings)).items()}
    assert told == foretold
    rules = {alert["rule"] for alert in json.loads(printed)}
    assert rules >= {"data-drift", "slower-than-yesterday"}

    again = tmp_path / "topic.jsonl"  # without the file: what the topic and its registry hold
    of_topic = f"topic:{namespace}.predictions"
    printed = run("backtest", of_topic, "--json", "--reports", str(again))
    assert reports_of(again) == expected
    assert {alert["id"]: alert["fingerprint"] for alert in json.loads(printed)} == foretold
