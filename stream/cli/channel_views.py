"""What commands show of notification channels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from schemas.alerts import Severity
from stream.alerting.audience import Audience, audience
from stream.alerting.channel_figures import ChannelFigures
from stream.alerting.channel_store import Dead
from stream.alerting.routing import Routing
from stream.alerting.severities import SEVERITIES
from stream.cli.output import clean, count_text, escape, table, time_text

_ID_SHOWN = 12


def hears_text(routing: Routing, hears: Audience) -> str:
    """Say what a channel hears of: a line for each route, and one for the rest."""
    lines = []
    for number in hears.routes:
        match = routing.routes[number - 1].match
        asked = ", ".join(f"{label}={pattern}" for label, pattern in match.items()) or "all"
        lines.append(f"route {number}: {asked}")
    if hears.severities:
        asked = _severities_text(hears.severities)
        lines.append(f"the rest: {asked}" if routing.routes else asked)
    return "\n".join(lines) or "nothing"


def _severities_text(severities: Sequence[Severity]) -> str:
    if len(severities) == len(SEVERITIES):
        return "all"
    worse = len(severities) > 1 and tuple(severities) == SEVERITIES[-len(severities) :]
    return f"{severities[0]} and worse" if worse else ", ".join(severities)


def channel_document(routing: Routing, one: ChannelFigures) -> dict[str, Any]:
    """Return how a channel is doing, for programs; a time that never was is null."""
    hears = audience(routing, one.name)
    state = one.state
    return {
        "name": one.name,
        "type": routing.channels[one.name].type,
        "routes": [
            {"number": number, "match": routing.routes[number - 1].match} for number in hears.routes
        ],
        "severities": list(hears.severities),
        "waiting": one.waiting,
        "waiting_since": one.waiting_since,
        "delivered": state.delivered,
        "failed": state.failed,
        "superseded": state.superseded,
        "dead": state.dead,
        "dead_letters": one.dead_letters,
        "failures": state.failures,
        "failing_since": one.failing_since,
        "delivered_at": state.delivered_at or None,
        "failed_at": state.failed_at or None,
        "error": state.error or None,
    }


def channels_table(routing: Routing, channels: Iterable[ChannelFigures]) -> Table:
    """Draw channels, one a row."""
    shown = table(
        "channel",
        "type",
        "hears of",
        "waiting",
        "delivered (UTC)",
        "given up",
        "superseded",
        "trouble (UTC)",
        right=("waiting", "given up", "superseded"),
    )
    for one in channels:
        shown.add_row(
            escape(clean(one.name)),
            routing.channels[one.name].type,
            escape(clean(hears_text(routing, audience(routing, one.name)))),
            count_text(one.waiting),
            time_text(one.state.delivered_at or None),
            _given_up(one),
            count_text(one.state.superseded),
            _trouble(one),
        )
    return shown


def _given_up(one: ChannelFigures) -> str:
    if not one.dead_letters:
        return count_text(one.state.dead)
    kept = "" if one.dead_letters == one.state.dead else f", {one.dead_letters} kept"
    return f"[red]{count_text(one.state.dead)}{kept}[/]"


def _trouble(one: ChannelFigures) -> str:
    said = escape(clean(one.state.error))
    if one.failing_since is not None:
        return f"[red]fails since {time_text(one.failing_since)}: {said}[/]"
    if one.dead_at is not None and one.dead_at >= one.state.delivered_at:
        return f"[red]gave up at {time_text(one.dead_at)}: {said}[/]"
    if one.state.failed_at:
        return f"[dim]last at {time_text(one.state.failed_at)}: {said}[/]"
    return "–"


def letter_document(letter: Dead) -> dict[str, Any]:
    """Return a dead letter for programs."""
    told = letter.notification
    return {
        "given_up_at": letter.at,
        "why": letter.why,
        "id": told.id,
        "key": told.key,
        "kind": told.kind,
        "severity": told.severity,
        "title": told.title,
        "made_at": told.at,
        "alerts": [
            {"id": event.id, "fingerprint": event.fingerprint, "status": event.status}
            for event in told.events
        ],
        "more": told.more,
    }


def letters_table(letters: Iterable[Dead]) -> Table:
    """Draw dead letters, one a row."""
    shown = table("given up (UTC)", "kind", "what", "why", "id", "alerts")
    for letter in letters:
        told = letter.notification
        ids = [event.id[:_ID_SHOWN] for event in told.events[:1]]
        more = len(told.events) + told.more - len(ids)
        shown.add_row(
            time_text(letter.at),
            told.kind,
            escape(clean(told.title)),
            escape(clean(letter.why)),
            told.id[:_ID_SHOWN],
            escape(clean(", ".join(ids) + (f" and {more} more" if more else ""))),
        )
    return shown


def trial_text(result: Mapping[str, Any]) -> str:
    """Say what a channel made of a trial."""
    what = "the test notification" if result["status"] == "firing" else "the end of the test"
    receipt = f"; it answered {result['receipt']}" if result["receipt"] else ""
    return clean(f"{result['channel']} took {what} in {result['took_ms']:,} ms{receipt}")
