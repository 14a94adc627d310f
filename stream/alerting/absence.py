"""Figures that are absent: whether a rule's policy makes an alert of it, or ends one. Pure.

A window without events has no report, so nothing tells of it; a figure that cannot be computed is
in none. Both are seen by the clock: it is a while since the figure of a series was last there.
"""

import json
from collections.abc import Iterable, Mapping

import msgspec

from schemas.alerts import fingerprint
from schemas.metrics import WindowReport
from schemas.rules import NoData
from stream.alerting.evaluate import Observation, labels_of
from stream.alerting.figures import figure, figure_names
from stream.alerting.judge import Series, Step, judged
from stream.alerting.rules import Rule
from stream.alerting.wording import duration

SLACK_MS = 60_000
"""A report may be so much late without anything being wrong."""
_CADENCES = 2


class LastSeen(msgspec.Struct, frozen=True):
    """When a rule's figure was last there, in one series.

    Attributes
    ----------
    at_ms
        Wall clock when its report was judged.
    end_ms
        End of the window, event time.
    cadence_ms
        How often such a window closes.
    stale
        Whether the report rested on old input, as in a replay.
    """

    at_ms: int
    end_ms: int
    cadence_ms: int
    stale: bool = False

    @property
    def missing_from_ms(self) -> int:
        """From when on, by the wall clock, the figure is missing unless it comes."""
        return self.at_ms + _CADENCES * self.cadence_ms + SLACK_MS

    @property
    def replaced_from_ms(self) -> int:
        """Another version that has the figure later than this goes on without this one."""
        return self.at_ms + self.cadence_ms + SLACK_MS // 2


def data_field(rule: str, labels: Mapping[str, str]) -> str:
    """Name a rule in a series, for use as a field."""
    return json.dumps([rule, labels], sort_keys=True)


def read_field(field: str) -> tuple[str, dict[str, str]]:
    """Return the rule and the labels that `data_field` named."""
    rule, labels = json.loads(field)
    return rule, labels


def is_replaced(last: LastSeen, others: Iterable[LastSeen]) -> bool:
    """Whether another version of the model has the figure since: then nothing is missing."""
    return any(other.at_ms > last.replaced_from_ms for other in others)


def has_figure(rule: Rule, report: WindowReport) -> bool:
    """Whether a report has the figure of a rule, of any feature where it asks for features."""
    names = figure_names(report, rule.levels[0].clauses[0].metric)
    return any(figure(report, name) is not None for name in names)


def observe_absence(
    rule: Rule, labels: Mapping[str, str], last: LastSeen, now_ms: int
) -> Observation | None:
    """Return what a missing figure means; None where it is not missing, or means nothing.

    Parameters
    ----------
    rule : whose policy it is; ``for`` counts from when the figure is missing, by the wall clock
    labels : of the series
    last : when the figure was there
    now_ms : wall clock

    Notes
    -----
    The observation's time goes on from the last window's end as the clock does, so that it
    compares with the windows that follow. It is odd, as the end of no window is: an episode that
    begins with it is then no window's.
    """
    if now_ms < last.missing_from_ms or rule.no_data is NoData.KEEP_LAST:
        return None
    alerts = rule.no_data is NoData.ALERT
    if not alerts and now_ms - last.missing_from_ms < rule.for_ms:
        return None
    return Observation(
        rule=rule.name,
        labels=labels,
        at_ms=(last.end_ms + now_ms - last.at_ms) | 1,
        holds=alerts,
        clears=not alerts,
        severity=rule.levels[-1].severity,
        readings=(),
        summary=f"no {_subject(rule, labels)} for {duration(now_ms - last.at_ms)}",
        no_data=True,
    )


def judge_absence(
    rule: Rule, labels: Mapping[str, str], last: LastSeen, now_ms: int, series: Series
) -> Step:
    """Apply a missing figure to an alert of a series."""
    seen = observe_absence(rule, labels, last, now_ms)
    return Step() if seen is None else judged(series, rule, seen, last.stale)


def judge_presence(
    rules: Iterable[Rule], report: WindowReport, series: Series, step: Step, stale: bool
) -> Step:
    """End alerts about absent figures that a report has again.

    Where a report is judged, an alert learns of it. But a rule on features judges each of them, and
    one that asks for samples passes over too few; the figure is there all the same.

    Parameters
    ----------
    rules : that the report was given to
    report : of a window
    series : as stored
    step : what the report changes in it otherwise
    stale : whether the report rests on old input
    """
    found = Step()
    labels = labels_of(report)
    for rule in rules:
        of = fingerprint(rule.name, labels)
        episode = series.episodes.get(of)
        unheard = rule.name in step.marks and of not in step.episodes
        if unheard and episode is not None and episode.no_data and has_figure(rule, report):
            seen = Observation(
                rule=rule.name,
                labels=labels,
                at_ms=report.window.end,
                holds=False,
                clears=True,
                severity=episode.severity,
                readings=(),
                report_id=report.id,
                summary=f"{_subject(rule, labels)} is there again",
            )
            found.add(judged(series, rule, seen, stale, report))
    return found


def _subject(rule: Rule, labels: Mapping[str, str]) -> str:
    """Name the figure of a rule in a series."""
    words = [rule.levels[0].clauses[0].metric, "of"]
    words += [labels[name] for name in ("model_name", "model_version") if name in labels]
    words += [f"for {labels['segment']}"] if "segment" in labels else []
    return " ".join((*words, "over", labels["window"]))
