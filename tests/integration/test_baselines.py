"""Baselines that change while events flow: no count is lost, and none is on two grids."""

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checker import DAY_MS, HOUR_MS, MINUTE_MS, Reports, TopicReader, WindowKey
from programs import until
from settled import QUICK
from traffic import Sender

from schemas.activations import Activation, Plan
from schemas.baselines import baseline_id
from stream.baseline.build import build_baseline
from stream.baseline.store import Publisher, read_baselines
from stream.kafka import ensure_topics
from stream.registry import Registry
from stream.settings import load_settings
from stream.state.keys import VersionId

MODEL = "shop"
EVENTS_A_MINUTE = 50
MINUTE_S = 0.05
"""Wall time in which a minute of events is sent."""
AHEAD_MS = 60 * MINUTE_MS
KNOWN_MS = 40 * MINUTE_MS
"""Event time that is left once an activation is published, so that everybody knows it: 2 s."""
MEAN_ERROR = 1e-5
"""Values are rounded to 2^-20 of 16, the power of two above the references' deviation."""
SIZES = {"1m": (MINUTE_MS, MINUTE_MS), "5m": (5 * MINUTE_MS, MINUTE_MS)}
SIZES |= {"1h": (HOUR_MS, 5 * MINUTE_MS)}
COUNTRIES = {"a": ["DE", "FR"], "b": ["DE", "FR", "IT"]}
MEANS = {"a": 40.0, "b": 60.0}


def reference(folder: Path, name: str) -> tuple[str, float]:
    """A file of reference data, and the largest amount in it."""
    rng = random.Random(name)
    amounts = [round(rng.gauss(MEANS[name], 10), 3) for _ in range(2_000)]
    rows = [
        {"amount": amount, "country": rng.choice(COUNTRIES[name]), "prediction": k % 2}
        for k, amount in enumerate(amounts)
    ]
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path), max(amounts)


class Flow(threading.Thread):
    """Sends a minute of events after the other until it is stopped, and keeps what it sent."""

    def __init__(self, stack: Any, namespace: Any, version: str, start_ms: int) -> None:
        super().__init__(daemon=True)
        self.sender = Sender(stack.bootstrap_servers, f"{namespace}.predictions")
        self.version = version
        self.start_ms = self.now_ms = start_ms
        self.sent: list[tuple[int, float, str]] = []
        self.barrier_ms = 2**62
        self.stopped = threading.Event()
        self.rng = random.Random(version)

    def run(self) -> None:
        while not self.stopped.wait(MINUTE_S):
            if self.now_ms < self.barrier_ms:
                self.minute()

    def minute(self) -> None:
        made = [
            (
                self.now_ms + self.rng.randrange(MINUTE_MS),
                round(self.rng.gauss(55, 12), 3),
                self.rng.choice(COUNTRIES["b"]),
            )
            for _ in range(EVENTS_A_MINUTE)
        ]
        self.sender.send([self.message(*event, len(self.sent) + k) for k, event in enumerate(made)])
        self.sent += made
        self.now_ms += MINUTE_MS

    def message(self, time_ms: int, amount: float, country: str, number: int) -> Any:
        event = {
            "model_name": MODEL,
            "model_version": self.version,
            "request_id": f"{self.version}-{number}",
            "timestamp": time_ms,
            "features": {"amount": amount, "country": country},
            "prediction": number % 2,
        }
        return f"{number}".encode(), json.dumps(event).encode(), []

    def reaches(self, time_ms: int) -> None:
        until(lambda: self.now_ms >= time_ms, "the flow has come so far")


@pytest.fixture
def run(programs: Any) -> Any:
    def run(*arguments: str) -> Any:
        done = programs.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def ahead(flow: Flow, run: Any, *arguments: str) -> tuple[int, Any]:
    """Run a command that activates something an hour of events ahead, in the middle of 5m."""
    at_ms = (flow.now_ms + AHEAD_MS) // (5 * MINUTE_MS) * 5 * MINUTE_MS + 2 * MINUTE_MS
    flow.barrier_ms = at_ms - KNOWN_MS  # a slow machine is given the time it needs
    done = run(*arguments, "--from", str(at_ms))
    flow.barrier_ms = 2**62
    assert done["activation"]["effective_from"] == at_ms
    return at_ms, done


def windows_of(flow: Flow) -> Iterator[tuple[WindowKey, int]]:
    """Every window of 1m, 5m and 1h that holds an event, and when it starts."""
    for name, (size_ms, every_ms) in SIZES.items():
        first_ms = flow.start_ms // every_ms * every_ms + every_ms
        for end_ms in range(first_ms, flow.now_ms + size_ms, every_ms):
            yield WindowKey(MODEL, flow.version, name, end_ms), end_ms - size_ms


def test_a_change_of_grid_loses_no_count_and_mixes_none(
    stack: Any, namespace: Any, programs: Any, run: Any, tmp_path: Path
) -> None:
    old_file, old_max = reference(tmp_path, "a")
    new_file, new_max = reference(tmp_path, "b")
    of = ("-m", MODEL, "-v", "1")
    old = run("baseline", "build", old_file, *of)["id"]
    programs.start("worker", **QUICK)
    programs.start("agents", **QUICK)
    hour_ms = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS
    flow = Flow(stack, namespace, "1", hour_ms - 16 * HOUR_MS)
    flow.start()
    flow.reaches(flow.start_ms + 5 * MINUTE_MS)

    changed_ms, built = ahead(flow, run, "baseline", "build", new_file, *of)
    flow.reaches(changed_ms + 20 * MINUTE_MS)
    end_ms = changed_ms // (5 * MINUTE_MS) * 5 * MINUTE_MS + 10 * MINUTE_MS
    short = programs.run("baseline", "promote", *of, "--window", "1m")
    assert short.returncode == 1
    assert "the window has 50 rows, but a baseline needs at least 200" in short.stderr
    window = ("--window", "5m", "--end", str(end_ms))
    promoted_ms, promoted = ahead(flow, run, "baseline", "promote", *of, *window)
    assert (promoted["origin"], promoted["rows"]) == ("promoted", 5 * EVENTS_A_MINUTE)
    back_ms, back = ahead(flow, run, "baseline", "rollback", *of)
    assert back["id"] == built["id"]
    flow.reaches(back_ms + 10 * MINUTE_MS)
    flow.stopped.set()
    flow.join()

    counting = [(back_ms, built["id"]), (promoted_ms, promoted["id"]), (changed_ms, built["id"])]
    counting.append((0, old))

    def wrong_in(key: WindowKey, start_ms: int, report: Any) -> list[str]:
        inside = [e for e in flow.sent if start_ms <= e[0] < key.end_ms]
        baseline = next(name for from_ms, name in counting if from_ms <= key.end_ms - 1)
        is_old = baseline == old
        counted = [e for e in inside if (e[0] < changed_ms) == is_old]
        amounts = [e[1] for e in counted]
        n = len(counted)
        amount, country = report["features"]["amount"], report["features"]["country"]
        unknown = 0 if not is_old else sum(e[2] == "IT" for e in counted)
        above = sum(x > (old_max if is_old else new_max) for x in amounts)
        figures = {
            "baseline": (report["baseline"]["id"], baseline),
            "count": (report["count"], len(inside)),
            "sampled_count": (report["sampled_count"], n),
            "exact": (report["exact"], n == len(inside)),
            "feature count": (amount["count"], n),
            "mean is right": (abs(amount["mean"] - sum(amounts) / n) < MEAN_ERROR, True),
            "largest": (amount["max"], max(amounts)),
            "above range": (round(amount["above_range_rate"] * n), above),
            "unseen": (round(country["unseen_rate"] * n), unknown),
        }
        return [f"{key}: {k} is {x}, not {y}" for k, (x, y) in figures.items() if x != y]

    with Reports(stack.bootstrap_servers, namespace) as reports:
        expected = dict(windows_of(flow))
        until(lambda: reports.read().keys() >= expected.keys(), "every window reported")

        def wrong() -> list[str]:
            best = reports.read()
            return [text for key, at in expected.items() for text in wrong_in(key, at, best[key])]

        until(lambda: not wrong(), f"every window right: {wrong()[:5]}")
        inexact = {key[2:] for key in expected if not reports.best[key]["exact"]}
    spanning = {
        (name, end_ms)
        for (_, _, name, end_ms), start_ms in expected.items()
        if start_ms < changed_ms < end_ms
    }
    assert inexact == spanning, "a promoted baseline and the return from it change no grid"


def test_a_new_version_inherits_and_a_rolling_baseline_follows_the_days(
    stack: Any, namespace: Any, programs: Any, run: Any, tmp_path: Path
) -> None:
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"model_name": MODEL, "baseline": "rolling"}))
    run("models", "apply", str(file))
    first = run("baseline", "build", reference(tmp_path, "b")[0], "-m", MODEL, "-v", "1")["id"]
    programs.start("worker", **QUICK)
    programs.start("agents", **QUICK)
    day_ms = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS - 3 * DAY_MS
    flow = Flow(stack, namespace, "2", day_ms)
    found: list[Any] = []
    config = TopicReader(stack.bootstrap_servers, f"{namespace}.config")

    def activations() -> Any:
        """Start and baseline of each activation of version 2."""
        for record in config.read():
            if record.key().startswith(f"activation/{MODEL}/2/".encode()):
                found.append(json.loads(record.value()))
        return [(one["effective_from"], one["baseline_id"]) for one in found]

    flow.minute()
    ((inherited_ms, inherited),) = until(activations, "it inherits")
    assert inherited == first
    assert 0 < inherited_ms - day_ms <= 3 * MINUTE_MS
    flow.now_ms = inherited_ms
    # The first day it inherited in the middle of, so the second is the first that rolls.
    for hour in range(1, 49, 4):
        flow.now_ms = day_ms + hour * HOUR_MS
        flow.minute()
    # An hour later none of its events can come late any more.
    for later_ms in (0, HOUR_MS):
        flow.now_ms = day_ms + 2 * DAY_MS + later_ms
        flow.minute()

    def rolls() -> bool:
        flow.now_ms = day_ms + 2 * DAY_MS + HOUR_MS + MINUTE_MS
        flow.minute()
        return len(activations()) > 1

    until(rolls, "a day became the baseline")
    _, (rolled_ms, rolled) = activations()
    assert 0 < rolled_ms - (day_ms + 2 * DAY_MS + HOUR_MS) <= 4 * MINUTE_MS
    shown = run("baseline", "show", rolled)
    assert (shown["origin"], shown["rows"]) == ("rolling", 6 * EVENTS_A_MINUTE)
    assert (shown["start_ms"], shown["end_ms"]) == (day_ms + DAY_MS, day_ms + 2 * DAY_MS)
    flow.now_ms = rolled_ms

    with Reports(stack.bootstrap_servers, namespace) as reports:

        def minute(start_ms: int) -> Any:
            return reports.read().get(WindowKey(MODEL, "2", "1m", start_ms + MINUTE_MS))

        def first_rolled() -> Any:
            flow.minute()
            return minute(rolled_ms)

        last = until(first_rolled, "the first minute of the rolling baseline reported")
        before = minute(day_ms + 2 * DAY_MS + HOUR_MS)
        without = minute(day_ms)
    assert (last["baseline"]["id"], last["exact"]) == (rolled, True)
    assert (before["baseline"]["id"], before["exact"]) == (first, True)
    assert without["baseline"] is None
    assert len(activations()) == 2, "each once"
    config.close()


def test_what_is_not_there_is_said_in_a_sentence(programs: Any) -> None:
    for command, words in (
        ("rollback", "shop 1 has no baseline: `streamgauge baseline list`"),
        ("promote", "no model 'shop' has sent an event"),
    ):
        done = programs.run("baseline", command, "-m", MODEL, "-v", "1")
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_retired_is_forgotten_by_all(stack: Any, namespace: Any, programs: Any) -> None:
    settings = load_settings(environment=programs.environment)
    ensure_topics(settings)
    registry = Registry(settings).start()
    data = {"amount": [float(k) for k in range(500)]}
    baseline = build_baseline(data, model_name=MODEL, model_version="1")
    name = baseline_id(baseline)
    activation = Activation(
        model_name=MODEL, model_version="1", effective_from=0, plan=Plan(), baseline_id=name
    )
    version = VersionId(MODEL, "1")
    publisher = Publisher(settings, "test", lambda: 1_790_002_800_000)
    publisher.publish(activation, baseline)
    until(lambda: registry.snapshot.activations_of(version) == [activation], "both are known")
    assert registry.snapshot.made_ms.keys() == registry.snapshot.activations.keys()
    assert registry.plans().split(version, np.array([5]))[0][0].layout is not None
    publisher.retire([activation], [name])
    until(lambda: not registry.snapshot.baselines, "the baseline is forgotten")
    until(lambda: not registry.snapshot.activations, "the activation is forgotten")
    assert registry.snapshot.made_ms == {}
    assert read_baselines(settings) == {}
    registry.close()
