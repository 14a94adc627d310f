"""Where a model version stands: its configuration, baselines, watermarks and clocks."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.models import ModelConfig
from schemas.windows import WindowSpec
from stream.registry import Registry
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.finality import closing_ms, settling_ms
from stream.rollup.terms import References, all_specs
from stream.settings import WorkerSettings
from stream.state.client import RedisClient
from stream.state.keys import PartitionId, StateKeys, VersionId
from stream.state.store import Watermark


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a model version at one moment. Times in ms.

    Attributes
    ----------
    version, config, compiled, specs : whose it is, its configuration, baselines and windows
    newest_ms, watermark_ms : newest event time, and the same less the disorder allowance
    closing_ms, settling_ms : of :mod:`stream.rollup.finality`
    newest_append_ms : append time of its newest record
    clock_ms, label_clock_ms : log clock of the partition that lags most, of events and of labels
    seen_from_ms : append time from which on nothing is missing
    dropped_until_ms, labels_dropped_until_ms : until when panes, and label panes, were dropped
    now_ms : wall clock
    """

    version: VersionId
    config: ModelConfig
    compiled: list[CompiledBaseline]
    specs: tuple[WindowSpec, ...]
    newest_ms: int
    watermark_ms: int
    closing_ms: int
    settling_ms: int
    newest_append_ms: int
    clock_ms: int
    label_clock_ms: int
    seen_from_ms: int
    dropped_until_ms: int
    labels_dropped_until_ms: int
    now_ms: int


class StandingReader:
    """Reads where model versions stand."""

    def __init__(
        self, client: RedisClient, keys: StateKeys, registry: Registry, options: WorkerSettings
    ) -> None:
        self._client = client
        self._keys = keys
        self._registry = registry
        self._options = options
        self.references = References()

    def read(self, version: VersionId, now_ms: int) -> Standing | None:
        """Read where a version stands; None where it has no state."""
        keys, options = self._keys, self._options
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.version(version))
            pipe.hgetall(keys.clocks)
            pipe.hvals(keys.label_clocks)
            meta, raw_clocks, label_clocks = pipe.execute()
        clocks = {PartitionId.parse(k.decode()): int(v) for k, v in raw_clocks.items()}
        marks = _watermarks(meta, clocks)
        if not marks:
            return None
        snapshot = self._registry.snapshot
        config = snapshot.model(version)
        compiled = self.references.of(snapshot, version)
        newest_ms = max(mark.event_ms for mark in marks.values())
        starts = [self._client.hget(keys.partition(p), "seen_from") for p in marks]
        return Standing(
            version=version,
            config=config,
            compiled=compiled,
            specs=all_specs(config, compiled),
            newest_ms=newest_ms,
            watermark_ms=newest_ms - options.disorder_ms,
            closing_ms=closing_ms(marks, clocks, options.disorder_ms, options.idle_timeout_ms),
            settling_ms=settling_ms(
                marks,
                clocks,
                options.disorder_ms,
                options.idle_timeout_ms,
                options.allowed_lateness_ms,
            ),
            newest_append_ms=max(mark.append_ms for mark in marks.values()),
            clock_ms=min(clocks.values()),
            label_clock_ms=min(map(int, label_clocks), default=0),
            seen_from_ms=max(int(start or 0) for start in starts),
            dropped_until_ms=int(meta.get(b"dropped_until", 0)),
            labels_dropped_until_ms=int(meta.get(b"labels_dropped_until", 0)),
            now_ms=now_ms,
        )


def _watermarks(
    meta: Mapping[bytes, bytes], clocks: Mapping[PartitionId, int]
) -> dict[PartitionId, Watermark]:
    marks = {}
    for name, value in meta.items():
        if name.startswith(b"w:"):
            partition = PartitionId.parse(name[2:].decode())
            if partition in clocks:
                marks[partition] = Watermark.parse(value.decode())
    return marks
