"""Windows counted as a worker counts them, for tests of what is read from counts."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from schemas.activations import Activation, plan_of
from schemas.baselines import Baseline, baseline_id
from schemas.models import ModelConfig
from schemas.windows import window_spec
from stream.ingest.progress import Progress
from stream.ingest.step import Clocks, Delta, add_records
from stream.reading.window import CountedWindow
from stream.registry import Registry, Snapshot
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.merge import decode_pane, merge_panes
from stream.settings import Settings
from stream.state.keys import PartitionId, VersionId
from stream.window.constraints import compile_constraints

CLOCKS = Clocks(disorder_ms=5_000, allowed_lateness_ms=3_600_000, future_skew_ms_max=300_000)
END_MS = 1_790_002_800_000  # 2026-09-21 15:00 UTC
WindowMaker = Callable[..., CountedWindow]


class Message:
    """As much of a Kafka message as a worker looks at."""

    def __init__(self, offset: int, event: Mapping[str, Any]) -> None:
        self._offset, self._event = offset, event

    def value(self) -> bytes:
        return json.dumps(self._event).encode()

    def offset(self) -> int:
        return self._offset

    def headers(self) -> None:
        return None

    def key(self) -> None:
        return None

    def partition(self) -> int:
        return 0

    def timestamp(self) -> tuple[int, int]:
        return 2, int(self._event["timestamp"])


@pytest.fixture
def counted_window() -> WindowMaker:
    """Count events in one window, spread evenly over it."""

    def made(
        baseline: Baseline | None,
        events: Sequence[Mapping[str, Any]],
        *,
        version: str = "1",
        window: str = "1h",
        end_ms: int = END_MS,
        config: ModelConfig | None = None,
        segment_values: Mapping[str, tuple[str, ...]] | None = None,
    ) -> CountedWindow:
        of = VersionId("credit", version)
        spec, config = window_spec(window), config or ModelConfig(model_name="credit")
        step_ms = spec.size_ms // max(1, len(events))
        whole = [
            {
                "model_name": of.model,
                "model_version": of.version,
                "request_id": f"{version}-{end_ms}-{number}",
                "timestamp": end_ms - spec.size_ms + number * step_ms,
                "prediction": 1,
                **event,
            }
            for number, event in enumerate(events)
        ]
        identity = None if baseline is None else baseline_id(baseline)
        activation = Activation(
            model_name=of.model,
            model_version=of.version,
            effective_from=0,
            plan=plan_of(config, segment_values or {}),
            baseline_id=identity,
        )
        known = {} if baseline is None or identity is None else {identity: baseline}
        snapshot = Snapshot(activations={"one": activation}, baselines=known)
        return CountedWindow(
            version=of,
            spec=spec,
            end_ms=end_ms,
            counts=_counted(whole, snapshot, of),
            config=config,
            compiled=None
            if baseline is None or identity is None
            else CompiledBaseline(identity, baseline, 0),
            constraints=compile_constraints(config.features),
            hours=None,
            seen_until_ms=end_ms,
            complete=True,
        )

    return made


def _counted(events: Sequence[Mapping[str, Any]], snapshot: Snapshot, of: VersionId) -> Any:
    settings = Settings()
    registry = Registry(settings, snapshot)
    delta = Delta()
    messages: Any = [Message(number, event) for number, event in enumerate(events)]
    progress = {0: Progress("ml.predictions", PartitionId("id", 0), 0, 0, 0, {})}
    if messages:
        decoder = registry.decoder(settings.bounds)
        add_records(delta, messages, progress, decoder, registry.plans(), CLOCKS)
    assert not delta.refused
    panes = delta.panes.get(of, {}).values()
    return merge_panes(
        decode_pane({name.encode(): row for name, row in pane.rows()}) for pane in panes
    )
