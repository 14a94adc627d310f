"""Rules as tables."""

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from stream.alerting.rule_list import ListedLevel, ListedRule
from stream.cli.alert_views import COLORS
from stream.cli.output import clean, escape, table

_NONE, _ALL, _BY_ROUTE = "–", "all", "by route"


def rules_table(rules: Sequence[ListedRule]) -> Table:
    """Show all rules, one a row; columns in which none says anything are left out."""
    columns = {name: [write(rule) for rule in rules] for name, write in _COLUMNS.items()}
    kept = {
        name: values
        for name, values in columns.items()
        if name not in _EMPTY or set(values) != {_EMPTY[name]}
    }
    shown = table(*kept)
    for row in zip(*kept.values(), strict=True):
        shown.add_row(*row)
    return shown


def rule_table(rule: ListedRule) -> Table:
    """Show one rule, a field a row."""
    shown = table("Field", "Value", title=escape(rule.name))
    for level in rule.levels:
        color = COLORS[level.severity]
        shown.add_row(f"[{color}]{level.severity}[/] when", _text(_level(level)))
    overridden = f" ({', '.join(rule.overrides)})" if rule.overrides else ""
    fields: Mapping[str, str] = {
        "clear": rule.clear or "when none of it holds",
        "window": rule.window or "every one that has the figures",
        "for": rule.for_,
        "keep_firing_for": rule.keep_firing_for,
        "cooldown": rule.cooldown,
        "min_count": str(rule.min_count),
        "no_data": rule.no_data,
        "about": _about(rule),
        "channels": _channels(rule),
        "summary": rule.summary or "made of the figures",
        "runbook_url": rule.runbook_url or _NONE,
        "from": rule.origin + overridden,
    }
    for name, value in fields.items():
        shown.add_row(name, _text(value))
    return shown


def _level(level: ListedLevel) -> str:
    known = [f"{one} (where it is known)" for one in level.if_known]
    return " and ".join([*level.conditions, *known])


def _about(rule: ListedRule) -> str:
    words = [f"{name}={value}" for name, value in rule.match.items()]
    if rule.except_versions:
        words.append(f"but version {', '.join(rule.except_versions)}")
    return " ".join(words) or _ALL


def _channels(rule: ListedRule) -> str:
    return _text(" ".join(rule.channels)) if rule.channels else _BY_ROUTE


def _severities(rule: ListedRule) -> str:
    return " ".join(f"[{COLORS[severity]}]{severity}[/]" for severity in rule.severities)


def _text(text: str) -> str:
    return escape(clean(text))


_COLUMNS: Mapping[str, Callable[[ListedRule], str]] = {
    "Rule": lambda rule: _text(rule.name),
    "Fires when": lambda rule: _text("\nor ".join(dict.fromkeys(map(_level, rule.levels)))),
    "Over": lambda rule: rule.window or _NONE,
    "For": lambda rule: rule.for_ if rule.for_ != "0s" else _NONE,
    "Severity": _severities,
    "Channels": _channels,
    "From": lambda rule: rule.origin,
    "About": lambda rule: _text(_about(rule)),
    "Runbook": lambda rule: _text(rule.runbook_url or _NONE),
}
_EMPTY = {"Channels": _BY_ROUTE, "About": _ALL}
