"""Concept drift of model versions, followed day by day as their labels have had their time.

A day is taken once, in order: as soon as enough of its requests have labels, or none can come any
more. Days, not hours: within a day, and between days of few requests, errors vary by themselves.
"""

import msgspec

from schemas.models import ModelConfig
from stream.rollup.concept import ConceptState, advance, concept_metrics, error_pane
from stream.rollup.performance import PerformanceTerms, task_of
from stream.rollup.quality import Metrics
from stream.rollup.tracker import LabelTracker
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId
from stream.window.label_terms import seconds_of
from stream.window.labelled import LabelCounts
from stream.window.panes import DAY_MS, floor_to

_LOOKED_AGAIN_MS = 10_000
_decoder = msgspec.json.Decoder(ConceptState)


class ConceptRollup:
    """What is known of concept drift, by model version; kept in Redis."""

    def __init__(self, client: RedisClient, keys: StateKeys) -> None:
        self._client = client
        self._keys = keys
        self._looked_ms: dict[VersionId, int] = {}
        self._metrics: dict[VersionId, Metrics] = {}

    def follow(
        self,
        version: VersionId,
        tracker: LabelTracker,
        config: ModelConfig,
        terms: PerformanceTerms,
        closed_ms: int,
        now_ms: int,
    ) -> Metrics:
        """Take the days that are mature, and return the figures of concept drift.

        Parameters
        ----------
        version, config : whose
        tracker : its label panes
        terms : what label counts are read by
        closed_ms : event time up to which windows are final
        now_ms : wall clock; it is done every ten seconds
        """
        if not tracker.panes or now_ms - self._looked_ms.get(version, 0) < _LOOKED_AGAIN_MS:
            return self._metrics.get(version, {})
        self._looked_ms[version] = now_ms
        stored = self._client.get(self._keys.concept(version))
        known = None if stored is None else _decoder.decode(stored)
        taken_ms = None if known is None else known.last_start_ms
        days, state = _mature_days(tracker, config, closed_ms, taken_ms), known
        panes = []
        for start_ms, counts in days:
            task = task_of(counts, terms)
            state = state or ConceptState.of(task)
            pane = error_pane(start_ms, counts, task)
            panes += [pane] if pane is not None else []
        if state is not None and panes:
            state = advance(state, panes)
            self._client.set(self._keys.concept(version), msgspec.json.encode(state))
        self._metrics[version] = {} if state is None else concept_metrics(state)
        return self._metrics[version]


def _mature_days(
    tracker: LabelTracker, config: ModelConfig, closed_ms: int, taken_ms: int | None
) -> list[tuple[int, LabelCounts]]:
    """Days after the last one taken, up to the first that is not mature: start, and counts."""
    horizon_ms = seconds_of(config.labels.join_horizon) * 1000
    starts = sorted({floor_to(pane.start_ms, DAY_MS) for pane in tracker.panes})
    days = []
    for start_ms in starts:
        end_ms = start_ms + DAY_MS
        if (taken_ms is not None and start_ms <= taken_ms) or end_ms > closed_ms:
            continue
        counts = tracker.window(start_ms, end_ms)
        if counts is None or counts.registered == 0:
            continue
        mature = counts.labelled >= config.labels.min_coverage * counts.registered
        if not mature and end_ms + horizon_ms > closed_ms:
            break
        days.append((start_ms, counts))
    return days
