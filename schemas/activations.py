"""Activations: from when on which plan and baseline count a model version's events.

They are immutable: each event is counted by the one valid at its event time, so that a replay
counts as the first run did. Rules and windows are not part of it.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from schemas.canonical import sha256_of
from schemas.features import FeatureConfig
from schemas.models import ModelConfig, Task
from schemas.names import Name, Sha256

__all__ = ["Activation", "Plan", "plan_id", "plan_of"]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counting depends on beside the baseline.

    Attributes
    ----------
    task
        What the model does.
    positive_class
        As in the configuration.
    sampling_rate
        As in the configuration.
    segments
        Names by whose values figures are split; `auto` is resolved before activation.
    segment_values
        Which values of each have segments of their own; the others share the segment `other`. A
        name that is not among them splits nothing yet.
    features
        Kinds and constraints, by name.
    """

    task: Task = Task.AUTO
    positive_class: str = "1"
    sampling_rate: float = 1.0
    segments: tuple[str, ...] = ()
    segment_values: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    features: dict[str, FeatureConfig] = msgspec.field(default_factory=dict)


class Activation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One activation (``activation/<name>/<version>/<effective_from>``).

    Attributes
    ----------
    model_name
        The model.
    model_version
        Its version.
    effective_from
        Event time from which on it holds, epoch ms; 0 is the beginning of time.
    plan
        What counting depends on beside the baseline.
    baseline_id
        The baseline whose grid counts; null while there is none.
    """

    model_name: Name
    model_version: Name
    effective_from: int
    plan: Plan
    baseline_id: Sha256 | None = None


def plan_of(
    config: ModelConfig, segment_values: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> Plan:
    """Return the plan that a configuration asks for.

    Parameters
    ----------
    config
        The configuration.
    segment_values
        Values with segments of their own, by name. Where the configuration says `auto`, these names
        are the segments.
    """
    return Plan(
        task=config.task,
        positive_class=config.positive_class,
        sampling_rate=config.sampling_rate,
        segments=tuple(segment_values) if config.segments == "auto" else config.segments,
        segment_values=dict(segment_values),
        features=config.features,
    )


def plan_id(plan: Plan) -> str:
    """Hash a plan: SHA-256 hex of its canonical JSON."""
    return sha256_of(plan)
