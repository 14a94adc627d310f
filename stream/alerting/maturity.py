"""When a report tells enough about performance to judge it by. Pure.

Labels come late. The report of a day is revised for days, while reports of newer days have been
seen that hold hardly a label; and those that come first are often not like the rest. So rules on
figures that rest on labels pass over a window until most of its labels are there. What is passed
over does not move their fence: they judge the newest window that is mature, and its revisions.
"""

from collections.abc import Iterable

from schemas.metrics import WindowReport
from stream.alerting.evaluate import applies
from stream.alerting.figures import figure
from stream.alerting.rules import Rule


def is_mature(report: WindowReport, coverage_min: float) -> bool:
    """Whether enough of a window's predictions have their label.

    Parameters
    ----------
    report : of a window
    coverage_min : share of predictions with a label, ``labels.min_coverage`` of the model

    Returns
    -------
    bool
        False for a report without labels, whatever the minimum: it says nothing of performance.

    Examples
    --------
    >>> from schemas.metrics import Window
    >>> day = Window(name="1d", size_ms=86_400_000, start=0, end=86_400_000, tumbling=True)
    >>> report = WindowReport(
    ...     id="", model_name="credit", model_version="3", segment=None, window=day, revision=1,
    ...     complete=True, exact=True, count=100, sampled_count=100, label_count=80, baseline=None,
    ...     config_id=None, metrics={"label_coverage": 0.8}, features={})
    >>> is_mature(report, 0.8), is_mature(report, 0.9)
    (True, False)
    """
    coverage = figure(report, "label_coverage")
    return report.label_count > 0 and coverage is not None and coverage >= coverage_min


def rules_to_judge(rules: Iterable[Rule], report: WindowReport, coverage_min: float) -> list[Rule]:
    """Return the rules that a report is judged by; others must not learn of it.

    Parameters
    ----------
    rules : any but the checks
    report : of a window
    coverage_min : as of `is_mature`
    """
    mature = is_mature(report, coverage_min)
    return [
        rule for rule in rules if applies(rule, report) and (mature or not rule.rests_on_labels)
    ]
