"""Which channels hear of which alerts, and whom an alert reaches at least. Pure.

What an alert's labels are is not known beforehand, so a route that asks for labels may or may not
take it; only one that asks for nothing but a severity surely takes what has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.alerts import Severity
from stream.alerting.figures import matches
from stream.alerting.routing import LOGS, RouteConfig, Routing
from stream.alerting.severities import SEVERITIES

SEVERITY = "severity"
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Audience:
    """What one channel hears of.

    Attributes
    ----------
    routes : numbers of the routes by which it does, counted from 1
    severities : of what no route takes
    """

    routes: tuple[int, ...]
    severities: tuple[Severity, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom alerts of one severity reach.

    Attributes
    ----------
    route : number of the route that takes them for their labels; None for those of no such route
    decided_by : number of the last route that names a channel; None where the severity does
    channels : all that are told
    """

    route: int | None
    decided_by: int | None
    channels: tuple[str, ...]


def audience(routing: Routing, channel: str) -> Audience:
    """Return what a channel hears of; a route that nothing can reach is left out."""
    routes: set[int] = set()
    severities = []
    for severity in SEVERITIES:
        for number, route in _open_routes(routing, severity):
            if channel in route.channels:
                routes.add(number)
        if channel in routing.by_severity(severity) and not _is_always_taken(routing, severity):
            severities.append(severity)
    return Audience(tuple(sorted(routes)), tuple(severities))


def reaches(routing: Routing, severity: Severity) -> list[Reach]:
    """Return whom alerts of a severity reach, for each route that may take some of them.

    Notes
    -----
    An alert that several routes take for its labels reaches all that it would reach by one of
    them, so these are the least.
    """
    routes = list(_open_routes(routing, severity))
    labelled = [number for number, route in routes if not _takes_all(route, severity)]
    return [_reach(routing, routes, severity, number) for number in (None, *labelled)]


def people(routing: Routing, reach: Reach) -> tuple[str, ...]:
    """Return the channels that are no log."""
    return tuple(name for name in reach.channels if routing.channels[name].type not in LOGS)


def _reach(
    routing: Routing,
    routes: list[tuple[int, RouteConfig]],
    severity: Severity,
    labelled: int | None,
) -> Reach:
    told: dict[str, None] = {}
    decided_by = None
    for number, route in routes:
        if number == labelled or _takes_all(route, severity):
            told |= dict.fromkeys(route.channels)
            decided_by = number
            if not route.continue_:
                break
    return Reach(labelled, decided_by, tuple(told or routing.by_severity(severity)))


def _open_routes(routing: Routing, severity: Severity) -> Iterator[tuple[int, RouteConfig]]:
    """Yield the routes that alerts of a severity come to and may be taken by, with numbers."""
    for number, route in enumerate(routing.routes, start=1):
        pattern = route.match.get(SEVERITY)
        if pattern is not None and not matches(pattern, severity):
            continue
        yield number, route
        if _takes_all(route, severity) and not route.continue_:
            return


def _is_always_taken(routing: Routing, severity: Severity) -> bool:
    return any(_takes_all(route, severity) for route in routing.routes)


def _takes_all(route: RouteConfig, severity: Severity) -> bool:
    """Whether every alert of a severity matches; all alerts have a rule, so `*` asks for none."""
    return all(
        matches(pattern, severity) if label == SEVERITY else (label, pattern) == ("rule", _ANY)
        for label, pattern in route.match.items()
    )
