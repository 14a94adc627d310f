"""The alert rules, driven over reports as the alert engine drives them, with state in memory. Pure.

The two rules that no report can tell, silence and lag, are about the running system and its clock:
a log says nothing of them. Nor are labels joined to a log's predictions, so rules on figures that
come of them are not judged.
"""

from collections.abc import Iterable

from schemas.alerts import AlertEvent
from schemas.baselines import Baseline
from schemas.metrics import WindowReport
from stream.alerting.evaluate import applies, labels_of, observe
from stream.alerting.figures import References, figures_of
from stream.alerting.judge import Mark, Series, Step, judge, series_name
from stream.alerting.rules import CHECKS, Rule
from stream.backtest.needs import metrics_of
from stream.window.panes import DAY_MS

_OF_LABELS = frozenset({"label_count", "label_coverage"})


def looks_at_labels(rule: Rule) -> bool:
    """Whether a rule's figures can't be told without labels, how many there are included."""
    return rule.rests_on_labels or not _OF_LABELS.isdisjoint(metrics_of(rule))


class Alarms:
    """Rules and where their alerts stand.

    Parameters
    ----------
    rules : all there are

    Attributes
    ----------
    rules : those that are judged
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(r for r in rules if r.name not in CHECKS and not looks_at_labels(r))
        self._series: dict[str, Series] = {}
        self._history: dict[str, dict[int, dict[str, float]]] = {}

    def look(self, report: WindowReport, baseline: Baseline | None) -> Step:
        """Return what a report changes; nothing is remembered of it.

        Parameters
        ----------
        report : of a window
        baseline : that it is compared with
        """
        name = series_name(labels_of(report))
        previous = self._history.get(name, {}).get(report.window.end - DAY_MS, {})
        references = References(baseline, previous)
        seen = [(r, observe(r, report, references)) for r in self.rules if applies(r, report)]
        mark = Mark(report.window.end, report.revision)
        return judge(self._series.get(name, Series()), seen, mark, stale=False, report=report)

    def apply(self, report: WindowReport, step: Step) -> list[AlertEvent]:
        """Apply what a report changes to the alerts of its series.

        Parameters
        ----------
        report : of a window; those of one series in the order of time
        step : what `look` said of it

        Returns
        -------
        Events that would be published, in order.
        """
        name = series_name(labels_of(report))
        self._series[name] = self._series.get(name, Series()).after(step)
        self._remember(name, report)
        return [entry.alert for entry in step.entries if entry.publish]

    def _remember(self, name: str, report: WindowReport) -> None:
        """Keep, for a day, figures that rules compare with those of the same window later."""
        asked = {m for r in self.rules if applies(r, report) for m in r.references}
        if not asked:
            return
        kept = self._history.setdefault(name, {})
        kept[report.window.end] = figures_of(report, sorted(asked))
        for end_ms in [end for end in kept if end < report.window.end - DAY_MS]:
            del kept[end_ms]
