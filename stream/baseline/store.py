"""Publish baselines to ``ml.baselines``, and say from when on they count (``ml.config``)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from schemas.activations import Activation
from schemas.baselines import Baseline, baseline_id, encode_baseline
from schemas.records import ConfigRecord, record_key
from schemas.topics import Topic
from stream.activations import (
    activations_of,
    in_force,
    known_tags,
    plan_for,
    same_plan,
    start_ms,
)
from stream.baseline.errors import BaselineError
from stream.baseline.soundness import check_baseline
from stream.configure import model_config, moment, publish, publish_config
from stream.settings import Settings
from stream.topic_reader import header, latest_by_key

BEGINNING_OF_TIME = 0
PREFIX_CHARACTERS_MIN = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """A baseline on the topic, who made it and when (RFC 3339; None where it does not say)."""

    id: str
    baseline: Baseline
    created_at: str | None
    created_by: str | None


def read_baselines(settings: Settings) -> dict[str, Stored]:
    """Return all baselines by id. Records that can't be read are left out."""
    out: dict[str, Stored] = {}
    for key, message in latest_by_key(settings, Topic.BASELINES).items():
        try:
            baseline = msgspec.json.decode(message.value() or b"", type=Baseline)
            check_baseline(baseline)
        except (ValueError, RecursionError):  # of a later version, or nothing that we wrote
            continue
        made = (header(message, "created_at"), header(message, "created_by"))
        out[key] = Stored(key, baseline, *made)
    return out


def publish_baseline(settings: Settings, baseline: Baseline, who: str, now_ms: int) -> str:
    """Publish a baseline and return its id once the broker has it.

    The same content has the same id, so publishing it again changes nothing but the headers.

    Raises
    ------
    KafkaUnavailableError
        When the broker did not take it.
    """
    name = baseline_id(baseline)
    headers = {"created_at": moment(now_ms), "created_by": who}
    publish(settings, Topic.BASELINES, [(name, encode_baseline(baseline))], headers)
    return name


def activation_for(
    present: Mapping[str, ConfigRecord],
    model: str,
    version: str,
    one: Stored,
    from_ms: int | None,
    now_ms: int,
) -> Activation | None:
    """Return the activation that makes a baseline count, None where it does already.

    Parameters
    ----------
    present
        What is configured, by key.
    model, version
        Whose events.
    one
        The baseline.
    from_ms
        Event time from which on it counts. None is the beginning of time for the first activation
        of a version, and a little ahead of now for later ones: what was counted stays as it was
        counted.
    now_ms
        Wall clock.

    Raises
    ------
    BaselineError
        When another baseline is activated from the very same moment on; activations never change.
    """
    config = model_config(present, model, version)
    history = activations_of(present.values(), model, version)
    start = from_ms
    if start is None:
        start = start_ms(config, history, now_ms) if history else BEGINNING_OF_TIME
    current = in_force(history, start)
    tags = {} if current is None else known_tags(current.plan)
    made = Activation(
        model_name=model,
        model_version=version,
        effective_from=start,
        plan=plan_for(config, one.baseline, tags),
        baseline_id=one.id,
    )
    if current is not None and current.baseline_id == one.id and same_plan(current.plan, made.plan):
        return None
    if current is not None and current.effective_from == start:
        raise BaselineError(
            f"from {moment(start)} on, {model} {version} counts by baseline"
            f" {(current.baseline_id or 'none')[:12]} already, and that never changes:"
            " give another --from"
        )
    return made


def activate(settings: Settings, activation: Activation, who: str, now_ms: int) -> None:
    """Publish an activation; returns once the broker has it."""
    publish_config(settings, [activation], who, now_ms)


class Publisher:
    """Publishes what the agents decide about baselines; each call returns once the broker has it.

    Parameters
    ----------
    settings
        Where Kafka is.
    who
        Name under which it is published.
    now_ms
        Wall clock.
    """

    def __init__(self, settings: Settings, who: str, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._who = who
        self._now_ms = now_ms

    def publish(self, activation: Activation, baseline: Baseline | None) -> None:
        """Publish an activation, and before it the baseline where that is new."""
        if baseline is not None:
            publish_baseline(self._settings, baseline, self._who, self._now_ms())
        activate(self._settings, activation, self._who, self._now_ms())

    def retire(self, activations: Iterable[Activation], baselines: Iterable[str]) -> None:
        """Delete activations, and baselines by their ids; the activations first."""
        headers = {"who": self._who, "when": moment(self._now_ms())}
        gone = [(record_key(activation), None) for activation in activations]
        publish(self._settings, Topic.CONFIG, gone, headers)
        headers = {"created_at": headers["when"], "created_by": self._who}
        publish(self._settings, Topic.BASELINES, [(name, None) for name in baselines], headers)


def find_baseline(stored: Mapping[str, Stored], prefix: str) -> Stored:
    """Return the baseline whose id starts so.

    Raises
    ------
    BaselineError
        When there is none, or several.
    """
    if len(prefix) < PREFIX_CHARACTERS_MIN:
        raise BaselineError(
            f"baseline {prefix!r}: give at least {PREFIX_CHARACTERS_MIN} characters of its id"
        )
    found = [one for key, one in stored.items() if key.startswith(prefix)]
    if not found:
        raise BaselineError(
            f"there is no baseline {prefix!r}: `streamgauge baseline list` lists all"
        )
    if len(found) > 1:
        raise BaselineError(f"{len(found)} baselines start with {prefix!r}: give more of the id")
    return found[0]
