"""Where an alert goes: to the channels its rule names, else by the routes, else by severity. Pure.

Routes are a flat list, read in order: the first that matches decides, unless it says `continue`.
What no route matches goes by severity and type of channel: the log and programs are told
everything, e-mail of errors, pagers and chats of what is critical. A warning that nothing else is
told of is on the dashboard, in Redis and on ``ml.alerts``, as all are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from schemas.alerts import AlertEvent, Severity
from schemas.canonical import sha256_of
from schemas.durations import parse_duration_ms
from stream.alerting.figures import matches_all
from stream.alerting.severities import rank

REPEAT_MS = 4 * 3_600_000
"""As Alertmanager's."""
INTERVAL_MS = 10_000
"""Between two notifications of a conversation, at first."""
INTERVAL_MS_MAX = 300_000
"""Up to so much it grows with each: a storm becomes quiet."""
EVERY_LABEL = "*"
GROUP_BY = ("model_name",)

LOGS = frozenset({"log", "console"})
PROGRAMS = frozenset({"webhook", "alertmanager", "python"})
MAIL = frozenset({"email"})
PAGERS = frozenset({"pagerduty", "opsgenie"})
CHATS = frozenset({"slack", "apprise"})


class Timing(msgspec.Struct, frozen=True):
    """When a channel is told of a group, in ms of the wall clock.

    Attributes
    ----------
    wait_ms
        How long the first notification waits for others that belong to it.
    interval_ms
        Least time between two notifications, repeats aside.
    interval_ms_max
        Up to so much the interval doubles with each update.
    repeat_ms
        After so long without news, what still fires is told again.
    together
        Whether a program is sent few events together, too; else each by itself.
    """

    wait_ms: int = 0
    interval_ms: int = INTERVAL_MS
    interval_ms_max: int = INTERVAL_MS_MAX
    repeat_ms: int = REPEAT_MS
    together: bool = True


FOR_PEOPLE = Timing()
FOR_PROGRAMS = Timing(interval_ms=0, interval_ms_max=0, together=False)


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """What routing knows of a configured channel.

    Attributes
    ----------
    type : as in the settings
    every_event : whether it is a program or a log, which is told at once and of everything
    resend_ms : how often what fires is sent again; None is by route
    """

    type: str
    every_event: bool
    resend_ms: int | None = None


class RouteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``[[routes]]``, as written; durations are text such as `30s`."""

    channels: Annotated[tuple[str, ...], Meta(min_length=1)]
    match: dict[str, str] = {}
    continue_: bool = msgspec.field(default=False, name="continue")
    group_by: tuple[str, ...] | None = None
    group_wait: str | None = None
    group_interval: str | None = None
    repeat_interval: str | None = None

    def timing(self, kind: ChannelKind) -> Timing:
        """Return when a channel is told by this route; an interval that is given does not grow."""
        timing = FOR_PROGRAMS if kind.every_event else FOR_PEOPLE
        if self.group_by is not None:
            timing = replace(timing, together=True)
        if self.group_wait is not None:
            wait_ms = parse_duration_ms(self.group_wait)
            timing = replace(timing, wait_ms=wait_ms, together=timing.together or wait_ms > 0)
        if self.group_interval is not None:
            given_ms = parse_duration_ms(self.group_interval)
            timing = replace(timing, interval_ms=given_ms, interval_ms_max=given_ms)
        if self.repeat_interval is not None:
            timing = replace(timing, repeat_ms=parse_duration_ms(self.repeat_interval))
        return timing


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel that is told of an alert.

    Attributes
    ----------
    channel : its name
    labels : of the group that the alert is told with
    timing : of the group
    key : of the group's conversations: it outlasts each alert, and the loss of Redis
    """

    channel: str
    labels: Mapping[str, str]
    timing: Timing
    key: str

    @property
    def group(self) -> str:
        """Name of the group."""
        return group_id(self.channel, self.labels)


@dataclass(frozen=True, slots=True)
class Routing:
    """Routes and channels of one configuration.

    Parameters
    ----------
    routes : in order
    channels : by name
    namespace : of the alerts; others may tell the same places of models that are called the same
    """

    routes: tuple[RouteConfig, ...]
    channels: Mapping[str, ChannelKind]
    namespace: str

    def destinations(self, alert: AlertEvent, named: Sequence[str]) -> list[Destination]:
        """Return who is told of an alert, each channel once.

        Parameters
        ----------
        alert : any event of it; all of them have the same destinations
        named : channels, or types of channels, that the rule or the model names; where none of
            them exists the routes decide: better told twice than not
        """
        found: dict[str, Destination] = {}
        own = self._named(named)
        if own:
            route = RouteConfig(channels=tuple(own))
            return [self._destination(alert, name, route) for name in own]
        asked = {**alert.labels, "rule": alert.rule, "severity": alert.severity.value}
        for route in self.routes:
            if not matches_all(route.match, asked):
                continue
            for name in route.channels:
                found.setdefault(name, self._destination(alert, name, route))
            if not route.continue_:
                break
        if not found:
            for name in self.by_severity(alert.severity):
                found[name] = self._destination(alert, name, RouteConfig(channels=(name,)))
        return list(found.values())

    def by_severity(self, severity: Severity) -> list[str]:
        """Return the channels that are told of what no route matches."""
        of_mail = self._of_types(MAIL)
        of_chats = self._of_types(CHATS)
        told = self._of_types(LOGS | PROGRAMS)
        if rank(severity) >= rank(Severity.ERROR):
            told += of_mail or of_chats
        if severity is Severity.CRITICAL:
            told += self._of_types(PAGERS) + of_chats
        return list(dict.fromkeys(told))

    def _named(self, named: Sequence[str]) -> list[str]:
        """Return the channels that are named; a type names all channels of it."""
        found: list[str] = []
        for name in named:
            found += [name] if name in self.channels else self._of_types({name})
        return list(dict.fromkeys(found))

    def _of_types(self, types: Collection[str]) -> list[str]:
        return [name for name, kind in self.channels.items() if kind.type in types]

    def _destination(self, alert: AlertEvent, channel: str, route: RouteConfig) -> Destination:
        kind = self.channels[channel]
        timing = route.timing(kind)
        if kind.resend_ms is not None:
            timing = replace(timing, repeat_ms=kind.resend_ms)
        group_by = GROUP_BY if route.group_by is None else route.group_by
        labels = _group_labels(alert, group_by)
        key = alert.fingerprint
        if EVERY_LABEL not in group_by:
            key = sha256_of([self.namespace, channel, labels])
        return Destination(channel, labels, timing, key)


def parse_routes(
    tables: Sequence[Mapping[str, Any]], channels: Collection[str]
) -> tuple[RouteConfig, ...]:
    """Read ``[[routes]]``.

    Parameters
    ----------
    tables : as in the settings
    channels : names of those there are

    Raises
    ------
    ValueError
        For the first that cannot be used: which one, what is wrong, what would do.
    """
    routes = []
    for number, table in enumerate(tables, start=1):
        where = f"routes, number {number}"
        fields = [field.encode_name for field in msgspec.structs.fields(RouteConfig)]
        for key in table:
            if key not in fields:
                raise ValueError(f"{where}: unknown key {key!r}: {_instead(key, fields)}")
        try:
            route = msgspec.convert(table, RouteConfig)
            for text in (route.group_wait, route.group_interval, route.repeat_interval):
                _ = None if text is None else parse_duration_ms(text)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if route.repeat_interval is not None and parse_duration_ms(route.repeat_interval) == 0:
            raise ValueError(f"{where}: `repeat_interval` of 0s would repeat without end")
        for name in route.channels:
            if name not in channels:
                instead = _instead(name, sorted(channels))
                raise ValueError(f"{where}: there is no channel {name!r}: {instead}")
        routes.append(route)
    return tuple(routes)


def group_id(channel: str, labels: Mapping[str, str]) -> str:
    """Name a group of a channel by what its alerts have in common; for use in a key."""
    return sha256_of([channel, dict(labels)])[:32]


def _group_labels(alert: AlertEvent, group_by: Sequence[str]) -> dict[str, str]:
    """Return what makes the group; alerts that have none of the labels are grouped by rule."""
    if EVERY_LABEL in group_by:
        return {**alert.labels, "rule": alert.rule}
    asked = {**alert.labels, "rule": alert.rule, "severity": alert.severity.value}
    found = {name: asked[name] for name in group_by if name in asked}
    return found or {"rule": alert.rule}


def _instead(given: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(given, allowed, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(allowed)}"
