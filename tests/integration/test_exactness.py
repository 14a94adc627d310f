"""Every window of every hop is exact: whatever the form, the order and the age of the events."""

import json
from pathlib import Path
from typing import Any

from checker import HOUR_MS, Sent, read_books
from programs import Programs, until
from settled import QUICK, assert_settled
from traffic import START_MS, VERSIONS, Sender, create_topic, make_events, pack

EVENTS = 200_000


def test_every_window_of_every_hop_is_exactly_right(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    programs.start("agents", **QUICK)
    sent = make_events(EVENTS, seed=1)
    topic = create_topic(stack.bootstrap_servers, namespace)
    Sender(stack.bootstrap_servers, topic).send(pack(sent, seed=2))
    programs.start("worker", **QUICK)
    reports = assert_settled(stack, namespace, read, sent)
    assert all(report["exact"] for report in reports.values())


def test_partitions_that_are_hours_apart_do_not_make_each_other_late(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    programs.start("agents", **QUICK)
    topic = create_topic(stack.bootstrap_servers, namespace)
    sender = Sender(stack.bootstrap_servers, topic)
    sent: list[Sent] = []
    for partition, hours in enumerate((20, 0, 9)):  # the fourth partition stays empty
        part = make_events(5_000, seed=partition, start_ms=START_MS + hours * HOUR_MS)
        sender.send(pack(part, seed=partition, first_number=len(sent)), partition)
        sent += part
    programs.start("worker", **QUICK)
    assert_settled(stack, namespace, read, sent)


def test_events_count_once_while_models_and_baselines_change(
    stack: Any, namespace: str, programs: Programs, read: Any, tmp_path: Path
) -> None:
    programs.start("agents", **QUICK)
    sent = make_events(20_000, seed=20)
    topic = create_topic(stack.bootstrap_servers, namespace)
    sender = Sender(stack.bootstrap_servers, topic)
    messages = list(pack(sent, seed=21))
    programs.start("worker", **QUICK, STREAMGAUGE_WORKER__CHECKPOINT_MS="50")
    sender.send(messages[:100])
    until(lambda: read_books(read, namespace)["consumed"] > 0, "counting has begun")

    rows = [{"age": 20 + i % 50, "income": i * 3.5, "prediction": i % 2} for i in range(500)]
    reference = tmp_path / "reference.jsonl"
    reference.write_text("\n".join(map(json.dumps, rows)))
    at = 100
    for model, version in VERSIONS[:2]:
        changing = programs.start("baseline", "build", str(reference), "-m", model, "-v", version)
        while changing.poll() is None:
            before = read_books(read, namespace)["consumed"]
            sender.send(messages[at : at + 100])
            at += 100
            until(lambda: read_books(read, namespace)["consumed"] > before, "some more counted")  # noqa: B023
        assert changing.returncode == 0, programs.log()
    assert at < len(messages), "events went on while all of it changed"
    sender.send(messages[at:])
    reports = assert_settled(stack, namespace, read, sent)
    with_baseline = {key[:2] for key, report in reports.items() if report["baseline"]}
    assert with_baseline == set(VERSIONS[:2])
