"""Performance metrics that others write in Python: installed functions, never code from a topic.

A package offers one as an entry point of the group `GROUP`; its name is the metric's::

    [project.entry-points."streamgauge.performance_metrics"]
    cost = "our_metrics:cost"

and it is called with the counts of each window that has labels::

    def cost(window: LabelledWindow) -> float | None:
        missed = window.confusion.get(("0", "1"), 0)
        return 100.0 * missed / window.labelled if window.labelled else None

A number is the figure ``metric.cost.value``; of a mapping, each number is
``metric.cost.<key>.value``; None is no figure. Whatever goes wrong in it costs its figure only: it
is counted, and the first time logged.
"""

import functools
import math
import re
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from numbers import Real
from pathlib import Path
from typing import Any

import structlog

from stream.rollup.labelled_window import LabelledWindow, Sum

__all__ = [
    "GROUP",
    "Failure",
    "LabelledWindow",
    "PerformanceMetrics",
    "Sum",
    "installed_metrics",
    "load_metrics",
]

GROUP = "streamgauge.performance_metrics"
TIMEOUT_S = 0.1
"""For one call, which reads counts. A live view is a handful of windows, to be seen within 2 s."""
SLOW_CALLS = 3
"""After so many slow calls in a row a metric is called no more by this process."""
FIGURES_MAX = 64
"""Of one metric: as many as a pane keeps of figures that are sent along."""
_THREAD = "performance metric "
_is_name = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch

Metric = Callable[[LabelledWindow], Any]
"""What it really returns is found out when it does."""

log = structlog.get_logger("custom_metrics")


class Failure(StrEnum):
    """Why there is no figure."""

    BAD_NAME = "bad_name"
    NOT_LOADED = "not_loaded"
    RAISED = "raised"
    NO_NUMBER = "no_number"
    TOO_MANY = "too_many"
    SLOW = "slow"


@dataclass(slots=True)
class _Outcome:
    """What one call gave: numbers by the rest of their name, and what went wrong."""

    numbers: dict[str, float] = field(default_factory=dict)
    failures: list[tuple[Failure, str]] = field(default_factory=list)


class PerformanceMetrics:
    """Metrics by name, and what went wrong with them.

    Parameters
    ----------
    metrics : by name
    timeout_s : how long one call may take

    Attributes
    ----------
    failures : how often a metric failed, by its name and why
    """

    def __init__(self, metrics: Mapping[str, Metric], timeout_s: float = TIMEOUT_S) -> None:
        self.failures: Counter[tuple[str, Failure]] = Counter()
        self._metrics = dict(metrics)
        self.timeout_s = timeout_s
        self._slow: Counter[str] = Counter()
        self._running: dict[str, Future[_Outcome]] = {}

    def __len__(self) -> int:
        return len(self._metrics)

    def figures(self, window: LabelledWindow) -> dict[str, float]:
        """Call every metric with a window: ``metric.<name>.value``, or ``.<name>.<key>.value``."""
        found = {}
        for name, metric in self._metrics.items():
            outcome = self._call(name, metric, window)
            for failure, detail in outcome.failures:
                self.fail(name, failure, detail)
            for key, number in outcome.numbers.items():
                found[f"metric.{name}{key}.value"] = number
        return found

    def fail(self, name: str, failure: Failure, detail: str) -> None:
        """Count a failure of a metric; the first one is logged."""
        known = any(of == name for of, _ in self.failures)
        self.failures[name, failure] += 1
        if not known:
            log.warning(
                "a performance metric fails; this is logged once",
                metric=name,
                reason=str(failure),
                detail=detail,
            )

    def _call(self, name: str, metric: Metric, window: LabelledWindow) -> _Outcome:
        """Call a metric in a thread of its own, which can be left alone where it can't be ended."""
        if self._slow[name] >= SLOW_CALLS:
            return _Outcome()
        late = _Outcome(failures=[(Failure.SLOW, f"it takes more than {self.timeout_s:g} s")])
        before = self._running.get(name)
        if before is not None and not before.done():
            return late
        running = self._running[name] = Future()
        call, title = (running, metric, window), f"{_THREAD}{name}"
        threading.Thread(target=_run, args=call, name=title, daemon=True).start()
        wait([running], self.timeout_s)
        if not running.done():
            self._slow[name] += 1
            return late
        self._slow[name] = 0
        return running.result()


def _run(into: "Future[_Outcome]", metric: Metric, window: LabelledWindow) -> None:
    try:
        outcome = _outcome_of(metric(window))
    except (Exception, SystemExit) as error:  # others' code may raise anything
        outcome = _Outcome(failures=[(Failure.RAISED, _place(error))])
    into.set_result(outcome)


def _outcome_of(returned: Any) -> _Outcome:
    """Keep what is a number; looking at what was returned may run others' code too."""
    out = _Outcome()
    mapped = isinstance(returned, Mapping)
    for key, value in returned.items() if mapped else [("", returned)]:
        if value is None:
            continue
        number = _number(value)
        if mapped and not (isinstance(key, str) and _is_name(key)):
            out.failures.append((Failure.BAD_NAME, "it returned a key that is no name"))
        elif number is None:
            out.failures.append((Failure.NO_NUMBER, f"it returned a {type(value).__name__}"))
        elif len(out.numbers) == FIGURES_MAX:
            out.failures.append((Failure.TOO_MANY, f"it returned more than {FIGURES_MAX} figures"))
            break
        else:
            out.numbers[f".{key}" if mapped else ""] = number
    return out


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _place(error: BaseException) -> str:
    """Say what was raised and where; its text may hold data, which logs do not."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def load_metrics() -> PerformanceMetrics:
    """Load what is installed; what can't be is left out, and said."""
    metrics: dict[str, Metric] = {}
    problems: list[tuple[str, Failure, str]] = []
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        if not _is_name(entry.name):
            detail = f"the name of {entry.value} is not of letters, digits, dots, _ and -"
            problems.append((entry.name, Failure.BAD_NAME, detail))
        elif entry.name in metrics:
            detail = f"{entry.value} has the name of another, which is taken"
            problems.append((entry.name, Failure.BAD_NAME, detail))
        else:
            try:
                metrics[entry.name] = entry.load()
            except Exception as error:  # an import may raise anything
                detail = f"{entry.value}: {type(error).__name__}: {error}"
                problems.append((entry.name, Failure.NOT_LOADED, detail))
    out = PerformanceMetrics(metrics)
    for problem in problems:
        out.fail(*problem)
    return out


installed_metrics = functools.cache(load_metrics)
"""The same, loaded once a process."""
