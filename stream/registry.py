"""Models, rules, baselines and activations, as every process knows them.

``ml.config`` and ``ml.baselines`` are compacted topics that every process needs whole: a consumer
without a group reads all their partitions to the end before anything is served, then follows.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, Message

from schemas.activations import Activation, plan_id
from schemas.baselines import Baseline
from schemas.durations import parse_duration_ms
from schemas.features import FeatureKind
from schemas.models import LabelsConfig, ModelConfig, window_specs
from schemas.records import ConfigRecord, decode_record
from schemas.rules import RuleConfig, SilenceConfig
from schemas.topics import Topic, topic_name
from stream.activations import check_activation
from stream.alerting.silences import Authors, StoredSilence, authors_after, check_silence
from stream.baseline.soundness import check_baseline
from stream.ingest.decode import Decoder
from stream.kafka import make_follower
from stream.settings import BoundsSettings, Settings
from stream.state.keys import VersionId
from stream.topic_reader import header, places_of, read_to_end
from stream.window import plan as plans
from stream.window.layout import GridLayout, compile_layout
from stream.window.panes import MINUTE_MS
from stream.window.plan import CountingPlan, PlanBook

_POLL_S = 0.2
ANY_VERSION = "*"

log = structlog.get_logger("registry")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is registered at one moment.

    ``made_ms`` is when each activation was published, ``authors`` whose each silence is.
    """

    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    rules: Mapping[str, RuleConfig] = field(default_factory=dict)
    silences: Mapping[str, SilenceConfig] = field(default_factory=dict)
    activations: Mapping[str, Activation] = field(default_factory=dict)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    made_ms: Mapping[str, int] = field(default_factory=dict)
    authors: Mapping[str, Authors] = field(default_factory=dict)

    def model(self, version: VersionId) -> ModelConfig:
        """Configuration of a model version: its own, else the model's, else the default."""
        for of in (version.version, ANY_VERSION):
            found = self.models.get(f"{version.model}/{of}")
            if found is not None:
                return found
        return ModelConfig(model_name=version.model)

    def activations_of(self, version: VersionId) -> list[Activation]:
        """Activations of a version whose baseline is known, or that have none, oldest first."""
        found = [
            a
            for a in self.activations.values()
            if (a.model_name, a.model_version) == version
            and (a.baseline_id is None or a.baseline_id in self.baselines)
        ]
        return sorted(found, key=lambda a: a.effective_from)


NOTHING = Snapshot()


def _sound_baseline(value: bytes) -> Baseline:
    baseline = msgspec.json.decode(value, type=Baseline)
    check_baseline(baseline)
    return baseline


def _sound_record(key: str, value: bytes) -> ConfigRecord:
    record = decode_record(key, value)
    if isinstance(record, Activation):
        check_activation(record)
    elif isinstance(record, SilenceConfig):
        check_silence(record)
    return record


class Registry:
    """Follows the registry's topics in a thread of its own.

    Parameters
    ----------
    settings : as everywhere
    snapshot : what is known before the topics are read; all there is where they never are

    Attributes
    ----------
    version : rises with every change, so that a reader can see cheaply whether there was one
    """

    def __init__(self, settings: Settings, snapshot: Snapshot = NOTHING) -> None:
        self._settings = settings
        self._config_topic = topic_name(settings.namespace, Topic.CONFIG)
        self._baselines_topic = topic_name(settings.namespace, Topic.BASELINES)
        self._snapshot = snapshot
        self._compiled: dict[tuple[str, str | None], CountingPlan] = {}
        self._layouts: dict[str, GridLayout] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.version = 0

    @property
    def snapshot(self) -> Snapshot:
        """What is registered now; it does not change, a later call returns another."""
        return self._snapshot

    def stored_silences(self) -> dict[str, StoredSilence]:
        """Silences that there are now by id, also those that ended, and whose they are."""
        now = self._snapshot
        return {
            name: StoredSilence(silence, now.authors.get(name, Authors()))
            for name, silence in now.silences.items()
        }

    def start(self) -> "Registry":
        """Read both topics to their ends, then follow them until :meth:`close`.

        Raises
        ------
        KafkaUnavailableError
            When the broker does not answer.
        """
        consumer = make_follower(self._settings)
        try:
            topics = (self._config_topic, self._baselines_topic)
            places = [at for topic in topics for at in places_of(self._settings, consumer, topic)]
            self._apply(list(read_to_end(self._settings, consumer, places)))
        except BaseException:
            consumer.close()
            raise
        self._thread = threading.Thread(
            target=self._follow, args=(consumer,), name="registry", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self, consumer: Consumer) -> None:
        while not self._stop.is_set():
            self._apply([m for m in consumer.consume(1000, _POLL_S) if m.error() is None])
        consumer.close()

    def _apply(self, messages: Iterable[Message]) -> None:
        now = self._snapshot
        models, rules, silences = dict(now.models), dict(now.rules), dict(now.silences)
        activations, baselines = dict(now.activations), dict(now.baselines)
        made_ms, authors = dict(now.made_ms), dict(now.authors)
        configs: dict[str, dict[str, Any]] = {
            "model": models,
            "rule": rules,
            "silence": silences,
            "activation": activations,
        }
        changed = False
        for message in messages:
            changed = True
            key = (message.key() or b"").decode("utf-8", "replace")
            value = message.value()
            try:
                if message.topic() == self._baselines_topic:
                    if value:
                        baselines[key] = _sound_baseline(value)
                    else:
                        baselines.pop(key, None)
                else:
                    kind, _, name = key.partition("/")
                    if value:
                        configs[kind][name] = _sound_record(key, value)
                        if kind == "activation":
                            made_ms.setdefault(name, message.timestamp()[1])
                        elif kind == "silence":
                            who, when = header(message, "who"), header(message, "when")
                            authors[name] = authors_after(authors.get(name), who, when)
                    else:
                        configs[kind].pop(name, None)
                        if kind == "silence":
                            authors.pop(name, None)
            except (ValueError, KeyError, RecursionError) as error:
                log.warning("record_ignored", topic=message.topic(), key=key, why=str(error))
        if changed:
            made_ms = {name: at_ms for name, at_ms in made_ms.items() if name in activations}
            self._snapshot = Snapshot(
                models, rules, silences, activations, baselines, made_ms, authors
            )
            self.version += 1

    # -- what workers need -----------------------------------------------------------------------

    def _plan(self, activation: Activation) -> CountingPlan:
        key = (plan_id(activation.plan), activation.baseline_id)
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = self._compile(activation)
        return found

    def _compile(self, activation: Activation) -> CountingPlan:
        layout = baseline = None
        if activation.baseline_id is not None:
            baseline = self._snapshot.baselines[activation.baseline_id]
            layout = compile_layout(baseline)
            layout = self._layouts.setdefault(layout.id, layout)
        try:
            return plans.compile_plan(activation.plan, layout, baseline)
        except ValueError as error:  # written by hand: `models apply` refuses it
            log.warning("constraints_ignored", model=activation.model_name, why=str(error))
            return plans.CountingPlan(layout)

    def _versions(self) -> dict[VersionId, list[Activation]]:
        snapshot = self._snapshot
        versions = {VersionId(a.model_name, a.model_version) for a in snapshot.activations.values()}
        return {v: found for v in versions if (found := snapshot.activations_of(v))}

    def plans(self, *, joins: bool = False) -> PlanBook:
        """Which plan counts which events; and, where asked for, how labels join them."""
        activations = {
            version: [plans.Activation(a.effective_from, self._plan(a)) for a in found]
            for version, found in self._versions().items()
        }
        used = {id(one.plan) for found in activations.values() for one in found}
        self._compiled = {key: plan for key, plan in self._compiled.items() if id(plan) in used}
        return PlanBook(activations, self._tier_ms, self._labels if joins else None)

    def _labels(self, version: VersionId) -> LabelsConfig:
        return self._snapshot.model(version).labels

    def label_rate(
        self, model: str | None, version: str | None, seen: Iterable[VersionId]
    ) -> float:
        """Share of requests whose labels are kept: the largest of the versions they may speak of.

        Parameters
        ----------
        model, version : that a label names; None for any
        seen : versions that have traffic
        """
        if model is not None and version is not None:
            return self._labels(VersionId(model, version)).sampling_rate
        about = [one for one in seen if model in (None, one.model)]
        return max((self._labels(one).sampling_rate for one in about), default=1.0)

    def label_horizon_ms(self, seen: Iterable[VersionId]) -> int:
        """How long labels wait: the longest of the versions that have traffic."""
        horizons = {self._labels(one).join_horizon for one in seen} or {LabelsConfig().join_horizon}
        return max(map(parse_duration_ms, horizons))

    def _tier_ms(self, version: VersionId) -> int:
        """Length of panes: the shortest step of the model's windows."""
        config = self._snapshot.model(version)
        return min((spec.every_ms for spec in window_specs(config)), default=MINUTE_MS)

    def decoder(self, bounds: BoundsSettings, kind: type[Decoder] = Decoder) -> Decoder:
        """Decoder, of this kind, for all models that have a baseline."""
        models: dict[str, dict[str, bool]] = {}
        ignored: dict[str, set[str]] = {}
        for version, found in self._versions().items():
            for activation in found:
                plan = self._plan(activation)
                if plan.layout is None:
                    continue
                features = models.setdefault(version.model, {})
                for name in plan.layout.numeric_features:
                    features[name] = features.get(name, True)
                features |= dict.fromkeys(plan.layout.other_features, False)
                for name in plan.looked_at:
                    features.setdefault(name, False)
                hidden = ignored.setdefault(version.model, set())
                hidden |= {
                    name
                    for name, feature in activation.plan.features.items()
                    if feature.kind is FeatureKind.IGNORE
                }
        return kind(
            {model: dict(sorted(features.items())) for model, features in models.items()},
            ignored=ignored,
            event_bytes_max=bounds.event_bytes_max,
            features_max=bounds.features_max,
            models_max=bounds.models_max,
        )
