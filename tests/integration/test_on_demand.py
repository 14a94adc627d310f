"""Drift, comparison and profiles on demand: of what a worker counted in the real Redis."""

import json
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from programs import until
from settled import QUICK
from traffic import Sender, create_topic

from stream.reading.errors import ReadingError
from stream.reading.reader import WindowReader
from stream.registry import Snapshot
from stream.state.codec import LAYOUT_VERSION
from stream.state.keys import PartitionId, VersionId
from stream.state.store import PartitionCommit, StateStore, VersionCommit, Watermark, new_owner
from stream.window.delta import PaneDelta
from stream.window.panes import PaneId

START_MS = 1_700_006_400_000  # 2023-11-15 00:00 UTC
MINUTE_MS = 60_000
HOURS = 30
EVERY_MS = 2 * MINUTE_MS
ROWS = HOURS * 3_600_000 // EVERY_MS
SHIFT = 1.0


def ages(seed: int, n: int, mean: float = 41.0) -> Any:
    return np.random.default_rng(seed).normal(mean, 13.0, n)


def events(version: str, seed: int, mean: float) -> Any:
    for number, age in enumerate(ages(seed, ROWS, mean).tolist()):
        event = {
            "model_name": "credit",
            "model_version": version,
            "request_id": f"{version}-{number}",
            "timestamp": START_MS + number * EVERY_MS,
            "features": {"age": age, "city": ("Oslo", "Rome")[number % 2]},
            "prediction": number % 2,
        }
        yield None, json.dumps(event).encode(), []


@pytest.fixture
def port(programs: Any) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        programs.environment["STREAMGAUGE_HTTP__PORT"] = str(probe.getsockname()[1])
    return str(programs.environment["STREAMGAUGE_HTTP__PORT"])


@pytest.fixture
def counted(stack: Any, namespace: str, programs: Any, read: Any, tmp_path: Path) -> Any:
    """Two versions, the second of which has other ages; all of it is counted and settled."""
    topic = create_topic(stack.bootstrap_servers, namespace)
    file = tmp_path / "reference.parquet"
    table = {"age": ages(0, 3_000), "city": ["Oslo", "Rome"] * 1_500, "prediction": [0, 1] * 1_500}
    pq.write_table(pa.table(table), file)
    for version in ("1", "2"):
        built = programs.run("baseline", "build", str(file), "-m", "credit", "-v", version)
        assert built.returncode == 0, built.stderr
    programs.environment |= QUICK
    programs.start("worker")
    programs.start("agents")
    sender = Sender(stack.bootstrap_servers, topic)
    sender.send(list(events("1", 1, 41.0)) + list(events("2", 2, 41.0 + 13 * SHIFT)))

    def final() -> bool:
        found = [read.hgetall(f"{namespace}:{{credit}}:m:{v}:7d").get("count") for v in "12"]
        return found == [str(ROWS)] * 2

    until(final, "both versions are counted")
    return programs


def said(programs: Any, *arguments: str) -> Any:
    done = programs.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(programs: Any, *arguments: str) -> tuple[int, str]:
    done = programs.run(*arguments)
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("streamgauge:")]
    return done.returncode, line


def get(port: str, path: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/models/{path}", headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        body = error.read()
        is_json = error.headers["Content-Type"].startswith("application/json")
        return error.code, json.loads(body) if is_json else body.decode()


def test_windows_are_read_compared_and_kept(port: str, counted: Any, tmp_path: Path) -> None:
    programs = counted
    check_drift(programs, port)
    check_refusals(programs, port)
    check_comparison(programs)
    check_profiles(programs, tmp_path)


def check_drift(programs: Any, port: str) -> None:
    moved = said(programs, "drift", "credit", "-v", "2")
    assert (moved["drifted_features"], moved["severity"]) == (1, "strong")
    assert (moved["window"]["end"], moved["count"]) == (START_MS + HOURS * 3_600_000, 24 * 30)
    assert moved["features"][0]["name"] == "age"
    assert "moved up" in moved["features"][0]["in_words"]
    answered: Any = until(lambda: served(port, "credit/2/drift?window=1d"), "HTTP is served")
    assert answered == moved
    status, quiet = get(port, "credit/1/drift")
    assert (status, quiet["drifted"], quiet["tested_features"]) == (200, False, 2)
    shown = programs.run("drift", "credit", "--version", "1")
    assert shown.returncode == 0
    assert quiet["verdict"] in shown.stdout


def served(port: str, path: str) -> Any:
    try:
        return get(port, path)[1]
    except OSError:
        return None


def check_refusals(programs: Any, port: str) -> None:
    code, line = refused(programs, "drift", "credit")
    assert (code, "versions 1, 2: choose one with --version" in line) == (1, True)
    for path, status in (
        ("credit/3/drift", 404),
        ("debit/1/drift", 404),
        ("credit/1/drift?window=1w", 400),
        ("credit/1/drift?end=soon", 400),
        ("credit/1/drift?size=1d", 400),
        ("credit/1/drift?end=2020-01-01", 404),
    ):
        found, body = get(port, path)
        assert (found, set(body)) == (status, {"error"}), path
    assert get(port, "credit/1/drift", Host="example.org")[0] == 403
    assert get(port, "credit/1/drift", Origin="http://example.org")[0] == 403


def check_comparison(programs: Any) -> None:
    found = said(programs, "compare", "credit", "1", "2")
    marked = {(row["column"], row["figure"]) for row in found["rows"] if row["significant"]}
    assert ("age", "mean") in marked
    assert ("age", "distribution") in marked
    assert ("city", "share of Oslo") not in marked
    assert found["first"]["count"] == found["second"]["count"] == 24 * 30


def check_profiles(programs: Any, folder: Path) -> None:
    day, rest, both = (str(folder / name) for name in ("day.sgp", "rest.sgp", "both.sgp"))
    of = ("profile", "export", "credit", "-v", "1")
    middle = str(START_MS + 24 * 3_600_000)
    assert said(programs, *of, "--end", middle, "-o", day)["events"] == 24 * 30
    assert said(programs, *of, "--window", "6h", "-o", rest)["events"] == 6 * 30
    # Nothing but the files is there.
    for name in ("KAFKA__BOOTSTRAP_SERVERS", "REDIS__URL"):
        del programs.environment[f"STREAMGAUGE_{name}"]
    said(programs, "profile", "merge", day, rest, "-o", both)
    (report,) = said(programs, "profile", "show", both)
    assert report["count"] == ROWS
    assert report["features"]["age"]["mean"] == pytest.approx(ages(1, ROWS).mean(), abs=1e-3)


class Kept:
    """Three hours of minutes in Redis, as a worker commits them: 60 events each."""

    version = VersionId("credit", "1")
    partition = PartitionId("id", 0)
    minutes = 180

    def __init__(self, client: Any, namespace: str) -> None:
        self.client = client
        self.store = StateStore(client, namespace)
        self.reader = WindowReader(client, namespace, Snapshot, 5_000)
        delta = PaneDelta()
        delta.add_traffic(np.zeros(60, dtype=np.bool_), np.full(60, 2.0), [])
        self.panes = [PaneId(MINUTE_MS, START_MS + m * MINUTE_MS) for m in range(self.minutes)]
        mark = Watermark(START_MS + self.minutes * MINUTE_MS - 1, 5)
        owner = new_owner()
        self.store.claim(self.partition, owner)
        self.store.start(self.partition, 0, 0)
        moved = PartitionCommit(self.partition, 0, 1, 5, {}, {self.version: mark})
        panes = [(pane, delta.rows()) for pane in self.panes]
        self.store.commit(
            owner, [moved], [VersionCommit(self.version, panes, {self.partition: mark})]
        )

    def count(self, window: str, end_ms: int | None = None) -> int:
        spec = self.reader.spec(self.version, window)
        return self.reader.read(self.version, spec, end_ms).counts.count

    def roll(self, tier_ms: int, until_ms: int) -> None:
        """Add panes up into the next size, one call a pane."""
        for start_ms in range(START_MS, until_ms, tier_ms):
            self.store.roll(self.version, [PaneId(tier_ms, start_ms)])


@pytest.fixture
def kept(stack: Any, namespace: str) -> Any:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield Kept(client, namespace)


def test_what_is_rolled_up_is_read_whole_or_told(kept: Any) -> None:
    hour_ms = START_MS + 60 * MINUTE_MS
    assert (kept.count("5m"), kept.count("1h"), kept.count("1d")) == (300, 3_600, 10_800)
    assert kept.count("5m", START_MS + 7 * MINUTE_MS + 1) == 300
    kept.roll(MINUTE_MS, hour_ms)
    kept.roll(5 * MINUTE_MS, hour_ms)
    assert (kept.count("1h", hour_ms), kept.count("1d")) == (3_600, 10_800)
    with pytest.raises(ReadingError) as told:
        kept.count("5m", hour_ms - 10 * MINUTE_MS)
    assert str(told.value) == (
        "the 5m to 2023-11-15 00:50 UTC of credit 1 is not held any more, only longer panes are:"
        " the nearest one that is held ends at 2023-11-15 01:05 UTC"
    )
    kept.roll(60 * MINUTE_MS, hour_ms)
    with pytest.raises(
        ReadingError, match="the 1h to 2023-11-15 01:00 UTC of credit 1 is not held"
    ):
        kept.count("1h", hour_ms)
    with pytest.raises(ReadingError, match="had no events in the 1h to 2023-11-14 00:00 UTC"):
        kept.count("1h", START_MS - 24 * 60 * MINUTE_MS)


def test_counts_are_whole_while_panes_are_rolled_up(kept: Any) -> None:
    ended = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not ended.is_set():
            seen.append(kept.count("1d"))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        until(lambda: len(seen) > 0, "the first look")
        for tier_ms in (MINUTE_MS, 5 * MINUTE_MS):
            kept.roll(tier_ms, START_MS + kept.minutes * MINUTE_MS)
        ended.set()
        reading.result(60)
    assert set(seen) == {kept.minutes * 60}


def test_counts_of_another_layout_are_refused(kept: Any) -> None:
    key = kept.store.keys.version(kept.version)
    kept.client.hset(key, "layout", LAYOUT_VERSION + 1)
    with pytest.raises(
        ReadingError, match=f"of layout {LAYOUT_VERSION}: use the one that the work"
    ):
        kept.count("1h")
    kept.client.hset(key, "layout", LAYOUT_VERSION)
    pane = kept.store.keys.pane(kept.version, kept.panes[-1].member())
    kept.client.hset(pane, "core", b"?")
    with pytest.raises(ReadingError, match="from 2023-11-15 02:59 UTC on can't be read"):
        kept.count("1h")
