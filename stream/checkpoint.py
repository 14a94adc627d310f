"""A checkpoint of a worker: what it counted becomes part of the state.

In this order:

1. rejected and late records are produced to ``ml.rejected`` and flushed,
2. predictions and labels go to the join, which takes each record once however often it comes,
3. the delta is added to Redis together with offsets, watermarks and books, in one step.

A crash before 3 loses nothing, since the offsets did not move; after it everything is there once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer

from stream.ingest.progress import Progress
from stream.ingest.rejects import publish_refused
from stream.ingest.sample import smallest
from stream.ingest.step import Delta
from stream.registry import Registry
from stream.settings import Settings
from stream.state.join import Hold, JoinStore
from stream.state.keys import EVERY_VERSION, PartitionId, VersionId
from stream.state.store import Committed, PartitionCommit, StateStore, VersionCommit

SWEPT_EVERY_MS = 1_000


@dataclass(slots=True)
class Checkpointed:
    """What a checkpoint did: versions that changed, and what the commit found afterwards."""

    changed: set[VersionId]
    committed: Committed


@dataclass(slots=True)
class Checkpoints:
    """Makes the checkpoints of one worker.

    Attributes
    ----------
    settings, producer, store, registry : as everywhere
    seen : model versions that have traffic
    """

    settings: Settings
    producer: Producer
    store: StateStore
    registry: Registry
    seen: set[VersionId] = field(default_factory=set)
    _join: JoinStore = field(init=False)
    _swept_ms: int = 0

    def __post_init__(self) -> None:
        bytes_max = self.settings.join.max_bytes
        self._join = JoinStore(self.store.client, self.settings.namespace, bytes_max)

    def make(
        self, owner: str, progress: Iterable[Progress], delta: Delta, now_ms: int
    ) -> Checkpointed:
        """Make one.

        Parameters
        ----------
        owner : of the partitions
        progress : where they stand
        delta : what was counted since the last one
        now_ms : wall clock, for how often the join is swept

        Raises
        ------
        CommitRefusedError
            When a partition has another owner or stands at another offset.
        """
        partitions = list(progress)
        publish_refused(self.producer, self.settings.namespace, delta.refused)
        self.seen |= delta.panes.keys()
        holds = [Hold(at.partition, owner, at.base) for at in partitions]
        changed = self._join_all(delta, holds, now_ms)
        versions = self._version_commits(delta, partitions)
        commits = [_partition_commit(at) for at in partitions]
        committed = self.store.commit(owner, commits, versions)
        for at in partitions:
            at.base = at.next
            at.books = dict.fromkeys(at.books, 0)
            at.touched = set()
        measured = {one for of in delta.measured for one in self._versions_of(of)}
        return Checkpointed(changed | delta.panes.keys() | measured, committed)

    def _versions_of(self, version: VersionId) -> set[VersionId]:
        """Versions that figures of this one concern."""
        if version.version != EVERY_VERSION:
            return {version}
        return {one for one in self.seen if one.model == version.model}

    def _join_all(self, delta: Delta, holds: list[Hold], now_ms: int) -> set[VersionId]:
        idle = not delta.requests and not delta.labels.parts
        due = now_ms - self._swept_ms >= SWEPT_EVERY_MS
        if due:
            self._swept_ms = now_ms
            self.seen |= self.store.versions()  # those of other workers, too
        horizon_s = -(-self.registry.label_horizon_ms(self.seen) // 1000)
        if idle:
            return self._join.sweep(horizon_s) if due else set()
        return self._join.join(delta.requests, delta.labels.parts, horizon_s, holds)

    def _version_commits(self, delta: Delta, partitions: list[Progress]) -> list[VersionCommit]:
        rows_max = self.settings.provisional.events_min
        return [
            VersionCommit(
                version,
                [(pane, counted.rows()) for pane, counted in panes.items()],
                _watermarks_of(version, partitions),
                smallest(delta.samples.get(version, []), rows_max),
                rows_max,
            )
            for version, panes in delta.panes.items()
        ] + [
            VersionCommit(
                version,
                [(pane, found.rows()) for pane, found in panes.items()],
                {},
                labelled=True,
            )
            for version, panes in delta.measured.items()
        ]


def _watermarks_of(version: VersionId, partitions: list[Progress]) -> dict[PartitionId, Any]:
    return {at.partition: at.watermarks[version] for at in partitions if version in at.touched}


def _partition_commit(at: Progress) -> PartitionCommit:
    marks = {version: at.watermarks[version] for version in at.touched}
    books = {name: count for name, count in at.books.items() if count}
    return PartitionCommit(at.partition, at.base, at.next, at.clock_ms, books, marks, at.kind)
