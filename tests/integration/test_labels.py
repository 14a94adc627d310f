"""Labels that come late, early, twice and corrected, while workers die: figures are exact."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from checker import Reports, WindowKey, read_books
from labelled import as_event, differences, make_labels, make_requests, windows_of
from programs import Programs, until
from settled import QUICK
from traffic import Sender, create_topic

KILLS = 4
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


def test_performance_equals_scikit_learns_though_workers_die(
    stack: Any, namespace: str, programs: Programs, read: Any, tmp_path: Path
) -> None:
    requests = [
        request
        for seed, (model, (count, positives)) in enumerate(MODELS.items())
        for request in make_requests(model, count, positives, seed)
    ]
    early, late, counts = make_labels(requests, seed=9)
    topic = create_topic(stack.bootstrap_servers, namespace)
    labels = Sender(
        stack.bootstrap_servers, create_topic(stack.bootstrap_servers, namespace, name="labels")
    )
    for model, (_, positives) in MODELS.items():
        build_baseline(programs, tmp_path, model, positives)
    slow = {"STREAMGAUGE_WORKER__POLL_RECORDS": "100", "STREAMGAUGE_WORKER__CHECKPOINT_MS": "20"}
    programs.start("agents", **QUICK)
    worker = programs.start("worker", "--instance", "one", **QUICK, **slow)
    labels.send(early)
    until(lambda: read_books(read, namespace)["accepted"] >= len(early), "early labels taken")
    requests.sort(key=lambda request: request.time_ms)
    Sender(stack.bootstrap_servers, topic).send([as_event(r) for r in requests])
    labels.send(late)
    total = len(early) + len(late) + len(requests)
    for kill in range(1, KILLS + 1):
        share = len(early) + kill * (total - len(early)) // (KILLS + 2)
        until(lambda: read_books(read, namespace)["consumed"] > share, f"{share} consumed")  # noqa: B023
        programs.kill(worker)
        assert read_books(read, namespace)["consumed"] < total, "killed in the middle"
        worker = programs.start("worker", "--instance", "one", **QUICK, **slow)
    until(lambda: read_books(read, namespace)["accepted"] == total, "everything accepted")

    expected = windows_of(requests)
    with Reports(stack.bootstrap_servers, namespace) as reports:
        wrong: list[str] = []

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
    joined = {name: int(value) for name, value in read.hgetall(f"{namespace}:state:join").items()}
    assert joined["matched"] == sum(request.truth is not None for request in requests)
    assert joined["entries"] == len(requests)
    assert counts["corrected"] > 0
