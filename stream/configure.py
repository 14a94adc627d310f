"""Publish configuration: models, rules, and the activations that follow from them.

Used by the command line; whoever changes configuration elsewhere goes through `publish` too, so
that every record says who made it and when.
"""

import getpass
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message

from schemas.activations import Activation, plan_of
from schemas.baselines import Baseline
from schemas.models import ModelConfig
from schemas.records import ConfigRecord, decode_record, encode_record, record_key
from schemas.rules import RuleConfig
from schemas.topics import MESSAGE_BYTES_MAX, Topic, topic_name
from stream.activations import (
    activations_of,
    chosen_id,
    in_force,
    known_tags,
    plan_for,
    same_plan,
    start_ms,
)
from stream.kafka import KafkaUnavailableError, make_producer
from stream.settings import Settings
from stream.topic_reader import latest_by_key

ANY_VERSION = "*"
_DELIVERY_S = 30.0
_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """What applying one record means.

    Attributes
    ----------
    key
        The record's key.
    record
        What is published.
    kind
        ``added``, ``changed`` or ``unchanged``.
    fields
        Dotted field to (before, after); None where it was or is not there.
    """

    key: str
    record: ConfigRecord
    kind: str
    fields: Mapping[str, tuple[Any, Any]]

    def document(self) -> dict[str, Any]:
        """Return it for programs: what is printed as JSON, and answered over HTTP."""
        fields = {
            name: {"before": before, "after": after}
            for name, (before, after) in self.fields.items()
        }
        return {"key": self.key, "change": self.kind, "fields": fields}


def author() -> str:
    """Return who makes changes from this process: ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def moment(now_ms: int) -> str:
    """Write a wall-clock time as headers have it.

    Examples
    --------
    >>> moment(1790002800000)
    '2026-09-21T15:00:00.000Z'
    """
    at = datetime.fromtimestamp(now_ms / _MS_PER_S, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_config(settings: Settings) -> dict[str, ConfigRecord]:
    """Return what is configured now, by key. Records that can't be read are left out."""
    out: dict[str, ConfigRecord] = {}
    for key, message in latest_by_key(settings, Topic.CONFIG).items():
        try:
            out[key] = decode_record(key, message.value() or b"")
        except ValueError:  # written by a later version, or by hand; workers warn of it
            continue
    return out


def publish(
    settings: Settings,
    topic: Topic,
    records: Iterable[tuple[str, bytes | None]],
    headers: Mapping[str, str],
) -> None:
    """Publish records and return when the broker has them all. None deletes what is under a key.

    Raises
    ------
    KafkaUnavailableError
        When one was not acknowledged.
    """
    name = topic_name(settings.namespace, topic)
    failures: list[KafkaError] = []

    def report(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = make_producer(
        settings, **{"message.timeout.ms": int(_DELIVERY_S * 1000), "on_delivery": report}
    )
    given: dict[str, str | bytes | None] = {name: text.encode() for name, text in headers.items()}
    for key, value in records:
        try:
            producer.produce(name, value, key.encode(), headers=given)
        except KafkaException as error:
            raise KafkaUnavailableError(
                f"{key} ({len(value or b''):,} bytes) can't be written to {name}:"
                f" {error.args[0].str()}"
            ) from error
    left = producer.flush(_DELIVERY_S + 5)
    if left or failures:
        why, advice = "no answer", "try again"
        if failures:
            why = failures[0].str()
            if failures[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                advice = f"raise max.message.bytes of the topic to {MESSAGE_BYTES_MAX}"
        raise KafkaUnavailableError(
            f"{left or len(failures)} records were not written to {name} ({why}): {advice}"
        )


def publish_config(
    settings: Settings, records: Sequence[ConfigRecord], who: str, now_ms: int
) -> None:
    """Publish configuration records with the headers ``who`` and ``when``."""
    pairs = [(record_key(record), encode_record(record)) for record in records]
    publish(settings, Topic.CONFIG, pairs, {"who": who, "when": moment(now_ms)})


def publish_rule(
    settings: Settings, key: str, rule: RuleConfig | None, who: str, now_ms: int
) -> None:
    """Publish a rule under its key, or delete it where it is None."""
    value = None if rule is None else encode_record(rule)
    publish(settings, Topic.CONFIG, [(key, value)], {"who": who, "when": moment(now_ms)})


def changes(present: Mapping[str, ConfigRecord], wanted: Iterable[ConfigRecord]) -> list[Change]:
    """Compare records with what is configured, field by field."""
    out = []
    for record in wanted:
        key = record_key(record)
        before = present.get(key)
        fields = field_changes(before, record)
        kind = "added" if before is None else "changed" if fields else "unchanged"
        out.append(Change(key, record, kind, fields))
    return out


def field_changes(before: ConfigRecord | None, after: ConfigRecord) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two records differ; a new one is compared with its defaults."""
    old = {} if before is None else flat(before)
    if before is None and isinstance(after, ModelConfig):
        old = flat(ModelConfig(model_name=after.model_name, model_version=after.model_version))
    new = flat(after)
    names = [*new, *(name for name in old if name not in new)]
    return {
        name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }


def flat(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record's fields by dotted name; lists are values."""
    out: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict) and value:
            for name, below in value.items():
                walk(below, f"{path}.{name}" if path else name)
        elif value != {}:
            out[path] = value

    walk(msgspec.to_builtins(record), "")
    return out


def replanned(
    before: Mapping[str, ConfigRecord],
    after: Mapping[str, ConfigRecord],
    baselines: Mapping[str, Baseline],
    now_ms: int,
) -> list[Activation]:
    """Return the activations by which changed configurations take effect, a little ahead of now.

    An activation is immutable, so events up to then stay counted by the plan they were counted by.
    Versions without an activation need none: the agents make it when there is traffic.

    Parameters
    ----------
    before, after
        What is configured, by key, and what will be.
    baselines
        By id: those that tell the values of segments.
    now_ms
        Wall clock.
    """
    activated = {
        (a.model_name, a.model_version) for a in before.values() if isinstance(a, Activation)
    }
    out = []
    for name, version in sorted(activated):
        old, new = (model_config(of, name, version) for of in (before, after))
        wanted = chosen_id(new) if new.baseline != old.baseline else None
        if wanted is None and same_plan(plan_of(old), plan_of(new)):
            continue
        history = activations_of(before.values(), name, version)
        start = start_ms(new, history, now_ms)
        current = in_force(history, start)
        if current is None:
            continue
        used = wanted or current.baseline_id
        baseline = None if used is None else baselines.get(used)
        plan = plan_for(new, baseline, known_tags(current.plan))
        if used != current.baseline_id or not same_plan(current.plan, plan):
            out.append(
                msgspec.structs.replace(current, effective_from=start, plan=plan, baseline_id=used)
            )
    return out


def model_config(records: Mapping[str, ConfigRecord], name: str, version: str) -> ModelConfig:
    """Return a model version's configuration: its own, else the model's, else the default."""
    for of in (version, ANY_VERSION):
        found = records.get(f"model/{name}/{of}")
        if isinstance(found, ModelConfig):
            return found
    return ModelConfig(model_name=name)
