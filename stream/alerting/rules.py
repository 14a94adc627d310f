"""Rules as they are evaluated, and the default ones.

A rule fires when one of its levels holds; a level holds when all its clauses do. Configured rules
have one level with one clause. Default rules exist without configuration; a configured rule of the
same name overrides one in part.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from schemas.alerts import Severity
from schemas.conditions import Condition, parse_condition
from schemas.durations import parse_duration_ms
from schemas.metric_names import METRIC_ALIASES
from schemas.models import ModelConfig
from schemas.rules import RULE_FALLBACK, NoData, RuleConfig, filled_rule
from schemas.windows import window_spec
from stream.alerting.figures import matches_all, rests_on_labels
from stream.alerting.thresholds import Threshold, thresholds

NO_TRAFFIC = "no-traffic"
PIPELINE_LAG = "pipeline-lag"
CHECKS = (NO_TRAFFIC, PIPELINE_LAG)
"""Rules that no report can tell; see `stream.alerting.checks`."""

RUNBOOKS = "docs/runbooks"
"""Where the runbooks of default rules are, relative to the project."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of one figure, such as ``error_rate > 0.05``.

    Attributes
    ----------
    metric : the figure
    condition : the comparison
    if_known : whether it counts only where the figure is there
    """

    metric: str
    condition: Condition
    if_known: bool = False

    @classmethod
    def parse(cls, text: str) -> "Clause":
        """Read ``METRIC OP EXPR``, with a ``?`` before it where it counts only if it is known.

        Raises
        ------
        ValueError
            For a bad condition.
        """
        metric, _, condition = text.removeprefix("?").partition(" ")
        metric = METRIC_ALIASES.get(metric, metric)
        return cls(metric, parse_condition(condition), text.startswith("?"))


@dataclass(frozen=True, slots=True)
class Level:
    """Clauses that must all hold, and how bad it is when they do."""

    severity: Severity
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, ready to be evaluated. Durations in ms.

    Attributes
    ----------
    name : by which it is overridden and found; those that bounds of a model's configurations make
        may share one, and then are about different versions
    levels : the severest first; any of them is enough
    window : canonical name; None is every window that carries the figures
    match : labels an alert must have, ``*`` allowed
    except_versions : model versions that it is not about
    whole_traffic : segments are passed over unless ``match`` names them
    clear : when a firing alert is over; None is when no level holds
    for_ms : how long it must hold before it fires
    keep_firing_ms : how long it goes on firing after it ceased
    cooldown_ms : how long after an episode none begins
    min_count : fewer samples are passed over
    no_data : what it means that the figure is absent
    channels : where it goes; None is everywhere
    summary : the rule's own words, else they are made
    runbook_url : what to do
    """

    name: str
    levels: tuple[Level, ...]
    window: str | None = None
    match: Mapping[str, str] | None = None
    except_versions: tuple[str, ...] = ()
    whole_traffic: bool = False
    clear: Condition | None = None
    for_ms: int = 0
    keep_firing_ms: int = 0
    cooldown_ms: int = 0
    min_count: int = 0
    no_data: NoData = NoData.KEEP_LAST
    channels: tuple[str, ...] | None = None
    summary: str | None = None
    runbook_url: str | None = None

    def is_about(self, labels: Mapping[str, str], unasked: Collection[str] = ()) -> bool:
        """Whether an alert with these labels may be this rule's.

        Parameters
        ----------
        labels : of an alert, or of a report
        unasked : labels that need not match
        """
        if labels.get("model_version") in self.except_versions:
            return False
        asked = {name: of for name, of in (self.match or {}).items() if name not in unasked}
        return matches_all(asked, labels)

    @property
    def rests_on_labels(self) -> bool:
        """Whether it judges mature windows only; see `stream.alerting.maturity`."""
        return any(rests_on_labels(c.metric) for level in self.levels for c in level.clauses)

    @property
    def references(self) -> frozenset[str]:
        """Metrics that are compared with the same window one day before."""
        clauses = [clause for level in self.levels for clause in level.clauses]
        named = {clause.metric for clause in clauses if clause.condition.reference == "previous"}
        if self.clear is not None and self.clear.reference == "previous":
            named.add(clauses[0].metric)
        return frozenset(named)


_DRIFT = ("drift_share >= 0.3", "drifted_features >= 2")

# The severest level first. The thresholds are the contract's, which took them from the guides.
_LEVELS: Mapping[str, tuple[tuple[Severity, tuple[str, ...]], ...]] = {
    "error-rate": ((Severity.ERROR, ("error_rate > 0.05",)),),
    "latency": (
        (Severity.WARNING, ("latency_p95_ms > 2 * baseline",)),
        (Severity.WARNING, ("latency_p95_ms > 2 * previous",)),
    ),
    # A few labels may say anything: what is within the 95 % interval of the baseline is no drop.
    "accuracy-drop": (
        (Severity.ERROR, ("accuracy < baseline - 0.1", "?accuracy_high < baseline")),
    ),
    "f1-drop": ((Severity.ERROR, ("f1 < baseline - 0.1", "?f1_high < baseline")),),
    "rmse-rise": ((Severity.ERROR, ("rmse > 1.2 * baseline", "?rmse_low > baseline")),),
    # Drift alone is a warning at most; where the estimated performance fell with it, an error.
    "data-drift": (
        (Severity.ERROR, (*_DRIFT, "estimated_accuracy < baseline - 0.1")),
        (Severity.ERROR, (*_DRIFT, "estimated_f1 < baseline - 0.1")),
        (Severity.WARNING, _DRIFT),
        (Severity.INFO, ("drifted_features >= 1",)),
    ),
    "prediction-drift": ((Severity.WARNING, ("prediction_drifted == 1",)),),
    "data-quality": (
        (Severity.WARNING, ("missing_rate > baseline + 0.05",)),
        (Severity.WARNING, ("type_mismatch_rate > 0.01",)),
    ),
    # The two that no report can tell; see `stream.alerting.checks`.
    NO_TRAFFIC: ((Severity.ERROR, ("silence_ms > 600000",)),),
    PIPELINE_LAG: ((Severity.CRITICAL, ("behind_ms > 300000",)),),
}

_BASES: Mapping[str, RuleConfig] = {
    base.name: base
    for base in (
        RuleConfig(name="error-rate", window="5m", for_="5m"),
        RuleConfig(name="latency", window="5m", for_="10m"),
        RuleConfig(name="accuracy-drop", window="1d"),
        RuleConfig(name="f1-drop", window="1d"),
        RuleConfig(name="rmse-rise", window="1d"),
        RuleConfig(name="data-drift"),
        RuleConfig(name="prediction-drift"),
        RuleConfig(name="data-quality", window="1h"),
        RuleConfig(name=NO_TRAFFIC),
        # What is behind at the start of everything is not yet trouble: a worker first catches up.
        RuleConfig(name=PIPELINE_LAG, for_="1m"),
    )
}


def compile_rules(
    configured: Iterable[RuleConfig], models: Iterable[ModelConfig] = ()
) -> tuple[Rule, ...]:
    """Return every rule there is: default ones, overridden in part, configured ones, and bounds.

    Parameters
    ----------
    configured : as on ``ml.config``
    models : the same, for their ``performance_threshold``

    Returns
    -------
    tuple
        Sorted by name. A configured rule takes the place of a bound's of the same name.
    """
    given = {config.name: config for config in configured}
    rules = [_compiled(name, given.get(name)) for name in _BASES.keys() | given.keys()]
    rules += [_of_bound(bound) for bound in thresholds(models) if bound.name not in given]
    return tuple(sorted(rules, key=lambda rule: rule.name))


def _of_bound(bound: Threshold) -> Rule:
    levels = [Level(Severity.WARNING, (Clause(bound.metric, c),)) for c in bound.conditions]
    return Rule(
        name=bound.name,
        levels=tuple(levels),
        window=bound.window,
        match=bound.match,
        except_versions=bound.except_versions,
        whole_traffic=True,
        for_ms=bound.for_ms,
    )


def _compiled(name: str, given: RuleConfig | None) -> Rule:
    base = filled_rule(_BASES.get(name, RuleConfig(name="error-rate")), RULE_FALLBACK)
    config = base if given is None else filled_rule(given, base)
    return Rule(
        name=name,
        levels=_levels(name, given),
        window=None if config.window is None else window_spec(config.window).name,
        match=config.match,
        whole_traffic=name in _BASES,
        clear=None if config.clear is None else parse_condition(config.clear),
        for_ms=parse_duration_ms(config.for_ or "0s"),
        keep_firing_ms=parse_duration_ms(config.keep_firing_for or "0s"),
        cooldown_ms=parse_duration_ms(config.cooldown or "0s"),
        min_count=config.min_count or 0,
        no_data=config.no_data or NoData.KEEP_LAST,
        channels=config.channels,
        summary=config.summary,
        runbook_url=config.runbook_url or (f"{RUNBOOKS}/{name}.md" if name in _BASES else None),
    )


def _levels(name: str, given: RuleConfig | None) -> tuple[Level, ...]:
    """Levels of a rule; a metric or a condition of its own takes the place of all default ones."""
    default = tuple(
        Level(severity, tuple(map(Clause.parse, clauses)))
        for severity, clauses in _LEVELS.get(name, ())
    )
    if given is None:
        return default
    if given.metric is None and given.condition is None:
        if given.severity is None:
            return default
        return tuple(Level(given.severity, level.clauses) for level in default)
    first = default[0].clauses[0] if default else None
    metric = given.metric or (first.metric if first else None)
    condition = parse_condition(given.condition) if given.condition else None
    condition = condition or (first.condition if first else None)
    assert metric is not None, "a rule that is no default one has a metric: RuleConfig sees to it"
    assert condition is not None, "and a condition"
    severity = given.severity or (default[0].severity if default else Severity.WARNING)
    return (Level(severity, (Clause(METRIC_ALIASES.get(metric, metric), condition),)),)
