"""Alert state in Redis: read a series, apply a step to it in one script, read back after a loss."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import msgspec
import redis

from schemas.alerts import AlertEvent, Status
from schemas.keys import active_alerts_key, alert_key
from stream.alerting.events import episode_of
from stream.alerting.judge import Mark, Series, Step, series_name
from stream.alerting.keys import AlertKeys
from stream.alerting.transitions import Episode
from stream.alerting.view import alert_fields, read_active
from stream.state.client import RedisClient

DAY_MS = 86_400_000
_RESOLVED_SHOWN_S = 30 * 86_400  # as long as `ml.alerts` keeps it
_HISTORY_S = 9 * 86_400  # the longest step between windows is a day; a week off is forgiven


class NotRestoredError(Exception):
    """Redis lost the alerts: read `ml.alerts` back before anything is evaluated."""


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
        self, name: str, sequence: int, step: Step, histories: Iterable[History] = ()
    ) -> bool:
        """Apply a step to a series as it was read, and add to histories.

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
            "sequence": str(sequence),
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
        """Whether Redis holds what ``ml.alerts`` tells."""
        return bool(self.client.exists(self.keys.restored))

    def restore(self, events: Iterable[AlertEvent]) -> None:
        """Take over the last event of each alert, unless another process has done so."""
        latest = list(events)
        with self.client.pipeline(transaction=True) as pipe:
            pipe.watch(self.keys.restored)
            if pipe.exists(self.keys.restored):
                return
            pipe.multi()
            for event in latest:
                self._restore_one(pipe, event)
            pipe.set(self.keys.restored, "1")
            try:
                pipe.execute()
            except redis.WatchError:
                return

    def _restore_one(self, pipe: Any, event: AlertEvent) -> None:
        of = event.fingerprint
        series = self.keys.series(series_name(event.labels))
        pipe.hset(series, f"e:{of}", msgspec.json.encode(episode_of(event)))
        pipe.hincrby(series, "sequence", 1)
        pipe.delete(alert_key(self.namespace, of))
        pipe.hset(alert_key(self.namespace, of), mapping=alert_fields(event))
        if event.status is Status.RESOLVED:
            pipe.expire(alert_key(self.namespace, of), _RESOLVED_SHOWN_S)
        else:
            pipe.sadd(active_alerts_key(self.namespace), of)


def _set_fields(step: Step) -> list[str]:
    fields = []
    for rule, mark in step.marks.items():
        fields += [f"f:{rule}", f"{mark.end_ms} {mark.revision}"]
    for of, episode in step.episodes.items():
        if episode is not None:
            fields += [f"e:{of}", msgspec.json.encode(episode).decode()]
    return fields
