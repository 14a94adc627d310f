"""Which activation follows from what is configured: its plan, its baseline, and from when on.

Activations never change, and each event is counted by the one valid at its event time. So a new one
begins a little ahead, where a pane begins: by then every worker knows it, and no pane is counted
partly on one grid and partly on another.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from schemas.activations import Activation, Plan, plan_id, plan_of
from schemas.baselines import Baseline
from schemas.features import FeatureConfig
from schemas.models import ModelConfig, window_specs
from schemas.timestamps import TIMESTAMP_MS_MAX
from stream.window.panes import MINUTE_MS, ceil_to
from stream.window.segments import SEGMENTS_MAX, TAG, resolve_segments

AHEAD_MS = 30_000
"""An activation begins so far ahead: the registry follows its topics within a second, and a worker
looks at it before every batch."""
INHERIT, PROVISIONAL, ROLLING, SEASONAL = "inherit", "provisional", "rolling", "seasonal"
MODES = (INHERIT, PROVISIONAL, ROLLING, SEASONAL)
"""What `baseline` may be configured as beside an id."""
_digits = re.compile(r"(\d+)")

TagCounts = Mapping[str, Mapping[str, int]]
"""How often each value of a tag came, by tag."""


def chosen_id(config: ModelConfig) -> str | None:
    """Id of the baseline that a configuration names; None where it names a way to get one."""
    return None if config.baseline in MODES else config.baseline


def plan_for(config: ModelConfig, baseline: Baseline | None, tags: TagCounts) -> Plan:
    """Return the plan that a configuration asks for, its segments resolved.

    Parameters
    ----------
    config : of the model
    baseline : that the plan goes with; tells the values of features
    tags : how often the values of tags came
    """
    return plan_of(config, resolve_segments(config.segments, baseline, tags))


def known_tags(plan: Plan) -> dict[str, dict[str, int]]:
    """Values of tags that have segments in a plan, in the same order when they are resolved again.

    Examples
    --------
    >>> known_tags(Plan(segment_values={"tags.site": ("north", "south"), "country": ("FR",)}))
    {'site': {'north': 2, 'south': 1}}
    """
    return {
        name.removeprefix(TAG): {value: len(values) - i for i, value in enumerate(values)}
        for name, values in plan.segment_values.items()
        if name.startswith(TAG)
    }


def split_tags(plan: Plan) -> list[str]:
    """Tags by which a plan splits, or would if it knew their values."""
    return [name.removeprefix(TAG) for name in plan.segments if name.startswith(TAG)]


def counts_by_default(plan: Plan) -> bool:
    """Whether a plan without a baseline counts as no plan at all.

    Examples
    --------
    >>> counts_by_default(Plan(segments=("country",)))
    True
    >>> counts_by_default(Plan(features={"age": FeatureConfig(min=0)}))
    False
    """
    free = FeatureConfig()
    constrained = any(
        msgspec.structs.replace(feature, kind=None, drift=None) != free
        for feature in plan.features.values()
    )
    return plan.sampling_rate >= 1 and not constrained and not split_tags(plan)


def same_plan(one: Plan, other: Plan) -> bool:
    """Whether two plans count alike."""
    return plan_id(one) == plan_id(other)


def check_activation(activation: Activation) -> None:
    """Refuse an activation that workers could not count by.

    Raises
    ------
    ValueError
        For a start that is no time, or more segments than a model version may have.
    """
    if not 0 <= activation.effective_from <= TIMESTAMP_MS_MAX:
        raise ValueError(f"effective_from {activation.effective_from} is no time in ms")
    segments = sum(len(values) + 1 for values in activation.plan.segment_values.values())
    if segments > SEGMENTS_MAX:
        raise ValueError(f"{segments} segments: a model version has at most {SEGMENTS_MAX}")


def name_of(activation: Activation) -> str:
    """Name of an activation: its record's key, without the kind of the record."""
    return f"{activation.model_name}/{activation.model_version}/{activation.effective_from}"


def activations_of(
    records: Iterable[object], model_name: str, model_version: str
) -> list[Activation]:
    """Activations of a version among records of every kind, oldest first."""
    found = [
        record
        for record in records
        if isinstance(record, Activation)
        and (record.model_name, record.model_version) == (model_name, model_version)
    ]
    return sorted(found, key=lambda a: a.effective_from)


def in_force(history: Iterable[Activation], at_ms: int) -> Activation | None:
    """Return the activation that holds at an event time, None where there is none."""
    found = [a for a in history if a.effective_from <= at_ms]
    return max(found, key=lambda a: a.effective_from, default=None)


def tier_ms(config: ModelConfig) -> int:
    """Length of the panes in which a model's events are counted."""
    return min((spec.every_ms for spec in window_specs(config)), default=MINUTE_MS)


def start_ms(config: ModelConfig, history: Collection[Activation], now_ms: int) -> int:
    """Event time from which on an activation that is made now holds.

    Parameters
    ----------
    config : of the model
    history : activations of the version, of which those made just before stay in order
    now_ms : event time of the newest event, or the wall clock where that is not known

    Examples
    --------
    >>> start_ms(ModelConfig(model_name="m"), [], 60_001)
    120000
    """
    step_ms = tier_ms(config)
    start = ceil_to(now_ms + AHEAD_MS, step_ms)
    while near := [
        a.effective_from for a in history if start <= a.effective_from <= start + step_ms
    ]:
        start = max(near) + step_ms
    return start


def previous_baseline(history: Iterable[Activation]) -> str | None:
    """Id of the baseline that counted before the newest one, None where there was no other."""
    ids = [a.baseline_id for a in history if a.baseline_id is not None]
    return next((name for name in reversed(ids) if name != ids[-1]), None)


def inherited_baseline(
    model_name: str,
    model_version: str,
    activations: Mapping[str, Activation],
    made_ms: Mapping[str, int],
    baselines: Mapping[str, Baseline],
) -> str | None:
    """Id of the baseline that a version inherits, None where no other version has one.

    Parameters
    ----------
    model_name, model_version : who inherits
    activations : of all versions, by name
    made_ms : when each was published, wall clock
    baselines : by id

    Notes
    -----
    It is the newest baseline of the version that came last: whose first activation was published
    last, and of those published together the one with the highest name, by numbers. A version
    whose baseline is provisional is taken only where none has another.
    """
    lines: dict[str, _Line] = {}
    for name, activation in activations.items():
        other = activation.model_version
        known = activation.baseline_id is not None and activation.baseline_id in baselines
        if activation.model_name == model_name and other != model_version and known:
            made = _Line(made_ms.get(name, 0), activation)
            lines[other] = made if other not in lines else lines[other].joined(made)

    def preference(line: _Line) -> tuple[bool, int, list[tuple[bool, int, str]]]:
        baseline = baselines[str(line.newest.baseline_id)]
        return not baseline.provisional, line.made_ms, _by_number(line.newest.model_version)

    last = max(lines.values(), key=preference, default=None)
    return None if last is None else last.newest.baseline_id


class _Line(NamedTuple):
    """Activations of one version: when the first was made, and the one that holds last."""

    made_ms: int
    newest: Activation

    def joined(self, other: "_Line") -> "_Line":
        newest = max(self.newest, other.newest, key=lambda a: a.effective_from)
        return _Line(min(self.made_ms, other.made_ms), newest)


def _by_number(version: str) -> list[tuple[bool, int, str]]:
    """Key by which `10` comes after `9`."""
    parts = [part for part in _digits.split(version) if part]
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
