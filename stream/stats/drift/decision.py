"""The decision: which features drifted."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from stream.stats.drift.false_discovery import q_values
from stream.stats.drift.holm import holm
from stream.stats.drift.missing import INCREASE_MIN

EFFECT_MIN = 0.02
"""About 0.14 standard deviations of a normal distribution; the setting `min_effect`."""

Key = TypeVar("Key", bound=Hashable)
"""A feature, or a segment and a feature."""


@dataclass(frozen=True, slots=True)
class FeatureTest:
    """What was tested of one feature in one window.

    Attributes
    ----------
    value_p_value : of "the values are distributed otherwise"; None where not tested
    effect : size of that shift; None where it has none
    missing_p_value : of "a larger share is missing"; None where nothing is missing
    missing_increase : by how much that share grew
    unseen_p_value : of "values came up that were not there"; None where there are none
    unseen_effect : size of that shift
    """

    value_p_value: float | None
    effect: float | None
    missing_p_value: float | None
    missing_increase: float
    unseen_p_value: float | None = None
    unseen_effect: float = 0.0

    @property
    def p_value(self) -> float:
        """Of "any of the three": the smallest one after Holm's correction."""
        return min(p for p in self.adjusted if p is not None)

    @property
    def adjusted(self) -> tuple[float | None, ...]:
        """p-values of values, missing and unseen ones after Holm's correction."""
        return holm(self.value_p_value, self.missing_p_value, self.unseen_p_value)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of one feature."""

    q_value: float
    drifted: bool


def decide(
    tests: Mapping[Key, FeatureTest],
    alpha: float,
    effect_min: float = EFFECT_MIN,
    floors: Mapping[Key, float] = MappingProxyType({}),
) -> dict[Key, Decision]:
    """Decide which features drifted in one decision window.

    Parameters
    ----------
    tests : by feature, or by segment and feature: of all that share the budget
    alpha : chance of any false alarm in this window (`stream.stats.drift.budget`)
    effect_min : smaller shifts are no drift
    floors : the same of features that have one of their own

    Returns
    -------
    By feature. The q-value, Benjamini and Hochberg's over features, decides: a feature drifted
    when it is at most `alpha`, and what was found is large enough.

    Notes
    -----
    Values, missing and unseen ones have a floor each, so the one that was found must be the one
    that is large: its own p-value, after Holm's correction, is at most the largest rejected one.

    Examples
    --------
    >>> tests = {"age": FeatureTest(1e-9, 0.3, None, 0.0), "income": FeatureTest(0.4, 0.0, None, 0)}
    >>> decide(tests, alpha=0.01)["age"]
    Decision(q_value=2e-09, drifted=True)
    """
    if not tests:
        return {}
    p_values = np.array([test.p_value for test in tests.values()])
    adjusted = q_values(p_values)
    rejected = p_values[adjusted <= alpha]
    bound = float(rejected.max()) if len(rejected) else -1.0
    return {
        name: Decision(
            q_value, q_value <= alpha and _is_large(test, bound, floors.get(name, effect_min))
        )
        for (name, test), q_value in zip(tests.items(), adjusted.tolist(), strict=True)
    }


def _is_large(test: FeatureTest, p_value_max: float, effect_min: float) -> bool:
    large = (
        (test.effect or 0.0) >= effect_min,
        test.missing_increase >= INCREASE_MIN,
        test.unseen_effect >= effect_min,
    )
    return any(
        p_value is not None and p_value <= p_value_max and enough
        for p_value, enough in zip(test.adjusted, large, strict=True)
    )
