"""What a report says about a rule: one observation for each alert it speaks of. Pure."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.alerts import Severity
from schemas.conditions import Condition, Operator
from schemas.metrics import WindowReport
from stream.alerting.figures import (
    References,
    figure,
    figure_names,
    sample_count,
    split_feature,
)
from stream.alerting.rules import Clause, Level, Rule

_COMPARE: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure and what it was compared with.

    Attributes
    ----------
    metric : name of the figure
    value : the figure
    condition : the comparison
    threshold : its right side
    reference : the figure in the baseline, or one day before; None where the condition names none
    """

    metric: str
    value: float
    condition: Condition
    threshold: float
    reference: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the comparison is true."""
        return _COMPARE[self.condition.operator](self.value, self.threshold)


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of one alert at one moment.

    Attributes
    ----------
    rule : name of the rule
    labels : of the alert
    at_ms : end of the window, epoch ms; wall clock for checks that no report can tell
    holds : whether a level of the rule holds
    clears : whether a firing alert is over
    severity : of the level that holds; of the mildest where none does
    readings : the level that holds, first; else everything that could be read
    sample_count : what the figure rests on
    report_id : the report that tells; None where none does
    summary : what is the case, in words, for checks; None where the readings say it
    cause : what goes with it, most likely first; for checks
    no_data : whether it is that the figure is absent
    """

    rule: str
    labels: Mapping[str, str]
    at_ms: int
    holds: bool
    clears: bool
    severity: Severity
    readings: tuple[Reading, ...]
    sample_count: int | None = None
    report_id: str | None = None
    summary: str | None = None
    cause: tuple[str, ...] = ()
    no_data: bool = False

    def reading(self, metric: str | None) -> Reading | None:
        """Return the reading of a metric, else the one that counts most; None without any."""
        found = [one for one in self.readings if one.metric == metric]
        return found[0] if found and not self.holds else next(iter(self.readings), None)


def observe(rule: Rule, report: WindowReport, references: References) -> list[Observation]:
    """Evaluate a rule on a report.

    Parameters
    ----------
    rule : any but the checks
    report : of a window
    references : what it is compared with

    Returns
    -------
    list
        One for each alert; none where the rule does not apply, a figure or its reference is absent,
        or too few samples are there: an alert then stays as it is.
    """
    if not applies(rule, report):
        return []
    found = []
    for name in figure_names(report, rule.levels[0].clauses[0].metric):
        labels = labels_of(report, name)
        if rule.is_about(labels) and sample_count(report, name) >= rule.min_count:
            one = _observe_one(rule, report, references, name, labels)
            if one is not None:
                found.append(one)
    return found


def applies(rule: Rule, report: WindowReport) -> bool:
    """Whether a rule speaks of this kind of report at all."""
    if rule.window not in (None, report.window.name):
        return False
    if report.segment is not None and rule.whole_traffic and "segment" not in (rule.match or {}):
        return False
    return rule.is_about(labels_of(report), unasked=("feature",))


def labels_of(report: WindowReport, name: str = "") -> dict[str, str]:
    """Labels of an alert about a figure of a report."""
    labels = {
        "model_name": report.model_name,
        "model_version": report.model_version,
        "window": report.window.name,
    }
    if report.segment is not None:
        labels["segment"] = report.segment
    split = split_feature(name)
    if split is not None:
        labels["feature"] = split[0]
    return labels


def _observe_one(
    rule: Rule,
    report: WindowReport,
    references: References,
    name: str,
    labels: Mapping[str, str],
) -> Observation | None:
    seen: list[Reading] = []
    held: list[Reading] = []
    severity = rule.levels[-1].severity
    for level in rule.levels:
        known = _known(report, references, level, name)
        if not known:
            continue
        seen += known
        if all(reading.holds for reading in known):
            held, severity = known, level.severity
            break
    if not seen:
        return None
    clears = not held
    if rule.clear is not None:
        clear = _read(report, references, Clause(seen[0].metric, rule.clear), name)
        clears = clears and clear is not None and clear.holds
    main = (held or seen)[0]
    return Observation(
        rule=rule.name,
        labels=labels,
        at_ms=report.window.end,
        holds=bool(held),
        clears=clears,
        severity=severity,
        readings=tuple(held or seen),
        sample_count=sample_count(report, main.metric),
        report_id=report.id,
    )


def _known(report: WindowReport, references: References, level: Level, name: str) -> list[Reading]:
    """Read the figures of a level; none where one is absent that must be known."""
    known = []
    for clause in level.clauses:
        reading = _read(report, references, clause, name)
        if reading is not None:
            known.append(reading)
        elif not clause.if_known:
            return []
    return known


def _read(
    report: WindowReport, references: References, clause: Clause, name: str
) -> Reading | None:
    """Read the figure of a clause; a pattern in it stands for the feature of ``name``."""
    metric = name if split_feature(clause.metric) is not None else clause.metric
    value = figure(report, metric)
    condition = clause.condition
    if value is None:
        return None
    if condition.reference is None:
        return Reading(metric, value, condition, condition.threshold(0.0))
    reference = references.value(condition.reference, metric)
    if reference is None:
        return None
    return Reading(metric, value, condition, condition.threshold(reference), reference)
