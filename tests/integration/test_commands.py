"""The commands, driven as a person or a script drives them, on real servers."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from programs import until

import stream.demo.data as demo_data

DATA = Path(next(iter(demo_data.__path__)))
MAPPED = ("--map", "prediction=y_pred", "--map", "probability=y_pred_proba")
TRAFFIC_ROWS = 72
FEATURES = {"AveBedrms", "AveOccup", "AveRooms", "HouseAge", "Latitude", "Longitude", "MedInc"}
FEATURES |= {"Population"}


@pytest.fixture
def run(programs: Any) -> Any:
    """Run a command that must succeed; returns what it printed, parsed where it is JSON."""

    def run(*arguments: Any, stdin: Any = b"") -> Any:
        done = programs.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return run


@pytest.fixture
def refused(programs: Any) -> Any:
    """Run a command that must fail; returns its exit code and the one sentence it said."""

    def refused(*arguments: Any, stdin: Any = b"", **environment: Any) -> Any:
        before = dict(programs.environment)
        programs.environment |= environment
        done = programs.run(*arguments, stdin=stdin)
        programs.environment = before
        assert "Traceback" not in done.stderr
        *_, said = done.stderr.strip().splitlines()
        return done.returncode, said

    return refused


@pytest.fixture
def traffic(tmp_path: Path) -> Any:
    """Three days of events."""
    path = tmp_path / "traffic.parquet"
    pq.write_table(pq.read_table(DATA / "analysis.parquet").slice(0, TRAFFIC_ROWS), path)
    return str(path)


def build(run: Any, *more: Any) -> Any:
    reference = str(DATA / "reference.parquet")
    of = ("--model", "housing", "--version", "1", *MAPPED, "--map", "label=clf_target")
    return run("baseline", "build", reference, *of, *more)


def test_models_are_applied_once_and_shown(run: Any, refused: Any, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    text = '[[models]]\nmodel_id = "housing"\ntask = "binary"\nsegments = ["HouseAge"]\n'
    rule = '[[rules]]\nname = "latency"\nfor = "5m"\n'
    file.write_text(text + rule)

    def apply() -> Any:
        changes = run("models", "apply", str(file), "--json")
        return {change["key"]: (change["change"], change["fields"]) for change in changes}

    assert {key: kind for key, (kind, _) in apply().items()} == {
        "model/housing/*": "added",
        "rule/latency": "added",
    }
    assert {kind for kind, _ in apply().values()} == {"unchanged"}

    file.write_text(text.replace("binary", "regression") + rule)
    changes = apply()
    assert changes["rule/latency"][0] == "unchanged"
    assert changes["model/housing/*"] == (
        "changed",
        {"task": {"before": "binary", "after": "regression"}},
    )
    listed = {
        record.get("model_name") or record["name"] for record in run("models", "list", "--json")
    }
    assert listed == {"housing", "latency"}
    (shown,) = run("models", "show", "housing", "--json")
    assert (shown["task"], shown["segments"]) == ("regression", ["HouseAge"])
    assert "regression" in run("models", "show", "housing")

    file.write_text('[[models]]\nmodel_name = "housing"\ntask = "binray"\n')
    code, said = refused("models", "apply", str(file))
    assert code == 2
    assert "did you mean `binary`" in said
    run("models", "delete", "housing")
    assert refused("models", "show", "housing")[0] == 1


def test_a_baseline_is_built_once_and_counts_from_the_beginning(run: Any, refused: Any) -> None:
    built = build(run, "--json")
    assert built["published"]
    assert built["rows"] == 5832
    assert set(built["features"]) == FEATURES
    assert set(built["features"].values()) == {"numeric"}
    assert (built["prediction"], built["probability"]) == ("categorical", "numeric")
    assert built["activation"]["effective_from"] == 0

    again = build(run, "--json")
    assert (again["id"], again["published"], again["activation"]) == (built["id"], False, None)
    other = build(run, "--ignore", "MedInc", "--from", "2021-09-01", "--json")
    assert other["id"] != built["id"]
    assert other["activation"]["effective_from"] == 1_630_454_400_000

    listed = {one["id"]: one for one in run("baseline", "list", "--json")}
    assert set(listed) == {built["id"], other["id"]}
    assert "@" in listed[built["id"]]["created_by"]
    assert listed[built["id"]]["created_at"].endswith("Z")
    assert built["id"][:12] in run("baseline", "list")
    assert "MedInc" in run("baseline", "show", built["id"][:8])
    moved = run("baseline", "activate", built["id"][:8], "--version", "2", "--json")
    assert moved["activation"]["model_version"] == "2"

    code, said = refused("baseline", "build", "nowhere.parquet", "-m", "housing", "-v", "1")
    assert code == 2
    assert "nowhere.parquet" in said


def test_events_are_sent_counted_watched_and_examined(
    run: Any, programs: Any, traffic: Any
) -> None:
    build(run)
    programs.start("worker")
    programs.start("agents", STREAMGAUGE_HTTP__PORT=_free_port())
    sent = run("emit", traffic, "-m", "housing", "-v", "1", *MAPPED, "--json")
    assert (sent["sent"], sent["failed"]) == (TRAFFIC_ROWS, 0)

    def counted() -> Any:
        shown = run("watch", "housing", "--once", "--json")
        (version,) = shown["models"] or [{"windows": {}}]
        window = version["windows"].get("7d", {})
        return version if window.get("count") == TRAFFIC_ROWS else None

    version = until(counted, "all events are in the live figures")
    assert (version["model_name"], version["model_version"]) == ("housing", "1")
    assert list(version["windows"]) == ["1m", "5m", "1h", "1d", "7d"]
    assert f"window=7d count={TRAFFIC_ROWS} " in run("watch", "--once")

    (report,) = run("metrics", "housing", "--window", "7d", "--json")
    assert report["count"] == TRAFFIC_ROWS
    assert report["window"]["size_ms"] == 7 * 86_400_000
    assert set(report["features"]) >= {"MedInc", "Latitude"}
    (one,) = run("metrics", "housing", "-w", "7d", "--metric", "error_rate", "--json")
    assert one["metrics"] == {"error_rate": 0.0}

    def final() -> Any:
        return run("metrics", "housing", "-w", "1d", "--since", "2021-06-01", "--json")

    reports = until(final, "the first days are final")
    days = [report["window"]["end"] for report in reports]
    assert days == sorted(set(days))
    assert {report["model_version"] for report in reports} == {"1"}
    (mean,) = run(
        "metrics", "housing", "-w", "1d", "--since", "2021-06-01", "--aggregate", "mean", "--json"
    )
    assert mean["windows"] >= len(reports)
    assert mean["metrics"]["error_rate"] == 0.0

    found = until(lambda: _healthy(programs), "the doctor finds no trouble")
    assert set(found) == {"ok", "checks", "books", "labels"}
    assert found["labels"]["entries"] == TRAFFIC_ROWS
    assert all(set(check) == {"name", "ok", "detail", "hint"} for check in found["checks"])
    books = found["books"]
    assert sum(book["consumed"] for book in books) == TRAFFIC_ROWS
    for book in books:
        parts = ("accepted", "late", "rejected", "empty")
        assert book["consumed"] == sum(book[part] for part in parts)


def _healthy(programs: Any) -> Any:
    done = programs.run("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 1)
    return found if found["ok"] else None


def _free_port() -> Any:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_the_doctor_says_what_is_wrong(programs: Any) -> None:
    done = programs.run("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    trouble = {check["name"]: check for check in found["checks"] if not check["ok"]}
    assert "topics.exist" in trouble
    assert all(check["hint"] for check in trouble.values())


def test_errors_are_one_sentence_and_an_exit_code(refused: Any, traffic: Any) -> None:
    gone = {"STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    code, said = refused("emit", traffic, "-m", "housing", *MAPPED, **gone)
    assert code == 1
    assert "Kafka at 127.0.0.1:1 does not answer" in said
    code, said = refused("watch", "--once", STREAMGAUGE_REDIS__URL="redis://:geheim@127.0.0.1:1")
    assert code == 1
    assert "does not answer" in said
    assert "geheim" not in said
    code, said = refused("emit", traffic)
    assert code == 2
    assert "--model" in said
    code, said = refused("emit", traffic, "-m", "housing", "--map", "prediction=y_perd")
    assert code == 2
    assert "did you mean 'y_pred'" in said
    code, said = refused("watch", "--once", STREAMGAUGE_HTPP__PORT="1")
    assert code == 2
    assert "did you mean 'http.port'" in said
    assert refused("metrics", "nobody")[0] == 1
    assert refused("emit")[0] == 2


def test_everything_of_up_ends_with_it(programs: Any, run: Any, tmp_path: Path) -> None:
    directory = tmp_path / "up"
    up = programs.start("up", "--data-dir", str(directory), STREAMGAUGE_HTTP__PORT=_free_port())

    def note() -> Any:
        return json.loads((directory / "up.json").read_text())

    until((directory / "up.json").exists, "up has left its note")
    assert note()["pid"] == up.pid
    children = until(lambda: _children(up.pid, 2), "a worker and agents run")

    # Others find it without any settings.
    for name in ("KAFKA__BOOTSTRAP_SERVERS", "REDIS__URL", "NAMESPACE"):
        del programs.environment[f"STREAMGAUGE_{name}"]
    event = b'{"model_name": "credit", "prediction": 1}'
    run("emit", "-", "--data-dir", str(directory), stdin=event)
    until(
        lambda: run("watch", "--once", "--data-dir", str(directory), "--json")["models"],
        "the event is counted",
    )

    worker = next(child for child in children if "worker" in child.cmdline())
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: worker.pid not in {c.pid for c in _children(up.pid, 2) or [worker]}, "it is back")

    children = _children(up.pid, 2)
    programs.kill(up)
    until(lambda: not any(map(_runs, children)), "nothing is left")


def _children(pid: Any, least: Any) -> Any:
    found = psutil.Process(pid).children()
    return found if len(found) >= least else None


def _runs(process: Any) -> Any:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
