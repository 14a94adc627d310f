"""Publish baselines to ``ml.baselines``, and say from when on they count (``ml.config``)."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from schemas.activations import Activation, plan_of
from schemas.baselines import Baseline, baseline_id, encode_baseline
from schemas.records import ConfigRecord, record_key
from schemas.topics import Topic
from stream.baseline.errors import BaselineError
from stream.configure import activation_at, model_config, moment, publish, publish_config
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
        except msgspec.DecodeError:  # of a later version
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
    baseline: str,
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
    baseline
        Id of the baseline.
    from_ms
        Event time from which on it counts. None is the beginning of time for the first baseline
        of a version, and now for later ones: what was counted stays as it was counted.
    now_ms
        Wall clock.

    Raises
    ------
    BaselineError
        When another baseline is activated from the very same moment on; activations never change.
    """
    plan = plan_of(model_config(present, model, version))
    current = activation_at(present, model, version, now_ms if from_ms is None else from_ms)
    if current is not None and current.baseline_id == baseline and current.plan == plan:
        return None
    if from_ms is None:
        from_ms = BEGINNING_OF_TIME if not _has_baseline(present, model, version) else now_ms
    made = Activation(
        model_name=model,
        model_version=version,
        effective_from=from_ms,
        plan=plan,
        baseline_id=baseline,
    )
    taken = present.get(record_key(made))
    if isinstance(taken, Activation) and taken != made:
        raise BaselineError(
            f"from {moment(from_ms)} on, {model} {version} counts by baseline"
            f" {(taken.baseline_id or 'none')[:12]} already, and that never changes:"
            " give another --from"
        )
    return made


def activate(settings: Settings, activation: Activation, who: str, now_ms: int) -> None:
    """Publish an activation; returns once the broker has it."""
    publish_config(settings, [activation], who, now_ms)


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


def _has_baseline(present: Mapping[str, ConfigRecord], model: str, version: str) -> bool:
    return any(
        isinstance(record, Activation)
        and (record.model_name, record.model_version) == (model, version)
        for record in present.values()
    )
