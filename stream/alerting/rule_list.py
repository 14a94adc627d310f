"""The rules in force, as people and programs are shown them. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from schemas.alerts import Severity
from schemas.conditions import condition_text
from schemas.durations import duration_text
from schemas.models import ModelConfig
from schemas.rules import DEFAULT_RULE_NAMES, NoData, RuleConfig
from stream.alerting.never_judged import never_judged
from stream.alerting.rules import Clause, Level, Rule, compile_rules
from stream.alerting.severities import SEVERITIES
from stream.alerting.thresholds import thresholds

DEFAULT, OVERRIDDEN, CONFIGURED, THRESHOLD = (
    "default",
    "default, overridden",
    "configured",
    "performance_threshold",
)
"""Where a rule comes from."""


class ListedLevel(msgspec.Struct, frozen=True, kw_only=True):
    """Comparisons that must all hold, and how bad it is when they do.

    Attributes
    ----------
    severity
        How bad it is.
    conditions
        `METRIC OP EXPR`.
    if_known
        More of them, each of which counts only where its figure is there.
    """

    severity: Severity
    conditions: tuple[str, ...]
    if_known: tuple[str, ...] = ()


class ListedRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in force. Durations are text.

    Attributes
    ----------
    name
        By which it is overridden and found.
    origin
        `default`, `default, overridden`, `configured` or `performance_threshold`.
    overrides
        The fields that a configured rule of the same name sets, of a default one.
    levels
        The severest first; any of them is enough.
    window
        Over which window; null is every one that carries the figures.
    match
        Labels that an alert must have.
    except_versions
        Model versions that it is not about, since they have bounds of their own.
    clear
        When it stops; null is when no level holds.
    for_
        How long it must hold. In JSON `for`.
    keep_firing_for, cooldown, min_count, no_data
        As configured.
    channels
        Where it goes; null is by route.
    summary
        Its own words.
    runbook_url
        What to do.
    warnings
        Why it is never judged, where it is known.
    """

    name: str
    origin: str
    overrides: tuple[str, ...] = ()
    levels: tuple[ListedLevel, ...]
    window: str | None
    match: dict[str, str]
    except_versions: tuple[str, ...]
    clear: str | None
    for_: str = msgspec.field(name="for")
    keep_firing_for: str
    cooldown: str
    min_count: int
    no_data: NoData
    channels: tuple[str, ...] | None
    summary: str | None
    runbook_url: str | None
    warnings: tuple[str, ...] = ()

    @property
    def severities(self) -> tuple[Severity, ...]:
        """Of its levels, each once, mildest first."""
        found = {level.severity for level in self.levels}
        return tuple(one for one in SEVERITIES if one in found)


def listed_rules(
    configured: Mapping[str, RuleConfig], models: Sequence[ModelConfig]
) -> list[ListedRule]:
    """Return every rule there is, sorted by name.

    Parameters
    ----------
    configured : by name
    models : what is configured of them
    """
    rules = compile_rules(configured.values(), models)
    return [_listed(rule, configured.get(rule.name), models) for rule in rules]


def restored(name: str, models: Iterable[ModelConfig]) -> str | None:
    """Return what counts once a configured rule is deleted; None where nothing of its name does."""
    if name in DEFAULT_RULE_NAMES:
        return DEFAULT
    return THRESHOLD if any(bound.name == name for bound in thresholds(models)) else None


def _listed(rule: Rule, given: RuleConfig | None, models: Sequence[ModelConfig]) -> ListedRule:
    is_default = rule.name in DEFAULT_RULE_NAMES
    overrides: tuple[str, ...] = ()
    if given is None:
        origin = DEFAULT if is_default else THRESHOLD
    else:
        origin = OVERRIDDEN if is_default else CONFIGURED
        overrides = tuple(name for name in msgspec.to_builtins(given) if name != "name")
    return ListedRule(
        name=rule.name,
        origin=origin,
        overrides=overrides if is_default else (),
        levels=tuple(map(_listed_level, rule.levels)),
        window=rule.window,
        match=dict(rule.match or {}),
        except_versions=rule.except_versions,
        clear=None if rule.clear is None else condition_text(rule.clear),
        for_=duration_text(rule.for_ms),
        keep_firing_for=duration_text(rule.keep_firing_ms),
        cooldown=duration_text(rule.cooldown_ms),
        min_count=rule.min_count,
        no_data=rule.no_data,
        channels=rule.channels,
        summary=rule.summary,
        runbook_url=rule.runbook_url,
        warnings=tuple(never_judged(rule, models)),
    )


def _listed_level(level: Level) -> ListedLevel:
    return ListedLevel(
        severity=level.severity,
        conditions=tuple(_text(clause) for clause in level.clauses if not clause.if_known),
        if_known=tuple(_text(clause) for clause in level.clauses if clause.if_known),
    )


def _text(clause: Clause) -> str:
    return f"{clause.metric} {condition_text(clause.condition)}"
