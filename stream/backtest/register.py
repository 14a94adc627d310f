"""What is registered during a backtest: what was configured, and what the log itself teaches.

In the running system a model version's plan and baseline are on ``ml.config`` before its events are
counted. Here each version is met in the log for the first time, and the events in which it was met
are then counted by its own plan from the first one on.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import msgspec

from schemas.activations import Activation
from schemas.baselines import Baseline, baseline_id
from schemas.config import ConfigFile
from schemas.errors import Reason, Rejected
from schemas.models import ModelConfig
from schemas.records import record_key
from stream.activations import (
    PROVISIONAL,
    TagCounts,
    chosen_id,
    inherited_baseline,
    known_tags,
    plan_for,
    split_tags,
    start_ms,
)
from stream.ingest.decode import DecodedEvent, Decoder
from stream.ingest.step import Delta
from stream.registry import ANY_VERSION, Registry, Snapshot
from stream.settings import Settings
from stream.state.codec import bound_names
from stream.state.keys import VersionId
from stream.window.delta import TAG_VALUES_MAX, PaneDelta, add_names
from stream.window.panes import PaneId

BEGINNING_OF_TIME = 0

Source = Callable[[VersionId, ModelConfig], Baseline]
"""Makes the baseline of a model version that is met for the first time."""

_NO_TIME = Rejected(
    Reason.MISSING_FIELD, "missing `timestamp`; a file has no append time to stand in for it"
)


class TimedDecoder(Decoder):
    """Decodes the events of a file: each must have a time of its own."""

    def decode(self, payloads: list[bytes]) -> list[DecodedEvent | Rejected]:  # type: ignore[override]
        """Decode payloads, in order."""
        return [
            event if isinstance(event, Rejected) or event.timestamp is not None else _NO_TIME
            for event in super().decode(payloads)
        ]


class Register:
    """Models, plans and baselines, as far as they are known at this point of the log.

    Parameters
    ----------
    settings : bounds on what is accepted
    snapshot : what was configured
    sources : where baselines come from, by model; ``*`` is any other
    timed : whether events must have a time of their own
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Snapshot,
        sources: Mapping[str, Source],
        *,
        timed: bool,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._kind = TimedDecoder if timed else Decoder
        self._met: set[VersionId] = set()
        self._tags_wanted: set[VersionId] = set()
        self._bounds: dict[VersionId, float] = {}
        self._use(snapshot)

    def _use(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        registry = Registry(self._settings, snapshot)
        self.decoder = registry.decoder(self._settings.bounds, self._kind)
        self.plans = registry.plans()
        self.plans.sample_bounds |= self._bounds

    def bound_sample(self, version: VersionId, bound: float) -> None:
        """Let events whose hash is larger stay out of a version's sample, which is full."""
        self._bounds[version] = bound
        self.plans.sample_bounds[version] = bound

    def meet(self, delta: Delta) -> bool:
        """Take note of versions, and of values of tags, that are new.

        Returns whether there are any: what was counted is then to be counted again.
        """
        new = delta.panes.keys() - self._met
        tagged = {v: _tags_of(delta.panes[v]) for v in self._tags_wanted & delta.panes.keys()}
        self._tags_wanted -= tagged.keys()
        known = {version: found for version, found in tagged.items() if found}
        for version in sorted(new):
            self._met.add(version)
            self._register(version)
        for version, tags in known.items():
            self._split_by(version, tags)
        return bool(new or known)

    def _register(self, version: VersionId) -> None:
        """Let a version count from the beginning of time."""
        config = self.snapshot.model(version)
        if self.snapshot.activations_of(version):
            return
        name, baseline = self._baseline_of(version, config)
        plan = plan_for(config, baseline, {})
        if split_tags(plan):
            self._tags_wanted.add(version)
        self._activate(
            Activation(
                model_name=version.model,
                model_version=version.version,
                effective_from=BEGINNING_OF_TIME,
                plan=plan,
                baseline_id=name,
            ),
            baseline,
        )

    def _split_by(self, version: VersionId, tags: TagCounts) -> None:
        """Give the values of tags, which its first events told, segments of their own."""
        (first, *_) = self.snapshot.activations_of(version)
        of = first.baseline_id
        baseline = None if of is None else self.snapshot.baselines[of]
        plan = plan_for(self.snapshot.model(version), baseline, tags)
        self._activate(msgspec.structs.replace(first, plan=plan))

    def _baseline_of(
        self, version: VersionId, config: ModelConfig
    ) -> tuple[str | None, Baseline | None]:
        """Baseline of a version that has none: its predecessor's, else what was given."""
        known = self.snapshot.baselines
        name = chosen_id(config)
        if name is None and config.baseline != PROVISIONAL:
            made_ms = self.snapshot.made_ms
            name = inherited_baseline(*version, self.snapshot.activations, made_ms, known)
        if name is not None and name in known:
            return name, known[name]
        source = self._sources.get(version.model, self._sources.get(ANY_VERSION))
        if source is None:
            return None, None
        baseline = source(version, config)
        return baseline_id(baseline), baseline

    def learned(self, version: VersionId, baseline: Baseline, newest_ms: int) -> int:
        """Let a baseline that the log taught count; returns from which event time on.

        Parameters
        ----------
        version : whose it is
        baseline : made of its first events
        newest_ms : event time that was reached
        """
        config = self.snapshot.model(version)
        history = self.snapshot.activations_of(version)
        tags = known_tags(history[-1].plan) if history else {}
        made = Activation(
            model_name=version.model,
            model_version=version.version,
            effective_from=start_ms(config, history, newest_ms),
            plan=plan_for(config, baseline, tags),
            baseline_id=baseline_id(baseline),
        )
        self._activate(made, baseline)
        return made.effective_from

    def _activate(self, made: Activation, baseline: Baseline | None = None) -> None:
        before = self.snapshot
        baselines = dict(before.baselines)
        if baseline is not None and made.baseline_id is not None:
            baselines[made.baseline_id] = baseline
        name = record_key(made).partition("/")[2]
        activations = {**before.activations, name: made}
        self._use(replace(before, activations=activations, baselines=baselines))


def overlaid(snapshot: Snapshot, given: ConfigFile, replaced: Collection[str]) -> Snapshot:
    """Return what would be registered if a file of models and rules were applied.

    Parameters
    ----------
    snapshot : what is registered
    given : models and rules of the file
    replaced : models whose baselines are given anew, so that none of theirs counts; ``*`` is all

    Notes
    -----
    Plans change with the configuration, for all of the log and not, as they do in the running
    system, a little ahead of now.
    """
    models = {f"{m.model_name}/{m.model_version}": m for m in given.models}
    after = replace(
        snapshot,
        models={**snapshot.models, **models},
        rules={**snapshot.rules, **{rule.name: rule for rule in given.rules}},
    )
    named = {model.model_name for model in given.models}
    activations = {}
    for name, one in snapshot.activations.items():
        if one.model_name in replaced or ANY_VERSION in replaced:
            continue
        activations[name] = _replanned(one, after) if one.model_name in named else one
    return replace(after, activations=activations)


def _replanned(one: Activation, after: Snapshot) -> Activation:
    config = after.model(VersionId(one.model_name, one.model_version))
    wanted = chosen_id(config)
    name = wanted if wanted in after.baselines else one.baseline_id
    baseline = None if name is None else after.baselines.get(name)
    plan = plan_for(config, baseline, known_tags(one.plan))
    return msgspec.structs.replace(one, plan=plan, baseline_id=name)


def _tags_of(panes: Mapping[PaneId, PaneDelta]) -> dict[str, dict[str, int]]:
    """How often each value of a tag came, by tag."""
    found: dict[str, dict[str, int]] = {}
    for pane in panes.values():
        for tag, values in pane.tags.items():
            add_names(found.setdefault(tag, {}), values)
    return {tag: bound_names(v, TAG_VALUES_MAX).names for tag, v in found.items() if v}
