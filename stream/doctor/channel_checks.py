"""Notification channels: whether they can be made, whom alerts reach, and whether they arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.alerts import Severity
from schemas.models import ModelConfig
from schemas.records import ConfigRecord
from schemas.rules import RuleConfig
from stream.alerting.audience import Reach, people, reaches
from stream.alerting.channel_figures import ChannelFigures
from stream.alerting.keys import AlertKeys
from stream.alerting.relay import BY_ROUTE
from stream.alerting.routing import LOGS, Routing
from stream.alerting.severities import SEVERITIES
from stream.doctor.check import Check, fine, trouble, warning
from stream.live.view import age_text
from stream.state.client import RedisClient

CHANNELS_MIN = 2
"""Of what is critical: with one, nobody is told while it is down."""
WAITING_MS_MAX = 300_000
"""A channel that does not fail delivers within seconds."""
OVERDUE_MS_MAX = 60_000
"""The agents look twice a second; the lease of one that was killed takes a quarter of a minute."""
DEAD_MS = 86_400_000
"""What was given up longer ago is history."""
_NOWHERE = "nobody but the log and the dashboard"
_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """What the agents have still to decide about, to publish and to tell.

    Attributes
    ----------
    outbox, decided : how many events wait for the first, and for the second
    heads : the first of both, by which it is known whether they get on
    due_ms : since when a group has to be told; None where none has
    """

    outbox: int
    decided: int
    heads: tuple[bytes | None, bytes | None]
    due_ms: int | None

    def is_stuck_since(self, before: "Queue") -> bool:
        """Whether nothing of what waited before has got on."""
        pairs = zip(self.heads, before.heads, strict=True)
        return any(now is not None and now == then for now, then in pairs)


def read_queue(client: RedisClient, namespace: str) -> Queue:
    """Read what the agents have still to do."""
    keys = AlertKeys(namespace)
    with client.pipeline(transaction=False) as pipe:
        for key in (keys.outbox, keys.decided):
            pipe.llen(key)
            pipe.lindex(key, 0)
        pipe.zrange(keys.due, 0, 0, withscores=True)
        outbox, first, decided, first_decided, due = pipe.execute()
    due_ms = int(due[0][1]) if due else None
    return Queue(int(outbox), int(decided), (first, first_decided), due_ms)


def check_settings(routing: Routing) -> Check:
    """Say which channels there are: they, the routes and the heartbeat could be made."""
    types = {name: kind.type for name, kind in routing.channels.items()}
    named = [name if name == of else f"{name} ({of})" for name, of in types.items()]
    count = len(routing.routes)
    routes = f"{count} route{'s' * (count != 1)}" if count else "no routes: by severity"
    return fine("channels.settings", f"{_some(named, ', ')}; {routes}")


def unusable_settings(why: str) -> Check:
    """Say which setting of channels, routes or the heartbeat cannot be used."""
    hint = "correct it where agents run: they do not start like this"
    return trouble("channels.settings", why, hint)


def check_recipients(routing: Routing) -> Check:
    """Check that what is critical reaches several places, and say what reaches none."""
    critical = reaches(routing, Severity.CRITICAL)
    worst = min(critical, key=lambda reach: len(people(routing, reach)))
    told = {of: people(routing, reaches(routing, of)[0]) for of in reversed(SEVERITIES)}
    said = []
    if worst.route is not None:
        match = routing.routes[worst.route - 1].match
        labels = ", ".join(f"{label}={pattern}" for label, pattern in match.items())
        which = f"what is critical of routes, number {worst.route} ({labels}),"
        said.append(f"{which} reaches {_and(people(routing, worst)) or _NOWHERE}")
    for reached in dict.fromkeys(told.values()):
        names = [str(of) for of in told if told[of] == reached]
        verb = "reaches" if len(names) == 1 else "reach"
        said.append(f"{_and(names)} {verb} {_and(reached) or _NOWHERE}")
    if len(people(routing, worst)) >= CHANNELS_MIN:
        return fine("channels.reach", "; ".join(said))
    return warning("channels.reach", "; ".join(said), _more_channels(routing, worst))


def _more_channels(routing: Routing, reach: Reach) -> str:
    there = [name for name, kind in routing.channels.items() if kind.type not in LOGS]
    reached = people(routing, reach)
    trying = "with `streamgauge alerts test-notify NAME`"
    if not there:
        return f"add two, such as [channels.pager] and [channels.mail], then try them {trying}"
    if len(there) < CHANNELS_MIN:
        return f"add a second for when {there[0]} is down, then try it {trying}"
    free = _and([name for name in there if name not in reached], "or")
    return f"name {free} in routes, number {reach.decided_by}, too"


def check_named(routing: Routing, configured: Mapping[str, ConfigRecord]) -> Check | None:
    """Check that the channels that rules and models name are there; None where none names any."""
    types = {kind.type for kind in routing.channels.values()}
    count, gone = 0, []
    for key, record in configured.items():
        names: Sequence[str] = ()
        if isinstance(record, RuleConfig):
            names = record.channels or ()
        elif isinstance(record, ModelConfig) and record.alert_channels != BY_ROUTE:
            names = record.alert_channels
        count += len(names)
        missing = [name for name in names if name not in routing.channels and name not in types]
        if missing:
            gone.append(f"{key} names {_and(missing)}")
    if gone:
        hint = "add these channels, or correct the names: until then the others that are named are"
        return warning("channels.named", _some(gone), f"{hint} told, else those of the routes")
    return fine("channels.named", "all that rules and models name are there") if count else None


def check_delivery(channels: Sequence[ChannelFigures], now_ms: int) -> Check:
    """Check that what waits for channels is delivered."""
    failing = [one for one in channels if one.waiting and one.failing_since is not None]
    late = [one for one in channels if one not in failing and _is_late(one, now_ms)]
    said = [_failing(one, now_ms) for one in failing]
    said += [f"{_waiting(one)} for {one.name}, the first for {_span(one, now_ms)}" for one in late]
    down = [one.name for one in failing if one.is_down(now_ms)]
    if down:
        hint = f"see what is wrong there; `streamgauge alerts test-notify {down[0]}` tries it"
        return trouble("channels.delivery", _some(said), hint)
    if late:
        hint = "do agents run, and have they this channel in their settings?"
        return warning("channels.delivery", _some(said), hint)
    if failing:
        return warning("channels.delivery", _some(said), "it is tried again by itself")
    delivered = sum(one.state.delivered for one in channels)
    waiting = sum(one.waiting for one in channels)
    return fine("channels.delivery", f"{delivered:,} notifications delivered, {waiting:,} wait")


def check_given_up(channels: Sequence[ChannelFigures], now_ms: int) -> Check:
    """Check that no notification was given up lately; that all were since is trouble."""
    lost = [one for one in channels if one.dead_at is not None and now_ms - one.dead_at < DEAD_MS]
    if not lost:
        return fine("channels.given_up", "nothing within a day")
    said = _some([_given_up(one, now_ms) for one in lost])
    refusing = [one.name for one in lost if _is_refusing(one)]
    if refusing:
        name = refusing[0]
        hint = f"see what is wrong with `streamgauge alerts test-notify {name}`; then"
        hint += f" `streamgauge alerts channels --retry {name}` sends what is still so"
        return trouble("channels.given_up", said, hint)
    hint = f"`streamgauge alerts channels --dead {lost[0].name}` shows what, --retry sends it again"
    return warning("channels.given_up", said, hint)


def check_queue(before: Queue, now: Queue, agents_run: bool, now_ms: int) -> Check:
    """Check that what the agents have to tell gets on.

    Parameters
    ----------
    before, now : what waited, a few seconds apart
    agents_run : whether any agents do
    now_ms : wall clock
    """
    said = f"events to decide about: {now.outbox:,}, to publish: {now.decided:,}"
    overdue_ms = 0 if now.due_ms is None else now_ms - now.due_ms
    if not agents_run:
        return fine("alerts.queue", f"{said}; for agents to do")
    stuck = now.is_stuck_since(before)
    if not stuck and overdue_ms <= OVERDUE_MS_MAX:
        return fine("alerts.queue", said)
    said += "; the first of them does not get on" if stuck else ""
    if overdue_ms > OVERDUE_MS_MAX:
        said += f"; a channel should have been told {age_text(overdue_ms)} ago"
    hint = "agents run, and alerts wait: run doctor again in a minute, then see the agents' log"
    return warning("alerts.queue", said, hint)


def _is_late(one: ChannelFigures, now_ms: int) -> bool:
    return one.waiting_since is not None and now_ms - one.waiting_since > WAITING_MS_MAX


def _is_refusing(one: ChannelFigures) -> bool:
    """Whether nothing was delivered since something was given up."""
    return one.dead_at is not None and one.dead_at >= one.state.delivered_at


def _failing(one: ChannelFigures, now_ms: int) -> str:
    span = age_text(now_ms - (one.failing_since or now_ms))
    return f"{one.name} has failed for {span}, {_waiting(one)}: {one.state.error}"


def _given_up(one: ChannelFigures, now_ms: int) -> str:
    count = f"{one.dead_letters} notification{'s' * (one.dead_letters != 1)}"
    span = age_text(now_ms - (one.dead_at or now_ms))
    since = "none was delivered since" if _is_refusing(one) else "others were delivered since"
    return f"{one.name} gave up {count}, the last {span} ago, {since}: {one.state.error}"


def _waiting(one: ChannelFigures) -> str:
    return "1 notification waits" if one.waiting == 1 else f"{one.waiting:,} notifications wait"


def _span(one: ChannelFigures, now_ms: int) -> str:
    return age_text(now_ms - (one.waiting_since or now_ms))


def _and(names: Sequence[str], word: str = "and") -> str:
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def _some(said: Sequence[str], between: str = "; ") -> str:
    rest = len(said) - _NAMED_MAX
    return between.join(said[:_NAMED_MAX]) + (f" and {rest} more" if rest > 0 else "")
