"""What came out of the demo: read back from the topics, as any program would."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from schemas.alerts import AlertEvent
from schemas.metrics import WindowReport
from schemas.topics import Topic
from stream.demo.traffic import MODEL
from stream.settings import Settings
from stream.topic_reader import read_topic

_reports = msgspec.json.Decoder(WindowReport)
_alerts = msgspec.json.Decoder(AlertEvent)


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that an alert fired: its first event, and the one that ended it, if one did."""

    began: AlertEvent
    over: AlertEvent | None


@dataclass(slots=True)
class Observed:
    """Reports (of each window the one with the highest revision) and alerts of the demo."""

    reports: list[WindowReport] = field(default_factory=list)
    alerts: list[AlertEvent] = field(default_factory=list)

    def counted(self, window: str) -> int:
        """Events in all tumbling windows of this name: each event is in exactly one of them."""
        return sum(report.count for report in self.tumbling(window))

    def labelled(self, window: str) -> int:
        """Those of them that have a label."""
        return sum(report.label_count for report in self.tumbling(window))

    def tumbling(self, window: str) -> list[WindowReport]:
        """Reports of the windows of this name that do not overlap, oldest first."""
        found = [r for r in self.reports if r.window.name == window and r.window.tumbling]
        return sorted(found, key=lambda report: report.window.end)

    def mature(self, window: str, coverage_min: float) -> list[WindowReport]:
        """Those of them of which so large a share has its label."""
        found = self.tumbling(window)
        return [r for r in found if r.metrics.get("label_coverage", 0.0) >= coverage_min]

    def episodes(self) -> list[Episode]:
        """What fired, oldest first."""
        over = {(a.fingerprint, a.starts_at): a for a in self.alerts if a.status == "resolved"}
        return [
            Episode(alert, over.get((alert.fingerprint, alert.starts_at)))
            for alert in self.alerts
            if alert.status == "firing"
        ]

    def deciding(self) -> list[WindowReport]:
        """Reports that carry drift decisions, oldest first."""
        found = [report for report in self.reports if "drift_share" in report.metrics]
        return sorted(found, key=lambda report: report.window.end)

    def first_drift(self) -> list[tuple[str, WindowReport]]:
        """Return each drifted feature with the first report that says so, in that order."""
        first: dict[str, WindowReport] = {}
        for report in self.deciding():
            drifted = [
                name for name, figures in report.features.items() if figures.get("drifted") is True
            ]
            for name in sorted(drifted, key=lambda name: -_effect(report, name)):
                first.setdefault(name, report)
        return list(first.items())


def _effect(report: WindowReport, feature: str) -> float:
    return float(report.features[feature].get("effect", 0.0))


def observe(settings: Settings) -> Observed:
    """Read ``ml.metrics`` and ``ml.alerts`` to their present ends."""
    reports = (
        _reports.decode(message.value() or b"") for message in read_topic(settings, Topic.METRICS)
    )
    values = [message.value() for message in read_topic(settings, Topic.ALERTS)]
    events = [_alerts.decode(value) for value in values if value]
    alerts = {alert.id: alert for alert in events if alert.labels.get("model_name") == MODEL}
    ordered = sorted(alerts.values(), key=lambda alert: (alert.starts_at, alert.rule))
    return Observed(latest(reports), ordered)


def latest(reports: Iterable[WindowReport]) -> list[WindowReport]:
    """Keep of each window the report with the highest revision, on a tie the last."""
    best: dict[tuple[str, int], WindowReport] = {}
    for report in reports:
        if report.model_name != MODEL:
            continue
        key = (report.window.name, report.window.end)
        if key not in best or report.revision >= best[key].revision:
            best[key] = report
    return list(best.values())
