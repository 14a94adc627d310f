"""Rules that no report will ever be judged by: a mistyping, most often. Pure.

They are told, and not refused: a model or a figure may come later.
"""

from collections.abc import Iterable, Sequence

from schemas.durations import parse_duration_ms
from schemas.models import WINDOWS_DEFAULT, ModelConfig, window_specs
from schemas.rules import RuleConfig
from stream.alerting.availability import (
    DECISION_WINDOWS,
    LABELS_MS_MIN,
    baseline_holds,
    decision_windows,
    is_decision,
    is_of_labels,
    why_in_no_report,
)
from stream.alerting.figures import matches
from stream.alerting.rules import CHECKS, Clause, Level, Rule, compile_rules

LABELS = ("model_name", "model_version", "window", "segment", "feature")
"""What a rule's ``match`` can ask for: labels of alerts that reports tell."""
_ANY = "*"


def never_judged(rule: Rule, models: Iterable[ModelConfig]) -> list[str]:
    """Say why a rule is never judged.

    Parameters
    ----------
    rule : as it would count
    models : what is configured

    Returns
    -------
    list
        Sentences; none where nothing is known to be in its way.

    Examples
    --------
    >>> slow = RuleConfig(name="slow", metric="latency_p99_ms", window="2h", condition="> 100")
    >>> (rule,) = [rule for rule in compile_rules([slow]) if rule.name == "slow"]
    >>> never_judged(rule, [ModelConfig(model_name="credit", windows=("5m", "1h"))])
    ['rule slow is never judged: no configured model that it is about has windows of 2h: there \
are 5m, 1h']
    """
    if rule.name in CHECKS:
        return []
    found = [_of_label(label) for label in rule.match or {} if label not in LABELS]
    reasons = [_why_not(level, rule) for level in rule.levels]
    if all(reasons):
        found.append(str(reasons[0]))
    elif (windows := _of_windows(rule, list(models))) is not None:
        return [*_said(rule, found), f"rule {rule.name} {windows}"]
    return _said(rule, found)


def rule_warnings(
    names: Iterable[str], configured: Iterable[RuleConfig], models: Sequence[ModelConfig]
) -> list[str]:
    """Say of which of some rules no report will ever tell, and why.

    Parameters
    ----------
    names : of the rules that are asked for
    configured : all rules there are, the default ones aside
    models : what is configured
    """
    asked = set(names)
    rules = [rule for rule in compile_rules(configured, models) if rule.name in asked]
    return [why for rule in rules for why in never_judged(rule, models)]


def _said(rule: Rule, reasons: Sequence[str]) -> list[str]:
    return [f"rule {rule.name} is never judged: {reason}" for reason in reasons]


def _of_label(label: str) -> str:
    return f"`match`: no report has a label {label!r}: there are {', '.join(LABELS)}"


def _why_not(level: Level, rule: Rule) -> str | None:
    """Say why a level never holds, whatever the windows of models are."""
    needed = [clause for clause in level.clauses if not clause.if_known]
    return next((why for clause in needed if (why := _clause(clause, rule))), None)


def _clause(clause: Clause, rule: Rule) -> str | None:
    if why := why_in_no_report(clause.metric):
        return why
    if clause.condition.reference == "baseline" and not baseline_holds(clause.metric):
        return f"no baseline holds `{clause.metric}`: compare it with `previous`, or a number"
    if rule.window is None:
        return None
    if is_of_labels(clause.metric) and parse_duration_ms(rule.window) < LABELS_MS_MIN:
        return (
            f"labels are counted in windows of 1h and longer, so `{clause.metric}` is in no report"
            f" over {rule.window}"
        )
    return None


def _of_windows(rule: Rule, models: list[ModelConfig]) -> str | None:
    """Say that no model has windows like the rule's."""
    if rule.window is None:
        return None
    about = _about(rule, models)
    if any(is_decision(c.metric) for level in rule.levels for c in level.clauses):
        decided = {w for m in about for w in decision_windows(m)} or {*DECISION_WINDOWS}
        known = rule.window in decided
        why = f"drift is not decided over {rule.window}, but over {_named(decided)}"
        return None if known else f"is never judged: {why}"
    windows = {spec.name for model in about for spec in window_specs(model)}
    windows |= {w for m in about if len(decision_windows(m)) == 1 for w in decision_windows(m)}
    if rule.window in (windows if about else WINDOWS_DEFAULT):
        return None
    if not about:
        why = f"models without configuration have no windows of {rule.window}, but of"
        return f"is never judged: {why} {_named(WINDOWS_DEFAULT)}"
    why = f"no configured model that it is about has windows of {rule.window}"
    unless = "is never judged"
    if any(rule.window in decision_windows(model) for model in about):
        unless += f" unless drift is decided over {rule.window}"
    elif rule.window in WINDOWS_DEFAULT and _ANY in (rule.match or {}).get("model_name", _ANY):
        unless = "is judged at most for models without configuration"
    return f"{unless}: {why}: there are {_named(windows)}"


def _named(windows: Iterable[str]) -> str:
    return ", ".join(sorted(windows, key=parse_duration_ms))


def _about(rule: Rule, models: list[ModelConfig]) -> list[ModelConfig]:
    """Return the configurations of models that a rule is about."""
    match = rule.match or {}
    name, version = match.get("model_name", _ANY), match.get("model_version", _ANY)
    own = {model.model_name for model in models if model.model_version == version != _ANY}
    return [
        model
        for model in models
        if matches(name, model.model_name)
        and (
            matches(version, model.model_version)
            if model.model_version != _ANY
            else model.model_name not in own
        )
    ]
