"""Labels that come late, early, twice and corrected, while everything dies: figures are exact."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from checker import HOUR_MS, Reports, WindowKey, read_books
from labelled import Request, as_event, differences, make_labels, make_requests, windows_of
from programs import Programs, until
from settled import EMPTY, QUICK
from traffic import Sender, create_topic

SLOW = {"STREAMGAUGE_WORKER__POLL_RECORDS": "5", "STREAMGAUGE_WORKER__CHECKPOINT_MS": "20"}
"""Some thousand records a second: there is time to do harm in the middle of them."""
MODELS = {"credit": (8_000, 0.3), "rare": (20_000, 0.005)}


def build_baseline(programs: Programs, folder: Path, model: str, positives: float) -> None:
    rows = [r for r in make_requests(model, 40_000, positives, seed=7) if r.truth is not None]
    table = {
        "prediction": [r.predicted for r in rows],
        "probability": [r.probability for r in rows],
        "label": [r.truth for r in rows],
        "x": [r.probability for r in rows],
    }
    path = folder / f"{model}.parquet"
    pq.write_table(pa.table(table), path)
    built = programs.run("baseline", "build", str(path), "-m", model, "-v", "1")
    assert built.returncode == 0, built.stderr


def until_right(stack: Any, namespace: str, requests: list[Request]) -> None:
    """Wait until every tumbling window's figures are scikit-learn's."""
    expected = windows_of(requests)
    wrong: list[str] = []
    with Reports(stack.bootstrap_servers, namespace) as reports:

        def right() -> bool:
            wrong[:] = []
            best = reports.read()
            for (model, name, end_ms), inside in expected.items():
                report = best.get(WindowKey(model, "1", name, end_ms))
                found = ["not reported"] if report is None else differences(inside, report)
                wrong.extend(f"{model} {name} {end_ms}: {text}" for text in found)
            return not wrong

        try:
            until(right, "every figure right", 75.0)
        except AssertionError:
            raise AssertionError("\n".join(wrong[:20])) from None


def test_performance_equals_scikit_learns_whatever_dies(
    stack: Any, namespace: str, programs: Programs, read: Any, tmp_path: Path
) -> None:
    requests = [
        request
        for seed, (model, (count, positives)) in enumerate(MODELS.items())
        for request in make_requests(model, count, positives, seed)
    ]
    early, late, counts = make_labels(requests, seed=9)
    topic = create_topic(stack.bootstrap_servers, namespace)
    labels = create_topic(stack.bootstrap_servers, namespace, name="labels")
    for model, (_, positives) in MODELS.items():
        build_baseline(programs, tmp_path, model, positives)
    total = len(early) + len(late) + len(requests)

    def start(name: str) -> Any:
        return programs.start("worker", "--instance", name, **QUICK, **SLOW)

    def until_consumed(share: float) -> None:
        until(lambda: read_books(read, namespace)["consumed"] > share * total, f"{share:.0%} read")
        assert read_books(read, namespace)["consumed"] < total, "in the middle"

    agents = programs.start("agents", **QUICK)
    worker = start("one")
    label_sender = Sender(stack.bootstrap_servers, labels)
    label_sender.send(early)
    until(lambda: read_books(read, namespace)["accepted"] >= len(early), "early labels taken")
    requests.sort(key=lambda request: request.time_ms)
    Sender(stack.bootstrap_servers, topic).send([as_event(r) for r in requests])
    label_sender.send(late)
    until_consumed(0.2)
    programs.kill(worker)
    worker = start("one")
    until_consumed(0.4)
    assert read.eval(EMPTY, 0, f"{namespace}:*") > 0
    until_consumed(0.3)
    other = start("two")  # takes over some of the partitions
    until_consumed(0.5)
    programs.kill(agents)
    programs.start("agents", **QUICK)
    until_consumed(0.7)
    programs.kill(worker)
    until(lambda: read_books(read, namespace)["accepted"] == total, "everything accepted")
    assert other.poll() is None

    until_right(stack, namespace, requests)
    joined = {name: int(value) for name, value in read.hgetall(f"{namespace}:state:join").items()}
    assert joined["matched"] == sum(request.truth is not None for request in requests)
    assert joined["entries"] == len(requests)
    assert joined["corrected"] <= counts["corrected"]


def test_measurements_of_a_model_are_figures_of_each_of_its_versions(
    stack: Any, namespace: str, programs: Programs, read: Any
) -> None:
    requests = make_requests("shop", 400, 0.5, seed=3)
    hour_ms = requests[200].time_ms // HOUR_MS * HOUR_MS
    topics = {
        name: create_topic(stack.bootstrap_servers, namespace, name=name)
        for name in ("predictions", "measurements")
    }
    programs.start("agents", **QUICK)
    programs.start("worker", **QUICK)
    Sender(stack.bootstrap_servers, topics["predictions"]).send([as_event(r) for r in requests])
    till = {"source": "till", "model_name": "shop", "timestamp": hour_ms}
    measured = [
        till | {"metrics": {"revenue": 10.5}},
        till | {"metrics": {"revenue": 2}},
        till | {"model_version": "1", "metrics": {"visits": 7}},
        {"source": "host", "metrics": {"load": 3}},
        till | {"metrics": "none"},
    ]
    sender = Sender(stack.bootstrap_servers, topics["measurements"])
    sender.send([(None, json.dumps(one).encode(), []) for one in measured])
    until(lambda: read_books(read, namespace)["consumed"] == 405, "everything read")
    assert read_books(read, namespace)["rejected"] == 1

    def figures() -> Any:
        with Reports(stack.bootstrap_servers, namespace) as reports:
            report = reports.read().get(WindowKey("shop", "1", "1h", hour_ms + HOUR_MS))
        metrics = {} if report is None else report["metrics"]
        return {k: v for k, v in metrics.items() if k.startswith("metric.")}

    until(lambda: "metric.visits.mean" in figures(), "the hour is reported with its figures")
    found = figures()
    assert (found["metric.revenue.sum"], found["metric.revenue.mean"]) == (12.5, 6.25)
    assert found["metric.visits.sum"] == 7
