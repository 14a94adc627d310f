"""The state's reads and writes: claim, commit, roll. Each is one script, one step."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, cast

import msgspec

from schemas.topics import Topic
from stream.state.client import RedisClient
from stream.state.codec import LAYOUT_VERSION
from stream.state.keys import READ_TOPICS, PartitionId, StateKeys, VersionId
from stream.window.delta import Rows
from stream.window.panes import PaneId


class CommitRefusedError(Exception):
    """The partition is not ours at this offset any more: drop the delta and claim again."""


@dataclass(slots=True)
class Watermark:
    """How far a partition has come with a model version.

    Attributes
    ----------
    event_ms : largest event time seen
    append_ms : append time of the last of its records
    """

    event_ms: int
    append_ms: int

    def __str__(self) -> str:
        return f"{self.event_ms}:{self.append_ms}"

    @classmethod
    def parse(cls, text: str) -> "Watermark":
        """Read what ``str`` wrote."""
        event, append = text.split(":")
        return cls(int(event), int(append))


@dataclass(slots=True)
class Claim:
    """What is stored about a partition. ``offset`` is None when nothing is."""

    offset: int | None
    clock_ms: int
    watermarks: dict[VersionId, Watermark]
    seen_from_ms: int


@dataclass(slots=True)
class PartitionCommit:
    """How one partition moves: from ``base`` to ``next`` offset, with its books and watermarks.

    ``topic`` says which of those that workers read it is a partition of.
    """

    partition: PartitionId
    base: int
    next: int
    clock_ms: int
    books: Mapping[str, int]
    watermarks: Mapping[VersionId, Watermark]
    topic: Topic = Topic.PREDICTIONS


@dataclass(slots=True)
class VersionCommit:
    """What is added to one model version; to its label panes where ``labelled`` says so."""

    version: VersionId
    panes: Sequence[tuple[PaneId, Rows]]
    watermarks: Mapping[PartitionId, Watermark]
    sample: Sequence[tuple[int, bytes]] = ()
    sample_rows_max: int = 0
    labelled: bool = False


@dataclass(slots=True)
class Committed:
    """What a commit found afterwards, by model version."""

    sequences: dict[VersionId, int] = field(default_factory=dict)
    panes: dict[VersionId, int] = field(default_factory=dict)
    sample_bounds: dict[VersionId, float | None] = field(default_factory=dict)


def script(*names: str) -> str:
    """Source of a script that changes counts, behind what it is made of."""
    folder = resources.files("stream.state") / "scripts"
    return "\n".join((folder / name).read_text("utf-8") for name in ("rows.lua", *names))


class StateStore:
    """State of one namespace in one Redis."""

    def __init__(self, client: RedisClient, namespace: str) -> None:
        self.client = client
        self.keys = StateKeys(namespace)
        self._commit = client.register_script(script("commit.lua"))
        self._roll = client.register_script(script("roll.lua"))

    def claim(self, partition: PartitionId, owner: str, topic: Topic = Topic.PREDICTIONS) -> Claim:
        """Make ``owner`` the owner of a partition and read what is stored about it."""
        key, clocks = self.keys.partition(partition), self.keys.clocks_of(topic)
        with self.client.pipeline(transaction=True) as pipe:
            pipe.hset(key, "owner", owner)
            pipe.hsetnx(clocks, str(partition), 0)
            pipe.hgetall(key)
            raw = pipe.execute()[-1]
        stored = {name.decode(): value.decode() for name, value in raw.items()}
        watermarks = {
            VersionId(*name[2:].split(" ")): Watermark.parse(value)
            for name, value in stored.items()
            if name.startswith("w:")
        }
        clock = self.client.hget(clocks, str(partition))
        offset = stored.get("offset")
        return Claim(
            None if offset is None else int(offset),
            int(clock or 0),
            watermarks,
            int(stored.get("seen_from", 0)),
        )

    def forget_other_topics(self, topic_id: str, topic: Topic = Topic.PREDICTIONS) -> None:
        """Drop the log clocks of topics that are no more: one made anew has another id.

        They would stand still for ever, and everything that waits for the slowest would wait.
        """
        clocks = self.keys.clocks_of(topic)
        names = [name.decode() for name in self.client.hkeys(clocks)]
        gone = [name for name in names if PartitionId.parse(name).topic_id != topic_id]
        if gone:
            self.client.hdel(clocks, *gone)

    def expect(self, partitions: Iterable[PartitionId], topic: Topic = Topic.PREDICTIONS) -> None:
        """Give partitions log clocks, which hold back what waits for them until they are read."""
        clocks = self.keys.clocks_of(topic)
        with self.client.pipeline(transaction=True) as pipe:
            for partition in partitions:
                pipe.hsetnx(clocks, str(partition), 0)
            pipe.execute()

    def versions(self) -> set[VersionId]:
        """Model versions that have state."""
        names = self.client.smembers(self.keys.versions)
        return {VersionId(*name.decode().split(" ")) for name in names}

    def lowest_clock_ms(self) -> int:
        """Log clock of the partition that lags most."""
        return min((int(value) for value in self.client.hvals(self.keys.clocks)), default=0)

    def start(self, partition: PartitionId, offset: int, seen_from_ms: int) -> None:
        """Set where a partition starts: after nothing was stored, or past a gap in the log.

        ``seen_from_ms`` is the append time from which on nothing is missing; 0 for the whole log.
        """
        values: dict[str, Any] = {"offset": offset, "seen_from": seen_from_ms}
        self.client.hset(self.keys.partition(partition), mapping=values)

    def commit(
        self,
        owner: str,
        partitions: Sequence[PartitionCommit],
        versions: Sequence[VersionCommit],
    ) -> Committed:
        """Add a delta and move the offsets of all its partitions, in one step.

        Raises
        ------
        CommitRefusedError
            When a partition has another owner or stands at another offset.
        """
        keys, plan, rows = self._plan(owner, partitions, versions)
        answer = cast(
            "list[Any]", self._commit(keys=keys, args=[msgspec.msgpack.encode(plan), *rows])
        )
        if answer[0] == 0:
            raise CommitRefusedError(f"partition {answer[1].decode()} is not ours any more")
        out = Committed()
        if answer[0] == 1:
            for change, sequence, panes, bound in zip(versions, *answer[1:], strict=True):
                if change.labelled:
                    continue
                out.sequences[change.version] = sequence
                out.panes[change.version] = panes
                out.sample_bounds[change.version] = None if bound is None else float(bound)
        return out

    def _plan(
        self,
        owner: str,
        partitions: Sequence[PartitionCommit],
        versions: Sequence[VersionCommit],
    ) -> tuple[list[str], dict[str, Any], list[str | bytes]]:
        clocks = {topic: k + 1 for k, topic in enumerate(READ_TOPICS)}
        keys = [*map(self.keys.clocks_of, READ_TOPICS), self.keys.versions]
        rows: list[str | bytes] = []

        def position(key: str) -> int:
            keys.append(key)
            return len(keys)

        plan: dict[str, Any] = {"owner": owner, "known": len(keys)}
        plan["partitions"] = [
            [
                position(self.keys.partition(p.partition)),
                str(p.partition),
                p.base,
                p.next,
                p.clock_ms,
                [item for book in p.books.items() for item in book],
                _flat({f"w:{v.model} {v.version}": str(w) for v, w in p.watermarks.items()}),
                clocks[p.topic],
            ]
            for p in partitions
        ]
        plan["versions"] = []
        for change in versions:
            version = change.version
            key_of, index = self._panes_of(version, labelled=change.labelled)
            meta = _flat({f"w:{p}": str(w) for p, w in change.watermarks.items()})
            panes = []
            for pane, fields in change.panes:
                member = pane.member()
                panes.append([position(key_of(version, member)), member, len(fields)])
                for name, row in fields:
                    rows += (name, row)
            sample = self.keys.sample(version)
            plan["versions"].append(
                [
                    position(self.keys.version(version)),
                    position(index),
                    ["layout", str(LAYOUT_VERSION), *meta],
                    position(sample) if change.sample else 0,
                    [item for entry in change.sample for item in (entry[0], entry[1].decode())],
                    change.sample_rows_max,
                    panes,
                    "" if change.labelled else " ".join(version),
                ]
            )
        return keys, plan, rows

    def _panes_of(
        self, version: VersionId, *, labelled: bool
    ) -> tuple[Callable[[VersionId, str], str], str]:
        """Keys of the panes, or of the label panes, of a version, and of their index."""
        if labelled:
            return self.keys.label_pane, self.keys.labelled(version)
        return self.keys.pane, self.keys.panes(version)

    def pane_counts(self, versions: Iterable[VersionId]) -> dict[VersionId, int]:
        """How many panes each version has."""
        chosen = list(versions)
        with self.client.pipeline(transaction=False) as pipe:
            for version in chosen:
                pipe.zcard(self.keys.panes(version))
            return dict(zip(chosen, pipe.execute(), strict=True))

    def roll(self, version: VersionId, panes: Sequence[PaneId], *, labelled: bool = False) -> int:
        """Add panes to those of the next size and delete them; returns how many were there.

        Panes of the largest size are only deleted.
        """
        key_of, index = self._panes_of(version, labelled=labelled)
        keys = [index, self.keys.version(version)]
        members: list[str | int] = ["labels_dropped_until" if labelled else "dropped_until"]
        for pane in panes:
            parent = pane.parent()
            into = "" if parent is None else parent.member()
            keys += (key_of(version, pane.member()), key_of(version, into))
            members += (pane.member(), into, pane.end_ms)
        return int(cast("int", self._roll(keys=keys, args=members)))


def _flat(fields: Mapping[str, str]) -> list[str]:
    return [item for pair in fields.items() for item in pair]


def new_owner() -> str:
    """Name of an owner: a fresh UUID for each claim."""
    return str(uuid.uuid4())
