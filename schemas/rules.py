"""Rules and silences, as they are on ``ml.config``."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.alerts import Severity
from schemas.conditions import parse_condition
from schemas.durations import parse_duration_ms
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
    window: str | None = None
    condition: str | None = None
    clear: str | None = None
    for_: str | None = msgspec.field(default=None, name="for")
    keep_firing_for: str | None = None
    cooldown: str | None = None
    min_count: Annotated[int, Meta(ge=0)] | None = None
    no_data: NoData | None = None
    severity: Severity | None = None
    channels: tuple[str, ...] | None = None
    summary: str | None = None
    runbook_url: str | None = None

    def __post_init__(self) -> None:
        for duration in (self.for_, self.keep_firing_for, self.cooldown):
            if duration is not None:
                parse_duration_ms(duration)
        for condition in (self.condition, self.clear):
            if condition is not None:
                parse_condition(condition)
        if self.window is not None:
            window_spec(self.window)
        if self.name not in DEFAULT_RULE_NAMES:
            for field in ("metric", "window", "condition"):
                if getattr(self, field) is None:
                    raise ValueError(f"rule {self.name!r} needs `{field}`: it is no default rule")


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
"""What a rule has where neither it nor a default rule of its name says; the name is of no matter."""


class SilenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One silence (``silence/<id>``); who made it and when are in the record's headers.

    Attributes
    ----------
    id
        By which it is ended.
    match
        Labels that an alert must have, `*` allowed; `rule` and `severity` count as labels.
    starts_at
        From when, epoch ms.
    ends_at
        Until when, epoch ms.
    comment
        Why.
    """

    id: Name
    match: dict[str, str]
    starts_at: int
    ends_at: int
    comment: str = ""

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError(f"silence {self.id!r} ends before it starts")
        if not self.match:
            raise ValueError(f"silence {self.id!r} needs `match`: an empty one would hide all")


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
