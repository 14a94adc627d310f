"""Fairness of a window: its segments against each other, by the label join's counts."""

from collections.abc import Mapping

from stream.stats.fairness import GROUP_MIN, Outcomes, disparities
from stream.window.labelled import LabelCounts
from stream.window.segments import OTHER, segment_name, split_name

PREFIX = "fairness."


def outcomes(counts: LabelCounts, positive: str) -> Outcomes:
    r"""Labelled requests by what was said and what was.

    Parameters
    ----------
    counts : of a segment
    positive : the class that is a positive decision; every other one is a negative one

    Examples
    --------
    >>> from stream.state.codec import NameCounts
    >>> pairs = NameCounts(4096, 0, {"1\x1f1": 7, "1\x1f0": 2, "0\x1f0": 11})
    >>> outcomes(LabelCounts(pairs=pairs), "1")
    Outcomes(true_positives=7, false_positives=2, true_negatives=11, false_negatives=0)
    """
    cells = {(said, was): 0 for said in (True, False) for was in (True, False)}
    for (predicted, actual), n in counts.confusion().items():
        cells[predicted == positive, actual == positive] += n
    return Outcomes(
        true_positives=cells[True, True],
        false_positives=cells[True, False],
        true_negatives=cells[False, False],
        false_negatives=cells[False, True],
    )


def fairness_figures(
    segments: Mapping[str, LabelCounts], positive: str, min_group: int = GROUP_MIN
) -> dict[str, float]:
    """Figures of fairness between the values of each column that splits the traffic.

    Parameters
    ----------
    segments : label counts of a window by segment, ``column=value``
    positive : the class that is a positive decision
    min_group : labelled requests that a rate of a group must rest on

    Returns
    -------
    By ``fairness.<column>.<figure>``: of each criterion its `_difference`, with `_difference_low`
    and `_difference_high`, its `_ratio` and its `_p_value`. What can't be computed is absent.

    Notes
    -----
    All rates are of labelled requests, the selection rate too. The segment `other` is no group: it
    mixes rare values with missing ones.
    """
    columns: dict[str, dict[str, Outcomes]] = {}
    for segment, counts in segments.items():
        column = split_name(segment)
        if segment != segment_name(column, OTHER):
            columns.setdefault(column, {})[segment] = outcomes(counts, positive)
    figures: dict[str, float] = {}
    for column in sorted(columns):
        for criterion, found in disparities(columns[column], min_group).items():
            name = f"{PREFIX}{column}.{criterion}"
            figures[f"{name}_difference"] = found.difference
            figures[f"{name}_difference_low"] = found.low
            figures[f"{name}_difference_high"] = found.high
            if found.ratio is not None:
                figures[f"{name}_ratio"] = found.ratio
            figures[f"{name}_p_value"] = found.p_value
    return figures
