"""What is counted of features of every kind: right to the last event, through a kill -9."""

import json
import time
from pathlib import Path
from typing import Any

import counted
import pyarrow as pa
from checker import MINUTE_MS, Reports, WindowKey, assert_balanced, read_books
from counted import CONSTRAINTS, COUNTRIES, MODEL, SAMPLING_RATE, TIERS, VERSION, WINDOWS_MS
from programs import Programs, until
from settled import QUICK
from traffic import START_MS, Sender, create_topic, make_events, pack

from schemas.activations import Activation, plan_of
from schemas.config import parse_model
from stream.baseline.build import build_baseline
from stream.baseline.store import activate, publish_baseline
from stream.kafka import ensure_topics
from stream.settings import load_settings

EVENTS = 5_000
SHED_RATE = 0.1


def activate_plan(programs: Programs, tmp_path: Path) -> None:
    """Configure the model; activate a plan that knows the values of its tags from the start."""
    document = {
        "model_name": MODEL,
        "windows": [{"size": name, "every": name} for name in WINDOWS_MS],
        "drift": {"decision_window": "1h"},
        "sampling_rate": SAMPLING_RATE,
        "segments": ["country", "tags.tier"],
        "features": CONSTRAINTS,
    }
    settings = load_settings(environment=programs.environment)
    ensure_topics(settings)
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"models": [document]}))
    applied = programs.run("models", "apply", str(file))
    assert applied.returncode == 0, applied.stderr
    rows = pa.Table.from_pylist(counted.reference_rows())
    baseline = build_baseline(rows, model_name=MODEL, model_version=VERSION)
    identity = publish_baseline(settings, baseline, "test", 1)
    values = {"country": COUNTRIES, "tags.tier": TIERS}
    plan = plan_of(parse_model(document), values)
    activate(
        settings,
        Activation(
            model_name=MODEL,
            model_version=VERSION,
            effective_from=0,
            plan=plan,
            baseline_id=identity,
        ),
        "test",
        1,
    )


def test_every_kind_of_figure_is_right_after_a_worker_was_killed(
    stack: Any, namespace: str, programs: Programs, read: Any, tmp_path: Path
) -> None:
    topic = create_topic(stack.bootstrap_servers, namespace)
    activate_plan(programs, tmp_path)
    events = counted.make_traffic(EVENTS, seed=31)
    sender = Sender(stack.bootstrap_servers, topic)
    for partition, messages in counted.messages(events):
        sender.send(messages, partition)
    # Small polls and a commit after almost each, so that the kill hits in the middle.
    slow = {"STREAMGAUGE_WORKER__POLL_RECORDS": "50", "STREAMGAUGE_WORKER__CHECKPOINT_MS": "20"}
    worker = programs.start("worker", "--instance", "one", **QUICK, **slow)
    until(lambda: read_books(read, namespace)["consumed"] > EVENTS // 3, "a third is consumed")
    programs.kill(worker)
    assert read_books(read, namespace)["consumed"] < EVENTS, "killed in the middle"
    programs.start("worker", "--instance", "one", **QUICK)
    until(lambda: read_books(read, namespace)["consumed"] >= EVENTS, "all is consumed")
    programs.start("agents", **QUICK)
    books = read_books(read, namespace)
    assert_balanced(books)
    assert books["accepted"] == EVENTS
    expected = counted.Expected.of(events)
    with Reports(stack.bootstrap_servers, namespace) as reports:
        until(lambda: expected.are_in(reports), "every window and segment is reported")
        wrong = expected.differences(reports)
    assert not wrong, "\n".join(wrong)


def test_features_are_shed_under_live_overload_and_never_while_catching_up(
    stack: Any, namespace: str, programs: Programs, read: Any, tmp_path: Path
) -> None:
    topic = create_topic(stack.bootstrap_servers, namespace)
    reference = tmp_path / "reference.jsonl"
    rows = [{"age": 20 + i % 50, "income": i * 3.5, "prediction": i % 2} for i in range(500)]
    reference.write_text("\n".join(map(json.dumps, rows)))
    built = programs.run("baseline", "build", str(reference), "-m", "credit", "-v", "1")
    assert built.returncode == 0, built.stderr
    behind, live = (
        make_events(3_000, seed, START_MS + seed * MINUTE_MS, MINUTE_MS, [("credit", "1")])
        for seed in (0, 1)
    )
    sender = Sender(stack.bootstrap_servers, topic)
    sender.send(pack(behind, seed=2))
    shedding = {
        "STREAMGAUGE_WORKER__SHED_FEATURES": "true",
        "STREAMGAUGE_WORKER__SHED_LAG_MS": "1",  # a record is always older when it is read
        "STREAMGAUGE_WORKER__POLL_RECORDS": "20",
    }
    programs.start("worker", **QUICK, **shedding)
    until(lambda: read_books(read, namespace)["consumed"] == len(behind), "caught up")
    caught_up_ms = time.time_ns() // 1_000_000
    clocks = f"{namespace}:state:clocks"
    until(
        lambda: min(map(int, read.hvals(clocks))) > caught_up_ms, "every partition was at its end"
    )
    sender.send(pack(live, seed=3, first_number=len(behind)))
    total = len(behind) + len(live)
    until(lambda: read_books(read, namespace)["consumed"] == total, "all is consumed")
    programs.start("agents", **QUICK)
    ends = [START_MS + k * MINUTE_MS for k in (1, 2)]
    with Reports(stack.bootstrap_servers, namespace) as reports:
        keys = [WindowKey("credit", "1", "1m", end_ms) for end_ms in ends]
        until(lambda: reports.read().keys() >= set(keys), "both minutes are reported")
        first, second = (reports.best[key] for key in keys)
    assert first["exact"]
    assert first["sampled_count"] == first["count"] == len(behind)
    assert not second["exact"]
    assert second["count"] == len(live)
    scored = [k for k, event in enumerate(live, len(behind)) if event.error is None]
    failed = len(live) - len(scored)
    least = sum(counted.request_hash(f"r-{k}") < SHED_RATE * 2**32 for k in scored)
    covered = second["features"]["age"]["count"]
    assert least <= covered < len(scored) / 2
    assert second["sampled_count"] == covered + failed
    log = programs.log()
    assert "shedding " in log, "said when it began"
    assert "shedding_ended" in log, "and when it was over"
