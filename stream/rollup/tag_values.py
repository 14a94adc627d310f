"""The values of tags that get segments of their own: found in what was counted.

A plan names the tags by which it splits before anybody knows their values. Once there are enough
events with a tag, its most frequent values get segments; a day later others may have come.
"""

from collections.abc import Iterable, Mapping

from schemas.activations import Plan
from schemas.baselines import Baseline
from schemas.models import ModelConfig
from stream.activations import TagCounts, known_tags, plan_for, same_plan, split_tags
from stream.rollup.merge import PaneCounts

EVENTS_MIN = 200
"""Events with a tag from which on its values are taken: as many as a decision window should hold
(`stream.stats.drift.budget`), so that a value of one in twenty is seen ten times."""
NEW_SHARE_MIN = 0.05
"""Share of a day's events with new values for which the segments of a tag are chosen anew: each
change of the plan begins new segments, so rare values stay in `other`."""


def counted_tags(panes: Iterable[PaneCounts]) -> dict[str, dict[str, int]]:
    """How often each value of a tag came, by tag; tags of fewer than 200 events are left out."""
    counts: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for pane in panes:
        for tag, found in pane.tags.items():
            into = counts.setdefault(tag, {})
            for value, count in found.names.items():
                into[value] = into.get(value, 0) + count
            totals[tag] = totals.get(tag, 0) + found.other + sum(found.names.values())
    return {tag: counts[tag] for tag, total in totals.items() if total >= EVENTS_MIN}


def lacks_values(plan: Plan) -> bool:
    """Whether a plan splits by a tag of which it knows no value."""
    return not known_tags(plan).keys() >= set(split_tags(plan))


def plan_with_values(
    config: ModelConfig, baseline: Baseline | None, plan: Plan, found: TagCounts
) -> Plan | None:
    """Return the plan with values for the tags that have none, None where that changes nothing.

    Parameters
    ----------
    config : of the model
    baseline : that the plan goes with
    plan : that counts now
    found : of `counted_tags`
    """
    tags: dict[str, Mapping[str, int]] = {**found, **known_tags(plan)}
    made = plan_for(config, baseline, tags)
    return None if same_plan(made, plan) else made


def plan_after_day(
    config: ModelConfig, baseline: Baseline | None, plan: Plan, found: TagCounts
) -> Plan | None:
    """Return the plan with the values of a day, None where they are much the same as before.

    Parameters
    ----------
    config, baseline, plan : as in `plan_with_values`
    found : of `counted_tags`, of the panes of one day
    """
    known = known_tags(plan)
    made = plan_for(config, baseline, {**known, **found})
    for tag, values in known_tags(made).items():
        counts = found.get(tag, {})
        new = sum(counts.get(value, 0) for value in values.keys() - known.get(tag, {}).keys())
        if new and new >= NEW_SHARE_MIN * sum(counts.values()):
            return made
    return None
