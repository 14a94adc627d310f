"""What live figures are compared with: the last windows, read once and then followed."""

from typing import Any

import pytest

from schemas.metrics import Window, WindowReport
from stream.rollup.history import WINDOWS_KEPT, History
from stream.state.keys import VersionId

VERSION = VersionId("credit", "3")
USUAL = [9, 10, 11, 10, 9, 11, 10, 10, 12, 8, 10, 10]


class Series:
    """As much of Redis as is read: one stream of final windows."""

    def __init__(self, values: list[float]) -> None:
        self.values = values
        self.reads = 0

    def xrange(self, _key: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        self.reads += 1
        return [
            (b"0-1", {b"throughput_per_s": str(value).encode(), b"count": b"5"})
            for value in self.values
        ]


def history_of(values: list[float]) -> tuple[History, Series]:
    series = Series(values)
    client: Any = series
    return History(client, "ml"), series


def report(value: float, segment: str | None = None, window: str = "5m") -> WindowReport:
    return WindowReport(
        id="",
        model_name="credit",
        model_version="3",
        segment=segment,
        window=Window(name=window, size_ms=300_000, start=0, end=300_000, tumbling=True),
        revision=1,
        complete=True,
        exact=True,
        count=1,
        sampled_count=1,
        label_count=0,
        baseline=None,
        config_id=None,
        metrics={"throughput_per_s": value},
        features={},
    )


def test_a_live_figure_is_compared_with_the_series() -> None:
    history, series = history_of([float(value) for value in USUAL])
    found = history.spikes(VERSION, "5m", {"throughput_per_s": 16.0, "latency_p50_ms": 900.0})
    assert found == {"throughput_spike": pytest.approx(8.09, abs=0.01)}
    assert history.spikes(VERSION, "5m", {"throughput_per_s": 10.0}) == {"throughput_spike": 0.0}
    assert history.spikes(VERSION, "5m", {"error_rate": 0.1}) == {}
    assert series.reads == 1


def test_final_windows_of_all_traffic_follow() -> None:
    history, _ = history_of([])
    assert history.spikes(VERSION, "5m", {"throughput_per_s": 16.0}) == {}
    history.add([report(float(value), "country=FR") for value in USUAL])
    history.add([report(float(value), window="1h") for value in USUAL])
    assert history.spikes(VERSION, "5m", {"throughput_per_s": 16.0}) == {}
    history.add([report(float(value)) for value in USUAL])
    assert history.spikes(VERSION, "5m", {"throughput_per_s": 16.0})["throughput_spike"] > 8


def test_old_windows_are_forgotten() -> None:
    history, _ = history_of([1_000.0] * WINDOWS_KEPT)
    assert history.spikes(VERSION, "5m", {"throughput_per_s": 10.0})["throughput_spike"] < -10
    history.add([report(10.0)] * WINDOWS_KEPT)
    assert history.spikes(VERSION, "5m", {"throughput_per_s": 10.0}) == {"throughput_spike": 0.0}
