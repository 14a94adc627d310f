"""Which reports ``metrics --performance`` shows, and what of them."""

from collections.abc import Iterable, Mapping

import msgspec

from schemas.durations import parse_duration_ms
from schemas.metric_names import METRIC_NAMES
from schemas.metrics import WindowReport
from schemas.models import LabelsConfig, ModelConfig
from schemas.records import ConfigRecord
from stream.alerting.figures import plain_name

SIZE_MS_MIN = 3_600_000
"""Labels are counted in panes of an hour and longer."""
WINDOWS_SHOWN = 24
"""Newest windows of a version that are shown where no range is given: a day of hours."""
RECENT_MS = 7 * 86_400_000
"""How far back reports are read where no range is given: the default join horizon, in which late
labels revise them."""
_GROUPS = {"classification", "regression", "ranking", "without labels"}
_PREFIXES = ("label_", "fairness.", "metric.")
_ANY_VERSION = "*"


def recent_ms(window: str, now_ms: int) -> int:
    """Return the append time, epoch ms, from which on reports are read where no range is given.

    Windows longer than `RECENT_MS` / 2 get time for two of them.
    """
    return now_ms - max(RECENT_MS, 2 * parse_duration_ms(window))


def coverage_minimums(
    records: Mapping[str, ConfigRecord], model: str, versions: Iterable[str]
) -> dict[str, float]:
    """Return ``labels.min_coverage`` of each version, from the configuration by key."""
    out = {}
    for version in versions:
        found = LabelsConfig()
        for of in (_ANY_VERSION, version):
            record = records.get(f"model/{model}/{of}")
            if isinstance(record, ModelConfig):
                found = record.labels
        out[version] = found.min_coverage
    return out


def only_performance(report: WindowReport) -> WindowReport:
    """Return a report with only those figures that labels, or estimates of them, gave."""
    kept = {name: value for name, value in report.metrics.items() if _is_performance(name)}
    return msgspec.structs.replace(report, metrics=kept, features={})


def _is_performance(name: str) -> bool:
    metric = METRIC_NAMES.get(plain_name(name))
    of_group = metric is not None and metric.group in _GROUPS
    return of_group or name.startswith(_PREFIXES)
