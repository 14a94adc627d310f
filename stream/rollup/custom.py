"""Figures that users sent along with events or with labels: ``metric.<name>.<statistic>``.

Sums and means are exact but for the 2**-33 of each value that it is held to, the smallest and the
largest value of events exact, quantiles within 1.1 % (:mod:`stream.sketches.magnitudes`). Of
figures that come with labels the smallest and the largest are within 1.1 % too: a label may be
taken back, which no extreme can be.
"""

from collections.abc import Mapping

from stream.arrays import IntArray
from stream.sketches import magnitudes
from stream.sketches.exact_sums import ExactSums
from stream.window.custom import CustomCounts, keep_names
from stream.window.labelled import METRIC

QUANTILES = {"p50": 0.5, "p95": 0.95}


def custom_figures(custom: Mapping[str, CustomCounts]) -> dict[str, float]:
    """Figures of a window that came with its events.

    Parameters
    ----------
    custom : what was counted, by name

    Returns
    -------
    ``metric.<name>.{mean,sum,min,max,p50,p95}`` of each name that has values.

    Examples
    --------
    >>> import numpy as np
    >>> basket = CustomCounts.of(np.array([10.0, 20.0, 60.0]))
    >>> custom_figures({"basket": basket})["metric.basket.mean"]
    30.0
    """
    figures: dict[str, float] = {}
    for name in sorted(custom):
        found = _statistics(custom[name])
        figures |= {f"{METRIC}{name}.{statistic}": value for statistic, value in found.items()}
    return figures


def delayed_figures(
    sums: Mapping[str, ExactSums], counts: Mapping[str, IntArray]
) -> dict[str, float]:
    """Figures of a window that came with its labels, or were measured of its model.

    Parameters
    ----------
    sums, counts : `LabelCounts.sums` and its ``magnitudes``

    Returns
    -------
    As `custom_figures`.
    """
    late = {
        key.removeprefix(METRIC): CustomCounts(of)
        for key, of in sums.items()
        if key.startswith(METRIC) and of.count > 0
    }
    for name, one in late.items():
        if name in counts and counts[name].any():
            one.blocks = magnitudes.split(counts[name])
            one.low, one.high = magnitudes.extremes(counts[name])
    return custom_figures(keep_names(late))


def figure_changes(
    figures: Mapping[str, bool | float], baseline: Mapping[str, float]
) -> dict[str, float]:
    """How far means of figures are from the baseline's: ``metric.<name>.mean_change``.

    Examples
    --------
    >>> figure_changes({"metric.rating.mean": 4.5}, {"metric.rating.mean": 4.0})
    {'metric.rating.mean_change': 0.5}
    """
    known = baseline.keys() & figures.keys()
    return {f"{name}_change": figures[name] - baseline[name] for name in sorted(known)}


def _statistics(one: CustomCounts) -> dict[str, float]:
    mean = one.sums.mean
    if mean is None:
        return {}
    found = {"mean": mean, "sum": one.sums.total}
    if one.low <= one.high:
        found |= {"min": one.low, "max": one.high}
        values = {name: magnitudes.quantile(one.magnitudes, q) for name, q in QUANTILES.items()}
        found |= {n: min(max(v, one.low), one.high) for n, v in values.items() if v is not None}
    return found
