"""Labels to a real topic, and performance from one, as a person sends and reads them."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from alert_helpers import T0, make_report, send_reports

import stream.demo.data as demo_data
from schemas.topics import Topic
from stream.kafka import ensure_topics
from stream.settings import load_settings
from stream.topic_reader import read_topic

TRUTH = Path(next(iter(demo_data.__path__))) / "analysis_target.parquet"
ROWS = 8_232


@pytest.fixture
def settings(programs: Any) -> Any:
    return load_settings(environment=programs.environment)


@pytest.fixture
def sent(programs: Any, settings: Any) -> Any:
    """Send labels; returns what the command said, and keys and values of the whole topic."""

    def sent(*arguments: str, stdin: bytes = b"") -> Any:
        done = programs.run("emit-labels", *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        found = [(m.key(), m.value()) for m in read_topic(settings, Topic.LABELS)]
        return done.stdout, done.stderr, found

    return sent


def test_rows_of_a_file_become_label_events(sent: Any, namespace: str) -> None:
    said, notes, found = sent(str(TRUTH), "--map", "label=clf_target", "--model", "housing")
    assert f"{ROWS:,} events to {namespace}.labels" in said
    assert "analysis_target.parquet: id from id, label from clf_target" in notes
    truth = pq.read_table(TRUTH).to_pydict()
    expected = [
        {"model_name": "housing", "request_id": request, "label": label}
        for request, label in zip(truth["id"], truth["clf_target"], strict=True)
    ]
    events = sorted((orjson.loads(value) for _, value in found), key=lambda e: e["request_id"])
    assert events == sorted(expected, key=lambda e: e["request_id"])
    assert all(key.decode() == orjson.loads(value)["request_id"] for key, value in found)


def test_lines_that_are_label_events_go_through_unchanged(
    sent: Any, tmp_path: Path, namespace: str
) -> None:
    lines = [
        b'{"request_id": "a", "label": ["x", "y"], "timestamp": 1790002800000}',
        b'{"request_id": "b"}',
        b'{"request_id": "c", "metrics": {"rating": 4}, "model_version": "3"}',
    ]
    file = tmp_path / "labels.jsonl.gz"
    file.write_bytes(gzip.compress(b"\n".join(lines)))
    said, notes, found = sent(str(file), "--json")
    assert orjson.loads(said).items() >= {"topic": f"{namespace}.labels", "sent": 3}.items()
    assert sorted(value for _, value in found) == sorted(lines)
    assert {key for key, _ in found} == {b"a", b"c", None}
    assert "1 line is no event of one request each (line 2: missing `label` or `metrics`)" in notes
    assert f"{namespace}.rejected" in notes
    typed = b'{"request_id": 7, "label": 1}'
    assert (b"7", typed) in sent("-", stdin=typed)[2]


def test_performance_is_read_from_the_newest_reports(settings: Any, programs: Any) -> None:
    ensure_topics(settings, tuple(Topic))
    first = {"accuracy": 0.7, "label_coverage": 0.1}
    newest = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "label_coverage": 0.9}
    send_reports(
        settings,
        make_report(window="1h", revision=101, label_count=10, metrics=first),
        make_report(window="1h", revision=190, label_count=90, metrics=newest | {"error_rate": 0}),
        make_report(5, window="1h", label_count=90, metrics=newest),  # not tumbling
        make_report(60, window="1h", label_count=10, metrics=first),
        make_report(60, window="1h", model_name="other", label_count=10, metrics=first),
    )
    asked = ("metrics", "credit", "--performance", "--window", "1h")
    lines = [" ".join(line.split()) for line in programs.run(*asked).stdout.splitlines()]
    assert [line for line in lines if line.startswith("2026")] == [
        "2026-09-21 15:00 100 90 90 % measured 0.900 [0.800, 0.950]",
        "2026-09-21 16:00 100 10 10 % immature 0.700",
    ]
    until = programs.run(*asked, "--until", "2026-09-21T15:00:00Z", "--json")
    (report,) = orjson.loads(until.stdout)
    assert (report["window"]["end"], report["metrics"]) == (T0, newest)
