"""Rolling baselines: each period becomes the reference of the next one.

They stay on the grid of the first baseline, so nothing switches for the workers. The ones that no
window can need any more are deleted, so topics and memory stay as they are.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from schemas.activations import Activation
from schemas.baselines import Baseline, BaselineOrigin
from schemas.models import ModelConfig
from stream.activations import name_of
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.terms import decision_spec
from stream.window.panes import DAY_MS, floor_to


def period_ms(config: ModelConfig, baseline: Baseline) -> int:
    """Length of the periods: the decision window, at least a day."""
    return max(DAY_MS, decision_spec(config, baseline).size_ms)


def period_due_ms(
    config: ModelConfig, compiled: Sequence[CompiledBaseline], settled_ms: int
) -> int | None:
    """End of the period that is to become the next baseline, None where there is none.

    Parameters
    ----------
    config : of the model
    compiled : baselines of the version by when they take effect
    settled_ms : event time up to which windows can't change any more

    Notes
    -----
    It is the last settled period, if it ended after the newest baseline began to count: that one is
    older, or was activated by somebody who shall have it for the rest of the period. All of the
    period must have been counted on the grid of that baseline.
    """
    newest = compiled[-1]
    length = period_ms(config, newest.baseline)
    end = floor_to(settled_ms, length)
    if end <= _since([one.baseline_id == newest.baseline_id for one in compiled], compiled):
        return None
    if end - length < _since([one.grid_id == newest.grid_id for one in compiled], compiled):
        return None
    return end


def _since(alike: Sequence[bool], compiled: Sequence[CompiledBaseline]) -> int:
    """Event time from which on baselines are like the newest one without a break."""
    first = len(alike)
    while first and alike[first - 1]:
        first -= 1
    return compiled[first].effective_from_ms


def outdated(
    history: Sequence[Activation],
    made_ms: Mapping[str, int],
    baselines: Mapping[str, Baseline],
    *,
    needed_from_ms: int,
    kept_from_ms: int,
) -> list[Activation]:
    """Activations of rolling baselines that no window can need any more.

    Parameters
    ----------
    history : activations of one version, oldest first
    made_ms : when each was published, by name
    baselines : by id
    needed_from_ms : event time of the oldest event that a window may yet count, in a replay too
    kept_from_ms : append time of the oldest event that is still on the topic

    Notes
    -----
    An activation counts until the next one begins. Events of before that are not needed when it
    began before `needed_from_ms`; and where it was published before `kept_from_ms`, no event is
    left that may be replayed with the older one, however old its event time is.
    """
    out = []
    for activation, following in pairwise(history):
        baseline = baselines.get(activation.baseline_id or "")
        if (
            baseline is not None
            and baseline.origin is BaselineOrigin.ROLLING
            and following.effective_from <= needed_from_ms
            and made_ms.get(name_of(following), 0) <= kept_from_ms
        ):
            out.append(activation)
    return out


def unused_baselines(
    gone: Collection[Activation],
    activations: Mapping[str, Activation],
    configs: Mapping[str, ModelConfig],
) -> list[str]:
    """Ids of the baselines that nothing speaks of once these activations are gone."""
    names = {name_of(activation) for activation in gone}
    used = {one.baseline_id for name, one in activations.items() if name not in names}
    used |= {config.baseline for config in configs.values()}
    return sorted({str(one.baseline_id) for one in gone} - {str(name) for name in used})
