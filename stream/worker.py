"""The data plane: poll → decode → count → checkpoint → notify.

It reads predictions, labels and measurements, each in a consumer group of its own. Every half
second it makes a checkpoint (:mod:`stream.checkpoint`), mirrors the offsets to Kafka for lag tools,
and sends a notice for each changed model version to ``ml.panes``. A commit that Redis refuses
(another worker claimed the partition, or Redis went back in time) drops the delta: the worker
leaves the groups, joins again and reads on from the stored offsets.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas.topics import Topic, topic_name
from stream.checkpoint import Checkpoints
from stream.ingest.accepted import Limits
from stream.ingest.consumer import claim_partitions
from stream.ingest.ends import LogEnds
from stream.ingest.label_step import LabelJudge, add_labels
from stream.ingest.measurement_step import add_measurements
from stream.ingest.progress import Progress
from stream.ingest.records import Record
from stream.ingest.shedding import Shedding
from stream.ingest.step import Clocks, Delta, add_records
from stream.ingest.subscriptions import Subscriptions
from stream.kafka import make_producer, topic_ids
from stream.notices import Notices
from stream.registry import Registry
from stream.settings import Settings
from stream.state.keys import READ_TOPICS, PartitionId, VersionId
from stream.state.store import Claim, CommitRefusedError, StateStore, new_owner

_HEARTBEAT_MS = 2_000
_LOOK_MS = 200
_ROOM_SHARE = 0.8
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger("worker")


class Worker:
    """One worker: a consumer, a delta and the state store.

    Parameters
    ----------
    settings : checked settings
    store : the state in Redis
    registry : models and baselines, read whole before the first poll
    now_ms : wall clock in ms, asked for timeouts and the log clock only
    """

    def __init__(
        self,
        settings: Settings,
        store: StateStore,
        registry: Registry,
        now_ms: Callable[[], int],
        instance: str | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.registry = registry
        self.now_ms = now_ms
        self.instance = instance
        self._kinds = {topic_name(settings.namespace, kind): kind for kind in READ_TOPICS}
        self._stopping = threading.Event()
        options = settings.worker
        self._clocks = Clocks(
            options.disorder_ms, options.allowed_lateness_ms, options.future_skew_ms_max
        )
        self._limits = Limits(settings.bounds.event_bytes_max, options.future_skew_ms_max)
        self._judge = LabelJudge(self._limits, self._label_rate)
        producer: Producer = make_producer(settings, **{"linger.ms": 5})
        self._checkpoints = Checkpoints(settings, producer, store, registry)
        self._notices = Notices(producer, topic_name(settings.namespace, Topic.PANES))
        self._subscriptions: Subscriptions | None = None
        self._owner = ""
        self._topic_ids: Mapping[str, str] = {}
        self._progress: dict[Topic, dict[int, Progress]] = {kind: {} for kind in READ_TOPICS}
        self._delta = Delta()
        self._committed_ms = 0
        self._ends = LogEnds(settings)
        self._shedding = Shedding(options.shed_lag_ms)
        self._failures = 0
        self._crowded: set[VersionId] = set()
        self._looked_ms = 0
        self._decoder_version = -1
        self._follow_registry()

    def stop(self) -> None:
        """Ask :meth:`run` to commit and return; safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until :meth:`stop`."""
        try:
            while not self._stopping.is_set():
                try:
                    self._join()
                    while not self._stopping.is_set():
                        self._turn()
                    self._commit()
                except CommitRefusedError as error:
                    self._leave(str(error))
        except BaseException:
            self._forget()  # half a poll may be counted, and closing would commit it
            raise
        finally:
            self._close()

    def _join(self) -> None:
        self._owner = new_owner()
        self._topic_ids = topic_ids(self.settings, list(self._kinds))
        for topic, identity in self._topic_ids.items():
            self.store.forget_other_topics(identity, self._kinds[topic])
        known = self.store.versions()
        self._checkpoints.seen |= known
        self._notices.add(known)  # whoever was here before may have told nobody
        self._progress = {kind: {} for kind in READ_TOPICS}
        topics = {kind: name for name, kind in self._kinds.items()}
        self._subscriptions = Subscriptions(
            self.settings,
            self.instance,
            topics,
            self._on_assign,
            self._on_revoke,
            self._on_lost,
        )
        for kind in topics:
            self._expect(kind)

    def _expect(self, kind: Topic) -> None:
        """Give all partitions of a topic log clocks."""
        assert self._subscriptions is not None
        identity = self._topic_ids[topic_name(self.settings.namespace, kind)]
        numbers = self._subscriptions.partitions(kind)
        self.store.expect([PartitionId(identity, number) for number in numbers], kind)

    def _leave(self, why: str) -> None:
        """Drop what is not committed and start over from what Redis holds."""
        wait_s = _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)]
        self._failures += 1
        log.warning("commit_refused", why=why, retry_in_s=wait_s)
        self._forget()
        self._close()
        time.sleep(wait_s)

    def _close(self) -> None:
        if self._subscriptions is not None:
            subscriptions, self._subscriptions = self._subscriptions, None
            subscriptions.close()

    def _forget(self) -> None:
        self._delta = Delta()
        self._crowded = set()
        self._progress = {kind: {} for kind in READ_TOPICS}
        self._shedding.start_over()

    def _turn(self) -> None:
        """Poll once, count, and commit when it is time."""
        options = self.settings.worker
        assert self._subscriptions is not None
        polled = self._subscriptions.poll(options.poll_records, options.poll_ms / 1000)
        self._follow_registry()
        self._make_room()
        records: list[Record] = [m for m in polled if self._is_record(m)]
        for topic in {record.topic() or "" for record in records}:
            self._add(self._kinds[topic], [one for one in records if one.topic() == topic])
        self._follow_ends()
        self._follow_lag()
        since_ms = self.now_ms() - self._committed_ms
        worked = any(at.next != at.base for at in self._all())
        full = self._delta.pane_count() >= options.delta_panes_max
        due = since_ms >= (options.checkpoint_ms if worked else _HEARTBEAT_MS)
        if due or full:
            self._commit()
        self._notices.send(self.now_ms())

    def _add(self, kind: Topic, records: list[Record]) -> None:
        """Count the records of one topic."""
        delta, progress = self._delta, self._progress[kind]
        if kind is Topic.LABELS:
            add_labels(delta.labels, delta.refused, records, progress, self._judge)
        elif kind is Topic.MEASUREMENTS:
            tier_ms = self._plans.tier_ms
            add_measurements(
                delta.measured, delta.refused, records, progress, self._limits, tier_ms
            )
        else:
            rate = self._shedding.rate
            decoder, plans = self._decoder, self._plans
            add_records(delta, records, progress, decoder, plans, self._clocks, rate)

    @property
    def _predictions(self) -> dict[int, Progress]:
        return self._progress[Topic.PREDICTIONS]

    def _all(self) -> Iterator[Progress]:
        return (at for partitions in self._progress.values() for at in partitions.values())

    def _label_rate(self, model: str | None, version: str | None) -> float:
        return self.registry.label_rate(model, version, self._checkpoints.seen)

    def _follow_ends(self) -> None:
        """Move the clocks of partitions that were read to their ends, and have not grown since."""
        ends = {
            (at.topic, at.partition.partition): at.end for at in self._all() if at.end is not None
        }
        asked_ms, unchanged = self._ends.unchanged(ends)
        for topic, partition in unchanged:
            at = self._progress[self._kinds[topic]][partition]
            at.clock_ms = max(at.clock_ms, asked_ms)
        self._ends.ask(ends, self.now_ms())

    def _follow_lag(self) -> None:
        """Count the features of fewer requests while live traffic is too much."""
        if not self.settings.worker.shed_features:
            return
        if self._crowded:
            self._shedding.start_over()
        now_ms = self.now_ms()
        lags_ms = {
            n: 0 if at.end is not None else now_ms - at.clock_ms
            for n, at in self._predictions.items()
        }
        if self._shedding.update(lags_ms):
            log.warning(
                "shedding" if self._shedding.active else "shedding_ended",
                lag_ms=max(lags_ms.values(), default=0),
                features_of=self._shedding.rate,
            )

    def _make_room(self) -> None:
        """Pause reading while the control plane has too many panes left to roll up.

        Only a log that is read again faster than it was written gets here. Redis' memory stays
        bounded, the group membership is kept, and nothing is lost: reading goes on later. The
        partition that lags most is read all the same: all that can be rolled up waits for it.
        """
        now_ms = self.now_ms()
        if not self._crowded or now_ms - self._looked_ms < _LOOK_MS:
            return
        self._looked_ms = now_ms
        assert self._subscriptions is not None
        limit = self.settings.worker.unrolled_panes_max
        counts = self.store.pane_counts(self._crowded)
        self._crowded = {v for v, count in counts.items() if count > limit * _ROOM_SHARE}
        assigned = self._subscriptions.assignment()
        lowest_ms = self.store.lowest_clock_ms() if self._crowded else None
        ahead = [at for at in assigned if self._is_ahead(at.partition, lowest_ms)]
        self._subscriptions.pause(ahead)
        self._subscriptions.resume([at for at in assigned if at not in ahead])

    def _is_ahead(self, partition: int, lowest_ms: int | None) -> bool:
        at = self._predictions.get(partition)
        return lowest_ms is not None and at is not None and at.clock_ms > lowest_ms

    def _pause_if_crowded(self, panes: Mapping[VersionId, int]) -> None:
        limit = self.settings.worker.unrolled_panes_max
        crowded = {version for version, count in panes.items() if count > limit}
        if crowded and not self._crowded and self._subscriptions is not None:
            log.warning(
                "paused",
                why=f"more than {limit} panes wait to be rolled up: are the agents running?",
                versions=sorted(" ".join(version) for version in crowded),
            )
            self._subscriptions.pause(self._subscriptions.assignment())
        self._crowded |= crowded

    def _is_record(self, message: Message) -> bool:
        """Whether a message is a record we expect; handles events of the consumer."""
        error = message.error()
        kind = self._kinds.get(message.topic() or "", Topic.PREDICTIONS)
        at = self._progress[kind].get(message.partition() or 0)
        if error is None:
            return at is not None and at.take(message.offset() or 0)
        if error.code() == KafkaError._PARTITION_EOF:
            if at is not None:
                at.end = message.offset()
            return False
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise CommitRefusedError(
                f"the log no longer holds the offset we stand at: {error.str()}"
            )
        if error.fatal():
            raise KafkaException(error)
        log.warning("kafka", error=error.str())
        return False

    def _follow_registry(self) -> None:
        """Use new models and baselines from the next poll on."""
        if self.registry.version == self._decoder_version:
            return
        snapshot = None
        while self.registry.snapshot is not snapshot:  # decoder and plans must be of one snapshot
            snapshot = self.registry.snapshot
            self._decoder_version = self.registry.version
            self._decoder = self.registry.decoder(self.settings.bounds)
            self._plans = self.registry.plans(
                joins=True
            )  # it knows no sample bounds: the next commit tells

    # -- assignment ------------------------------------------------------------------------------

    def _on_assign(self, kind: Topic, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        topic = topic_name(self.settings.namespace, kind)
        if self._subscriptions is not None:
            self._expect(kind)
        claims = claim_partitions(
            self.settings,
            consumer,
            assigned,
            self._topic_ids[topic],
            self.store,
            self._owner,
            kind,
        )
        for number, claim in claims.items():
            self._progress[kind][number] = self._progress_of(topic, number, claim)
        consumer.incremental_assign(
            [TopicPartition(topic, number, claim.offset or 0) for number, claim in claims.items()]
        )
        if claims:
            self._shedding.start_over()
        log.info("assigned", topic=topic, partitions=sorted(claims))

    def _progress_of(self, topic: str, number: int, claim: Claim) -> Progress:
        offset = claim.offset or 0
        return Progress(
            topic,
            PartitionId(self._topic_ids[topic], number),
            offset,
            offset,
            claim.clock_ms,
            dict(claim.watermarks),
            kind=self._kinds[topic],
        )

    def _on_revoke(self, kind: Topic, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        self._commit()
        for given in revoked:
            self._progress[kind].pop(given.partition, None)
        consumer.incremental_unassign(revoked)

    def _on_lost(self, kind: Topic, _consumer: Consumer, lost: list[TopicPartition]) -> None:
        if self._subscriptions is None:
            return  # we are closing it, and have dropped what was not committed
        raise CommitRefusedError(
            f"{len(lost)} partitions of {kind} were lost: the session had ended, or another worker"
            " has them"
        )

    # -- checkpoint ------------------------------------------------------------------------------

    def _commit(self) -> None:
        partitions = list(self._all())
        if not partitions:
            return
        now_ms = self.now_ms()
        moved = [at for at in partitions if at.next != at.base]
        done = self._checkpoints.make(self._owner, partitions, self._delta, now_ms)
        self._plans.sample_bounds |= done.committed.sample_bounds
        self._pause_if_crowded(done.committed.panes)
        self._delta = Delta()
        self._committed_ms = now_ms
        self._failures = 0
        self._notices.add(done.changed)
        if moved and self._subscriptions is not None:
            self._subscriptions.mirror(
                (at.kind, TopicPartition(at.topic, at.partition.partition, at.next)) for at in moved
            )
