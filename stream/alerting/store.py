"""Alert state in Redis: read a series, apply a step to it in one script, read back after a loss."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import msgspec
import redis

from schemas.alerts import AlertEvent, Status
from schemas.keys import active_alerts_key, alert_key
from stream.alerting.events import episode_of, is_news
from stream.alerting.judge import Entry, Mark, Series, Step, series_of
from stream.alerting.keys import AlertKeys
from stream.alerting.transitions import Episode
from stream.alerting.view import alert_fields, read_active
from stream.state.client import RedisClient

DAY_MS = 86_400_000
_RESOLVED_SHOWN_S = 30 * 86_400  # as long as `ml.alerts` keeps it
_HISTORY_S = 9 * 86_400  # the longest step between windows is a day; a week off is forgiven


class NotRestoredError(Exception):
    """Redis may have lost alerts: read `ml.alerts` back before anything is evaluated."""


@dataclass(frozen=True, slots=True)
class History:
    """Figures of one window, for the same window one day later; ``name`` is the history's."""

    name: str
    end_ms: int
    revision: int
    figures: Mapping[str, float]

    def member(self) -> str:
        """Write it as a member of the history."""
        figures = msgspec.json.encode(self.figures).decode()
        return f"{self.end_ms} {self.revision} {figures}"


@dataclass(slots=True)
class _Plan:
    """Keys and plan of the script."""

    keys: list[str]
    plan: dict[str, Any] = field(default_factory=dict)

    def position(self, key: str) -> int:
        """Add a key and return where it is, counted as Lua does."""
        self.keys.append(key)
        return len(self.keys)


def is_restored(client: RedisClient, keys: AlertKeys) -> bool:
    """Whether Redis holds what ``ml.alerts`` tells: it was read back since Redis started."""
    known = client.get(keys.restored)
    return known is not None and known.decode() == _run_id(client)


class AlertStore:
    """Alert state of one namespace in one Redis."""

    def __init__(self, client: RedisClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.keys = AlertKeys(namespace)
        script = resources.files("stream.state") / "scripts" / "alert.lua"
        self._apply = client.register_script(script.read_text("utf-8"))

    def read(self, name: str) -> Series:
        """Read a series; an empty one where nothing is stored."""
        raw = self.client.hgetall(self.keys.series(name))
        marks: dict[str, Mark] = {}
        episodes: dict[str, Episode] = {}
        for key, value in raw.items():
            kind, _, rest = key.decode().partition(":")
            if kind == "f":
                end, revision = value.split()
                marks[rest] = Mark(int(end), int(revision))
            elif kind == "e":
                episodes[rest] = msgspec.json.decode(value, type=Episode)
        return Series(int(raw.get(b"sequence", 0)), marks, episodes)

    def previous(self, name: str, end_ms: int) -> dict[str, float]:
        """Read the figures of the window that ended at a time; none where it is not known."""
        at = self.keys.history(name)
        found = self.client.zrangebyscore(at, end_ms, end_ms)
        if not found:
            return {}
        figures = found[0].split(b" ", 2)[2]
        return msgspec.json.decode(figures, type=dict[str, float])

    def apply(
        self,
        name: str,
        was: Series,
        step: Step,
        histories: Iterable[History] = (),
    ) -> bool:
        """Apply a step to a series as it was read, and add to histories.

        A series in which nothing goes on is forgotten as late as the last of its alerts.

        Returns
        -------
        bool
            False where the series has changed since: read it again.

        Raises
        ------
        NotRestoredError
            When Redis does not hold what ``ml.alerts`` tells.
        """
        keys = [self.keys.restored, self.keys.series(name)]
        plan = _Plan([*keys, active_alerts_key(self.namespace), self.keys.outbox])
        plan.plan = {
            "sequence": str(was.sequence),
            "keep_s": False if _goes_on(was, step) else str(_RESOLVED_SHOWN_S),
            "set": _set_fields(step),
            "gone": [f"e:{of}" for of, episode in step.episodes.items() if episode is None],
            "shown": [self._shown(plan, of, event) for of, event in step.shown.items()],
            "entries": [msgspec.json.encode(entry).decode() for entry in step.entries],
            "histories": [self._added(plan, history) for history in histories],
        }
        answer = self._apply(keys=plan.keys, args=[msgspec.msgpack.encode(plan.plan)])
        done = int(answer)
        if done < 0:
            raise NotRestoredError
        return done == 1

    def _shown(self, plan: _Plan, of: str, event: AlertEvent | None) -> list[Any]:
        position = plan.position(alert_key(self.namespace, of))
        if event is None:
            return [position, of, False, False, []]
        active = event.status is not Status.RESOLVED
        fields = [text for pair in alert_fields(event).items() for text in pair]
        return [position, of, active, False if active else str(_RESOLVED_SHOWN_S), fields]

    def _added(self, plan: _Plan, history: History) -> list[Any]:
        return [
            plan.position(self.keys.history(history.name)),
            str(history.end_ms),
            history.revision,
            history.member(),
            str(history.end_ms - DAY_MS),
            str(_HISTORY_S),
        ]

    def active(self) -> list[AlertEvent]:
        """Read the alerts that are pending or firing, as users see them, oldest first."""
        return read_active(self.client, self.namespace)

    @property
    def is_restored(self) -> bool:
        """Whether Redis holds what ``ml.alerts`` tells: it was read back since Redis started."""
        return is_restored(self.client, self.keys)

    def restore(
        self,
        events: Iterable[AlertEvent],
        published: Collection[str],
        told: Callable[[AlertEvent, Episode | None], Entry | None],
    ) -> int | None:
        """Take over the last event of each alert where Redis knows an older one, or none.

        What waits to be published and was published before the loss is not published again: it may
        be decided differently now, and an id has one content.

        Parameters
        ----------
        events : the last of each alert
        published : ids of all events of the topic
        told : what people are told of an event that was lost, given what is known of its alert

        Returns
        -------
        int or None
            How many were taken over; None where another process was first.
        """
        latest = sorted(events, key=lambda event: event.starts_at)
        run_id = _run_id(self.client)
        with self.client.pipeline(transaction=True) as pipe:
            pipe.watch(self.keys.restored, self.keys.outbox)
            if self.is_restored:
                return None
            known = [self._known(event) for event in latest]
            pairs = zip(latest, known, strict=True)
            lost = [(event, episode) for event, episode in pairs if is_news(event, episode)]
            waiting = self.client.lrange(self.keys.outbox, 0, -1)
            pipe.multi()
            for at, raw in enumerate(waiting):
                entry = msgspec.json.decode(raw, type=Entry)
                if entry.publish and entry.alert.id in published:
                    once = msgspec.structs.replace(entry, publish=False)
                    pipe.lset(self.keys.outbox, at, msgspec.json.encode(once))
            for event, episode in lost:
                self._restore_one(pipe, event)
                if (again := told(event, episode)) is not None:
                    pipe.rpush(self.keys.outbox, msgspec.json.encode(again))
            pipe.set(self.keys.restored, run_id)
            try:
                pipe.execute()
            except redis.WatchError:
                return None
        return len(lost)

    def expire(self, of: str, at_ms: int | None) -> None:
        """Remember when an alert from outside ends by itself; None is never."""
        if at_ms is None:
            self.client.zrem(self.keys.expiring, of)
        else:
            self.client.zadd(self.keys.expiring, {of: at_ms})

    def expired(self, now_ms: int) -> set[str]:
        """Return the fingerprints of alerts from outside that were not sent again."""
        found = self.client.zrangebyscore(self.keys.expiring, "-inf", now_ms)
        return {of.decode() for of in found}

    def forget_expired(self, now_ms: int) -> None:
        """Forget when alerts end that have ended, unless they were sent again since."""
        self.client.zremrangebyscore(self.keys.expiring, "-inf", now_ms)

    def _known(self, event: AlertEvent) -> Episode | None:
        series = self.keys.series(series_of(event))
        raw = self.client.hget(series, f"e:{event.fingerprint}")
        return None if raw is None else msgspec.json.decode(raw, type=Episode)

    def _restore_one(self, pipe: Any, event: AlertEvent) -> None:
        of = event.fingerprint
        series = self.keys.series(series_of(event))
        pipe.hset(series, f"e:{of}", msgspec.json.encode(episode_of(event)))
        pipe.hincrby(series, "sequence", 1)
        pipe.delete(alert_key(self.namespace, of))
        pipe.hset(alert_key(self.namespace, of), mapping=alert_fields(event))
        if event.status is Status.RESOLVED:
            pipe.srem(active_alerts_key(self.namespace), of)
            pipe.expire(alert_key(self.namespace, of), _RESOLVED_SHOWN_S)
            if event.source is not None:
                pipe.expire(series, _RESOLVED_SHOWN_S)
        else:
            pipe.persist(series)
            pipe.sadd(active_alerts_key(self.namespace), of)


def _goes_on(was: Series, step: Step) -> bool:
    """Whether anything fires in a series, or may."""
    return any(one.status is not Status.RESOLVED for one in was.after(step).episodes.values())


def _run_id(client: RedisClient) -> str:
    """Return what Redis calls itself since it started."""
    return str(client.info("server")["run_id"])


def _set_fields(step: Step) -> list[str]:
    fields = []
    for rule, mark in step.marks.items():
        fields += [f"f:{rule}", f"{mark.end_ms} {mark.revision}"]
    for of, episode in step.episodes.items():
        if episode is not None:
            fields += [f"e:{of}", msgspec.json.encode(episode).decode()]
    return fields
