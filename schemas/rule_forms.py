"""Rules as people write them, in the form of `schemas.rules.RuleConfig`.

Monitoring guides write a rule as a comparison that names its figure, with minutes as numbers:
``{"name": "high-latency", "condition": "latency_ms > 100", "window_minutes": 5}``.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from schemas.converting import ConfigError
from schemas.durations import duration_text
from schemas.metric_names import METRIC_ALIASES, METRIC_NAMES
from schemas.names import NAME_PATTERN
from schemas.rules import DEFAULT_RULE_NAMES, RuleConfig

__all__ = ["legal_name", "plain_rule"]

_MINUTES = {"window_minutes": "window", "cooldown_minutes": "cooldown"}
_OTHER_FIELDS = (*_MINUTES, "enabled")
_FIELDS = RuleConfig.__struct_encode_fields__
_COMPARISON = re.compile(r"\s*(?P<metric>[A-Za-z_][^<>=!]*?)\s*(?P<condition>[<>=!].*)", re.DOTALL)
_NAME_CHARACTERS_MAX = 128
_MINUTE_MS = 60_000

# Those of the default rules on such figures, and of `performance_threshold`. Of drift it is the
# decision window, which is each model's own; of features and custom figures nobody knows.
_PERFORMANCE = ("classification", "regression", "ranking", "without labels")
_WINDOWS: Mapping[str, str] = {
    "traffic": "5m",
    "data quality": "1h",
    **dict.fromkeys(_PERFORMANCE, "1d"),
}


def plain_rule(table: Mapping[str, Any]) -> dict[str, Any]:
    """Write a rule as `RuleConfig` has it; what is wrong with a field is left for its type to say.

    Parameters
    ----------
    table
        Of a file, or a body of JSON.

    Raises
    ------
    ConfigError
        Where two fields contradict each other, for a name that can be none, and for a rule that is
        switched off.

    Examples
    --------
    >>> plain_rule({"name": "slow", "condition": "latency_ms > 100", "cooldown_minutes": 90})
    {'name': 'slow', 'condition': '> 100', 'cooldown': '90m', 'metric': 'latency_p95_ms', \
'window': '5m'}
    """
    rule = dict(table)
    where = f"rule {rule.get('name')!r}"
    _check_keys(rule, where)
    _check_name(rule.get("name"))
    _check_enabled(rule, where)
    for given, field in _MINUTES.items():
        if given not in rule:
            continue
        if field in rule:
            raise ConfigError(f"{where}: `{field}` and `{given}` say the same: give one of them")
        rule[field] = _duration(rule.pop(given), f"{where}: `{given}`")
    for field in ("condition", "clear"):
        _take_metric(rule, field, where)
    if isinstance(rule.get("metric"), str):
        rule["metric"] = METRIC_ALIASES.get(rule["metric"], rule["metric"])
        known = METRIC_NAMES.get(rule["metric"])
        usual = None if known is None else _WINDOWS.get(known.group)
        if usual is not None and rule.get("name") not in DEFAULT_RULE_NAMES:
            rule.setdefault("window", usual)
    return rule


def legal_name(text: str) -> str:
    """Return a name of letters, digits, dots and dashes that reads like a text.

    Examples
    --------
    >>> legal_name("High Error Rate (v2)"), legal_name("…")
    ('high-error-rate-v2', 'rule')
    """
    words = re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-")
    return words[:_NAME_CHARACTERS_MAX].rstrip("-") or "rule"


def _check_keys(rule: Mapping[str, Any], where: str) -> None:
    """Refuse a key that is nearly one of the other fields; of the rest the rule's type says it."""
    known = (*_FIELDS, *_OTHER_FIELDS)
    for key in rule:
        near = [] if key in known else get_close_matches(str(key), known, n=1)
        if near and near[0] in _OTHER_FIELDS:
            raise ConfigError(f"{where}: unknown key `{key}`: did you mean `{near[0]}`?")


def _check_name(name: object) -> None:
    if isinstance(name, str) and re.match(NAME_PATTERN, name) is None:
        raise ConfigError(
            f"rule {name!r}: `name` has only the characters A-Z a-z 0-9 . _ -, at most"
            f" {_NAME_CHARACTERS_MAX}: did you mean `{legal_name(name)}`?"
        )


def _check_enabled(rule: dict[str, Any], where: str) -> None:
    enabled = rule.pop("enabled", True)
    if enabled is False:
        raise ConfigError(
            f"{where}: `enabled` is false, and what is here counts: leave the rule out"
            " (`streamgauge rules delete NAME` takes it away where it is configured)"
        )
    if enabled is not True:
        raise ConfigError(f"{where}: `enabled`: expected true, got {enabled!r}")


def _duration(minutes: object, where: str) -> str:
    """Write minutes as a duration; what is no whole number of seconds is a mistyping."""
    if isinstance(minutes, bool) or not isinstance(minutes, int | float):
        raise ConfigError(f"{where}: expected a number of minutes, got {minutes!r}")
    span_ms = minutes * _MINUTE_MS
    if not 0 <= span_ms < 10**15 or span_ms % 1000:
        raise ConfigError(f"{where}: {minutes!r} minutes are no whole seconds from 0 on")
    return duration_text(int(span_ms))


def _take_metric(rule: dict[str, Any], field: str, where: str) -> None:
    """Split a comparison that names its figure into figure and condition."""
    text = rule.get(field)
    found = _COMPARISON.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return
    metric = METRIC_ALIASES.get(found["metric"], found["metric"])
    named = rule["metric"] = rule.get("metric") or metric
    if METRIC_ALIASES.get(str(named), named) != metric:
        raise ConfigError(
            f"{where}: `{field}` speaks of {metric!r}, and the rule of {named!r}: a rule has one"
            " figure"
        )
    rule[field] = found["condition"]
