"""Rules and silences, as they are on ``ml.config``."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.alerts import Severity
from schemas.conditions import ConditionText, parse_condition
from schemas.durations import Duration, parse_duration_ms
from schemas.names import Name
from schemas.windows import window_spec

__all__ = [
    "DEFAULT_RULE_NAMES",
    "RULE_FALLBACK",
    "NoData",
    "RuleConfig",
    "SilenceConfig",
    "filled_rule",
]

DEFAULT_RULE_NAMES = (
    "error-rate",
    "latency",
    "accuracy-drop",
    "f1-drop",
    "rmse-rise",
    "data-drift",
    "prediction-drift",
    "data-quality",
    "no-traffic",
    "pipeline-lag",
)
"""Rules that exist without configuration; a rule of the same name overrides one in part."""


_PARSERS: dict[str, Callable[[str], object]] = {
    "window": window_spec,
    "condition": parse_condition,
    "clear": parse_condition,
    "for_": parse_duration_ms,
    "keep_firing_for": parse_duration_ms,
    "cooldown": parse_duration_ms,
}


class NoData(StrEnum):
    """What a rule does when its figure is absent."""

    ALERT = "alert"
    OK = "ok"
    KEEP_LAST = "keep_last"


class RuleConfig(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One rule (``rule/<name>``). What is absent comes from the default rule of that name.

    Attributes
    ----------
    name
        By which it is overridden and found.
    match
        Labels that a report must have, `*` allowed; none is every report.
    metric
        The figure: a name, `feature.*.psi`, or the name of a measurement.
    window
        Over which window; a duration.
    condition
        When it fires: `OP EXPR`.
    clear
        When it stops; absent is when the condition no longer holds.
    for_
        How long the condition must hold, in event time; a duration. On the wire `for`.
    keep_firing_for
        How long it goes on after the condition ceased; a duration.
    cooldown
        How long after the end of an episode none begins; a duration.
    min_count
        Reports that rest on fewer samples are passed over.
    no_data
        What an absent figure means: `alert`, `ok` or `keep_last`.
    severity
        `info`, `warning`, `error` or `critical`.
    channels
        Where it goes; absent is by route.
    summary
        One sentence for a human.
    runbook_url
        What to do.
    """

    name: Name
    match: dict[str, str] | None = None
    metric: str | None = None
    window: Duration | None = None
    condition: ConditionText | None = None
    clear: ConditionText | None = None
    for_: Duration | None = msgspec.field(default=None, name="for")
    keep_firing_for: Duration | None = None
    cooldown: Duration | None = None
    min_count: Annotated[int, Meta(ge=0)] | None = None
    no_data: NoData | None = None
    severity: Severity | None = None
    channels: tuple[str, ...] | None = None
    summary: str | None = None
    runbook_url: str | None = None

    def __post_init__(self) -> None:
        for field, parse in _PARSERS.items():
            text = getattr(self, field)
            try:
                _ = None if text is None else parse(text)
            except ValueError as error:
                raise ValueError(f"`{field.rstrip('_')}`: {error}") from error
        if self.name not in DEFAULT_RULE_NAMES:
            for field in ("metric", "window", "condition"):
                if getattr(self, field) is None:
                    raise ValueError(f"`{field}` is needed, since this is no default rule")


RULE_FALLBACK = RuleConfig(
    name="error-rate",
    match={},
    for_="0s",
    keep_firing_for="0s",
    cooldown="0s",
    min_count=0,
    no_data=NoData.KEEP_LAST,
    severity=Severity.WARNING,
)
"""What a rule has where neither it nor a default rule of its name says; its own name is unused."""


class SilenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One silence (``silence/<id>``); who made it and when are in the record's headers.

    Attributes
    ----------
    id
        By which it is ended.
    match
        Labels that an alert must have, at least one, `*` allowed; `rule` and `severity` are two.
    starts_at
        From when, epoch ms.
    ends_at
        Until when, epoch ms.
    comment
        Why.
    """

    id: Name
    match: Annotated[dict[str, str], Meta(min_length=1)]
    starts_at: int
    ends_at: int
    comment: str = ""

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError(f"silence {self.id!r} ends before it starts")


def filled_rule(rule: RuleConfig, base: RuleConfig) -> RuleConfig:
    """Return the rule with what it leaves open taken from another.

    Examples
    --------
    >>> filled_rule(RuleConfig(name="latency", for_="1m"), RULE_FALLBACK).cooldown
    '0s'
    """
    given = {
        field: value
        for field in RuleConfig.__struct_fields__
        if (value := getattr(rule, field)) is not None
    }
    return msgspec.structs.replace(base, **given)
