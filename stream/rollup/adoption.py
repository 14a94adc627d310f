"""Which baseline and which plan a model version gets, without anybody telling.

One call a version and round publishes at most one activation. Everything is decided by what is in
Kafka and Redis, so that another agents process, or this one after a restart, decides alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from schemas.activations import Activation, Plan
from schemas.baselines import Baseline, BaselineOrigin, baseline_id
from schemas.models import ModelConfig, window_specs
from schemas.topics import TOPICS, Topic
from stream.activations import (
    PROVISIONAL,
    ROLLING,
    activations_of,
    chosen_id,
    counts_by_default,
    inherited_baseline,
    known_tags,
    name_of,
    plan_for,
    split_tags,
    start_ms,
)
from stream.baseline.errors import BaselineError
from stream.registry import Snapshot
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.promotion import promoted_window
from stream.rollup.provisional import Learner, Missing
from stream.rollup.rolling import outdated, period_due_ms, period_ms, unused_baselines
from stream.rollup.tag_values import counted_tags, lacks_values, plan_after_day, plan_with_values
from stream.rollup.terms import decision_spec
from stream.rollup.tracker import PaneTracker
from stream.settings import Settings
from stream.state.client import RedisClient
from stream.state.keys import VersionId
from stream.window.panes import DAY_MS, floor_to

log = structlog.get_logger("adoption")


class Publisher(Protocol):
    """Where decisions go; both calls return once the broker has them."""

    def publish(self, activation: Activation, baseline: Baseline | None) -> None:
        """Publish an activation, and before it the baseline where that is new."""

    def retire(self, activations: Iterable[Activation], baselines: Iterable[str]) -> None:
        """Delete activations, and baselines by their ids."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model version has come.

    Attributes
    ----------
    compiled : its baselines by when they take effect
    newest_ms : newest event time
    closed_ms : event time up to which windows are final
    settled_ms : event time up to which they can't change any more
    append_ms : append time of its newest event
    """

    version: VersionId
    compiled: Sequence[CompiledBaseline]
    newest_ms: int
    closed_ms: int
    settled_ms: int
    append_ms: int


class Adoption:
    """Gives model versions their baselines and plans.

    Parameters
    ----------
    settings : as everywhere
    client : Redis, for the samples of provisional baselines
    publisher : where decisions go
    """

    def __init__(self, settings: Settings, client: RedisClient, publisher: Publisher) -> None:
        self._settings = settings
        self._learner = Learner(settings, client)
        self._publisher = publisher
        self._published: dict[VersionId, Activation] = {}
        self._warned: dict[VersionId, str] = {}
        self._tried_ms: dict[VersionId, int] = {}
        self._day_ms: dict[VersionId, int] = {}
        self._forgotten: set[VersionId] = set()

    def consider(self, snapshot: Snapshot, at: Progress, tracker: PaneTracker) -> Missing | None:
        """Publish an activation where one is due.

        Returns
        -------
        What is missing for a provisional baseline; None where none is to be learned.
        """
        history = activations_of(snapshot.activations.values(), *at.version)
        published = self._published.get(at.version)
        if published is not None and name_of(published) not in snapshot.activations:
            return None  # the registry follows within a second
        self._published.pop(at.version, None)
        config = snapshot.model(at.version)
        if all(activation.baseline_id is None for activation in history):
            return self._first(snapshot, config, at, history, tracker)
        newest = history[-1]
        if newest.baseline_id not in snapshot.baselines:
            return None
        self._forget_sample(at, newest)
        if not self._roll(snapshot, config, at, history, tracker):
            self._split(snapshot, config, at, history, tracker)
        return None

    def _first(
        self,
        snapshot: Snapshot,
        config: ModelConfig,
        at: Progress,
        history: Sequence[Activation],
        tracker: PaneTracker,
    ) -> Missing | None:
        """Find a version its first baseline; until then its plan counts without one."""
        missing = None
        plan = history[-1].plan if history else Plan()
        name, baseline = self._given(snapshot, config, at.version), None
        if name is None and chosen_id(config) is None:
            learned = self._learner.learn(at.version, config, at.newest_ms)
            if isinstance(learned, Missing):
                missing = learned
            else:
                name, baseline = baseline_id(learned), learned
        if name is not None:
            reference = baseline or snapshot.baselines[name]
            made = plan_for(config, reference, known_tags(plan))
            self._activate(config, at, history, made, name, baseline)
            return missing
        if not history:
            made = plan_for(config, None, {})
            if not counts_by_default(made):
                self._activate(config, at, history, made, None)
        else:
            self._split(snapshot, config, at, history, tracker)
        return missing

    def _given(self, snapshot: Snapshot, config: ModelConfig, version: VersionId) -> str | None:
        """Id of a known baseline: the configured one, or the predecessor's."""
        chosen = chosen_id(config)
        if chosen is None:
            if config.baseline == PROVISIONAL:
                return None
            return inherited_baseline(
                *version, snapshot.activations, snapshot.made_ms, snapshot.baselines
            )
        if chosen in snapshot.baselines:
            return chosen
        if self._warned.get(version) != chosen:
            self._warned[version] = chosen
            log.warning("baseline_unknown", version=" ".join(version), baseline=chosen)
        return None

    def _activate(
        self,
        config: ModelConfig,
        at: Progress,
        history: Sequence[Activation],
        plan: Plan,
        name: str | None,
        baseline: Baseline | None = None,
    ) -> None:
        """Publish an activation, from a little ahead of the newest event on."""
        made = Activation(
            model_name=at.version.model,
            model_version=at.version.version,
            effective_from=start_ms(config, history, at.newest_ms),
            plan=plan,
            baseline_id=name,
        )
        self._publisher.publish(made, baseline)
        self._published[at.version] = made
        log.info(
            "activated", version=" ".join(at.version), baseline=name, start=made.effective_from
        )

    def _forget_sample(self, at: Progress, newest: Activation) -> None:
        """Delete what was sampled before workers knew of a baseline, once all of them do."""
        if at.version not in self._forgotten and at.newest_ms >= newest.effective_from:
            self._learner.forget(at.version)
            self._forgotten.add(at.version)

    def _split(
        self,
        snapshot: Snapshot,
        config: ModelConfig,
        at: Progress,
        history: Sequence[Activation],
        tracker: PaneTracker,
    ) -> None:
        """Give the tags by which the traffic is split their values."""
        current = history[-1]
        if not split_tags(current.plan) or not split_tags(plan_for(config, None, {})):
            return
        baseline = snapshot.baselines.get(current.baseline_id or "")
        made = None
        if lacks_values(current.plan):
            found = counted_tags(tracker.panes.values())
            made = plan_with_values(config, baseline, current.plan, found) if found else None
        day_ms = floor_to(at.closed_ms, DAY_MS)
        if made is None and self._day_ms.get(at.version) != day_ms:
            self._day_ms[at.version] = day_ms
            counts = tracker.window(day_ms - DAY_MS, day_ms)
            found = {} if counts is None else counted_tags([counts])
            made = plan_after_day(config, baseline, current.plan, found)
        if made is not None:
            self._activate(config, at, history, made, current.baseline_id)

    def _roll(
        self,
        snapshot: Snapshot,
        config: ModelConfig,
        at: Progress,
        history: Sequence[Activation],
        tracker: PaneTracker,
    ) -> bool:
        """Make the last period the baseline of a version whose baseline is rolling."""
        if config.baseline != ROLLING or not at.compiled:
            return False
        if at.compiled[-1].effective_from_ms != history[-1].effective_from:
            return False  # the registry has moved on since the baselines were looked at
        end_ms = period_due_ms(config, at.compiled, at.settled_ms)
        if end_ms is None or self._tried_ms.get(at.version) == end_ms:
            return False
        baseline = self._rolled(config, at, tracker, end_ms)
        if baseline is None:
            self._tried_ms[at.version] = end_ms
            return False
        plan = plan_for(config, baseline, known_tags(history[-1].plan))
        self._activate(config, at, history, plan, baseline_id(baseline), baseline)
        self._retire(snapshot, at, history)
        return True

    def _rolled(
        self, config: ModelConfig, at: Progress, tracker: PaneTracker, end_ms: int
    ) -> Baseline | None:
        newest = at.compiled[-1]
        from_ms = end_ms - period_ms(config, newest.baseline)
        counts = tracker.window(from_ms, end_ms)
        if counts is None:
            return None
        try:
            return promoted_window(
                newest,
                counts,
                model_version=at.version.version,
                start_ms=from_ms,
                end_ms=end_ms,
                learn_categories=False,
                origin=BaselineOrigin.ROLLING,
            )
        except BaselineError as error:
            log.warning("baseline_kept", version=" ".join(at.version), why=str(error))
            return None

    def _retire(self, snapshot: Snapshot, at: Progress, history: Sequence[Activation]) -> None:
        """Delete rolling baselines that no window can need, nor a replay of the topic."""
        config = snapshot.model(at.version)
        retention_ms = (
            self._settings.topics.retention_ms(Topic.PREDICTIONS)
            or TOPICS[Topic.PREDICTIONS].retention_ms
            or 0
        ) + DAY_MS  # Kafka deletes whole segments, some time after they are due
        sizes = [spec.size_ms for spec in window_specs(config)]
        sizes += [decision_spec(config, one.baseline).size_ms for one in at.compiled]
        lateness_ms = self._settings.worker.allowed_lateness_ms
        gone = outdated(
            history,
            snapshot.made_ms,
            snapshot.baselines,
            needed_from_ms=at.newest_ms - max(sizes) - lateness_ms - retention_ms,
            kept_from_ms=at.append_ms - retention_ms,
        )
        if gone:
            unused = unused_baselines(gone, snapshot.activations, snapshot.models)
            self._publisher.retire(gone, unused)
