"""Incidents, groups and inhibiting alerts in Redis: read in part, stored in one step."""

from collections.abc import Iterable, Sequence

import msgspec
import structlog

from schemas.alerts import AlertEvent
from schemas.keys import active_alerts_key, alert_key
from schemas.notifications import encode_notification
from stream.alerting.board import Board, Told, members_of, names_of, slots_of
from stream.alerting.grouping import Conversation, Member
from stream.alerting.incidents import Incident
from stream.alerting.inhibition import Slots
from stream.alerting.keys import AlertKeys
from stream.alerting.telling import Flushed
from stream.alerting.transaction import Queue
from stream.state.client import RedisClient

log = structlog.get_logger("alerts")

_ABOUT = b"about"
_MEMBER = b"m:"
_MUTING = ("silenced_by", "inhibited_by")


class RoutingStore:
    """Routing state of one namespace. What changes it is queued for a transaction.

    Parameters
    ----------
    client : Redis
    namespace : of the alerts
    """

    def __init__(self, client: RedisClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._keys = AlertKeys(namespace)

    def load(self, told: Sequence[Told]) -> Board:
        """Read the part of the state that some entries concern."""
        alerts = [one.entry.alert for one in told]
        board = Board(slots=self._standing(slots_of(alerts)), routed=self._routed(alerts))
        names, groups = names_of(told), members_of(told, board.routed)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.hmget(self._keys.incidents, names)
            for group, of in groups.items():
                pipe.hmget(self._keys.group(group), [_ABOUT, *(_field(one) for one in of)])
                pipe.zscore(self._keys.due, group)
            incidents, *rest = pipe.execute()
        for name, raw in zip(names, incidents, strict=True):
            board.incidents[name] = None if raw is None else msgspec.json.decode(raw, type=Incident)
        read = zip(groups.items(), rest[::2], rest[1::2], strict=True)
        for (group, of), (about, *members), due in read:
            board.conversations[group] = _conversation(about)
            for one, raw in zip(of, members, strict=True):
                board.members[group, one] = None if raw is None else _member(raw)
            if due is not None:
                board.due[group] = int(due)
        return board

    def store(self, queue: Queue, board: Board) -> None:
        """Store a board."""
        for name, incident in board.incidents.items():
            _put(queue, self._keys.incidents, name, incident)
        for slot in board.moved:
            _put(queue, self._keys.inhibitors, slot, board.slots[slot] or None)
        for of, routed in board.routed.items():
            _put(queue, self._keys.routed, of, routed)
        for group, conversation in board.conversations.items():
            if conversation is not None:
                _put(queue, self._keys.group(group), _ABOUT, conversation)
        for (group, of), member in board.members.items():
            _put(queue, self._keys.group(group), _field(of), member)
        for group, due_ms in board.due.items():
            queue.add("ZADD", self._keys.due, due_ms, group)
        self.show(queue, board.events, (*_MUTING, "incident"))

    def shown_keys(self, alerts: Iterable[AlertEvent]) -> list[str]:
        """Keys that `show` reads, to be watched."""
        return list(dict.fromkeys(alert_key(self._namespace, one.fingerprint) for one in alerts))

    def show(
        self, queue: Queue, alerts: Iterable[AlertEvent], names: Sequence[str] = _MUTING
    ) -> None:
        """Fill in what was decided where users read it; nothing where a newer event is there.

        Parameters
        ----------
        queue : of the transaction
        alerts : as decided
        names : fields to fill in
        """
        newest = {alert.fingerprint: alert for alert in alerts}
        with self._client.pipeline(transaction=False) as pipe:
            for of in newest:
                pipe.hget(alert_key(self._namespace, of), "id")
            shown = pipe.execute()
        for (of, alert), raw in zip(newest.items(), shown, strict=True):
            if raw is None or raw.decode() != alert.id:
                continue
            for name in names:
                value = getattr(alert, name)
                change = ("HDEL", name) if value is None else ("HSET", name, value)
                queue.add(change[0], alert_key(self._namespace, of), *change[1:])

    def slots(self, alerts: Iterable[AlertEvent]) -> Slots:
        """Read who keeps some alerts quiet."""
        return self._standing(slots_of(alerts))

    def _standing(self, slots: Sequence[str]) -> dict[str, dict[str, None]]:
        found = self._client.hmget(self._keys.inhibitors, list(slots)) if slots else []
        return {
            slot: {} if raw is None else msgspec.json.decode(raw, type=dict[str, None])
            for slot, raw in zip(slots, found, strict=True)
        }

    def _routed(self, alerts: Iterable[AlertEvent]) -> dict[str, tuple[str, ...] | None]:
        of = list(dict.fromkeys(alert.fingerprint for alert in alerts))
        found = self._client.hmget(self._keys.routed, of) if of else []
        return {
            one: None if raw is None else msgspec.json.decode(raw, type=tuple[str, ...])
            for one, raw in zip(of, found, strict=True)
        }

    def group(self, group: str) -> tuple[Conversation | None, dict[str, Member]]:
        """Read a group: its conversation and all its alerts, by fingerprint."""
        raw = self._client.hgetall(self._keys.group(group))
        about = raw.pop(_ABOUT, None)
        members = {of[len(_MEMBER) :].decode(): _member(one) for of, one in raw.items()}
        return _conversation(about), members

    def began_at(self, group: str) -> int | None:
        """When the conversation about a group began that goes on; None where none does."""
        about = _conversation(self._client.hget(self._keys.group(group), _ABOUT))
        return None if about is None else about.began_at

    def inactive(self, fingerprints: Sequence[str]) -> list[str]:
        """Return those of some alerts that are active no more."""
        if not fingerprints:
            return []
        active = active_alerts_key(self._namespace)
        answers = self._client.smismember(active, list(fingerprints))
        return [of for of, yes in zip(fingerprints, answers, strict=True) if not yes]

    def store_flushed(self, queue: Queue, group: str, flushed: Flushed, left: int) -> None:
        """Store a group after it was told, and what its channel has to deliver.

        Parameters
        ----------
        queue : of the transaction
        group : its name
        flushed : what telling it came to
        left : how many alerts are in it now
        """
        key = self._keys.group(group)
        for of, member in flushed.members.items():
            _put(queue, key, _field(of), member)
        _put(queue, key, _ABOUT, flushed.conversation)
        if not left:
            queue.add("DEL", key)
        if flushed.due_ms is None:
            queue.add("ZREM", self._keys.due, group)
        else:
            queue.add("ZADD", self._keys.due, flushed.due_ms, group)
        waiting = self._keys.waiting(flushed.conversation.channel)
        for one in flushed.notifications:
            queue.add("RPUSH", waiting, encode_notification(one))

    def put_off(self, queue: Queue, group: str, conversation: Conversation, due_ms: int) -> None:
        """Look at a group later."""
        _put(queue, self._keys.group(group), _ABOUT, conversation)
        queue.add("ZADD", self._keys.due, due_ms, group)

    def forget(self, queue: Queue, group: str) -> None:
        """Forget a group."""
        queue.add("DEL", self._keys.group(group))
        queue.add("ZREM", self._keys.due, group)


def _put(queue: Queue, key: str, name: str | bytes, value: object) -> None:
    """Store a field of a hash; None deletes it."""
    if value is None:
        queue.add("HDEL", key, name)
    else:
        queue.add("HSET", key, name, msgspec.json.encode(value))


def _field(fingerprint: str) -> bytes:
    return _MEMBER + fingerprint.encode()


def _conversation(raw: bytes | None) -> Conversation | None:
    """Read a conversation; one that cannot be read, of another version say, is begun anew."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=Conversation)
    except msgspec.DecodeError as error:
        log.error("conversation_unreadable", why=str(error))
        return None


def _member(raw: bytes) -> Member:
    return msgspec.json.decode(raw, type=Member)
