"""Logs and backtests as tests need them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.config import ConfigFile, parse_config
from schemas.metrics import WindowReport
from stream.backtest.backtest import Backtest
from stream.backtest.files import LinesLog
from stream.backtest.outcome import Outcome
from stream.backtest.register import Register, Source, overlaid
from stream.registry import NOTHING
from stream.settings import Settings, load_settings

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
T0 = 1_700_000_000_000 // (24 * HOUR_MS) * 24 * HOUR_MS
NOW = T0 + 1_000 * HOUR_MS

Event = dict[str, Any]


def make_events(
    minutes: int, each: int = 4, seed: int = 0, first_minute: int = 0, **fields: Any
) -> list[Event]:
    """Events at a steady rate, in the order of time."""
    rng = np.random.default_rng(seed)
    return [
        {
            "model_name": "credit",
            "model_version": "3",
            "request_id": f"{seed}-{minute}-{k}",
            "timestamp": T0 + (first_minute + minute) * MINUTE_MS + k * MINUTE_MS // each,
            "features": {"age": round(rng.normal(40, 9), 3), "country": "DE" if k % 2 else "FR"},
            "prediction": int(rng.random() < 0.3),
            "latency_ms": round(float(rng.lognormal(3, 0.5)), 3),
            **fields,
        }
        for minute in range(minutes)
        for k in range(each)
    ]


def few_windows(*rules: dict[str, Any], **model: Any) -> ConfigFile:
    """Models and rules with so few windows that a test takes no time."""
    windows = [{"size": "5m", "every": "5m"}, {"size": "1h", "every": "1h"}]
    models = [{"model_name": "credit", "windows": windows, **model}]
    return parse_config({"models": models, "rules": list(rules)})


class Run:
    """Runs backtests of events in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.settings: Settings = load_settings(environment={})
        self.reports: list[WindowReport] = []

    def write(self, events: Sequence[Event | str]) -> Path:
        path = self._folder / "log.jsonl"
        lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
        path.write_text("\n".join(lines))
        return path

    def __call__(
        self,
        events: Sequence[Event | str],
        *,
        config: ConfigFile | None = None,
        source: Source | None = None,
        keep_reports: bool = False,
        batch: int | None = None,
    ) -> Outcome:
        log = LinesLog(str(self.write(events)), NOW)
        sources = {} if source is None else {"*": source}
        snapshot = overlaid(NOTHING, config or few_windows(), sources)
        register = Register(self.settings, snapshot, sources, timed=True)
        self.reports = []
        take = self.reports.append if keep_reports else None
        backtest = Backtest(self.settings, log, register, take)
        for records in log.batches(lambda _: None):
            for first in range(0, len(records), batch or len(records)):
                backtest.add(records[first : first + (batch or len(records))])
        return backtest.finish()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture(scope="session")
def events() -> Callable[..., list[Event]]:
    return make_events


@pytest.fixture
def configured() -> Callable[..., ConfigFile]:
    return few_windows
