"""Fairness figures of a window: which segments are compared, under which names."""

import pytest

from schemas.metric_names import FAIRNESS_METRIC_NAMES, describe
from stream.rollup.fairness import fairness_figures, outcomes
from stream.state.codec import NameCounts
from stream.stats.fairness import Outcomes
from stream.window.labelled import PAIRS_MAX, LabelCounts


def counted(tp: int, fp: int, tn: int, fn: int) -> LabelCounts:
    pairs = {"yes\x1fyes": tp, "yes\x1fno": fp, "no\x1fno": tn, "no\x1fyes": fn}
    return LabelCounts(pairs=NameCounts(PAIRS_MAX, 0, pairs))


SEGMENTS = {
    "sex=f": counted(45, 15, 75, 15),
    "sex=m": counted(54, 18, 42, 6),
    "sex=other": counted(100, 0, 0, 0),
    "tags.country=FR": counted(50, 50, 50, 50),
    "tags.country=DE": counted(60, 60, 40, 40),
    "tags.country=IT": counted(10, 10, 10, 10),
    "plan=a": counted(50, 50, 50, 50),
}


def test_segments_of_a_column_are_compared_with_each_other() -> None:
    figures = fairness_figures(SEGMENTS, "yes")
    assert {name.rpartition(".")[0] for name in figures} == {
        "fairness.sex",
        "fairness.tags.country",
    }
    assert figures["fairness.sex.demographic_parity_difference"] == pytest.approx(0.2)
    assert figures["fairness.sex.demographic_parity_ratio"] == pytest.approx(2 / 3)
    assert figures["fairness.sex.equal_opportunity_difference"] == pytest.approx(0.15)
    assert figures["fairness.sex.equalized_odds_ratio"] == pytest.approx(5 / 9)
    assert figures["fairness.tags.country.equalized_odds_difference"] == pytest.approx(0.1)


def test_every_figure_is_registered_and_computed() -> None:
    figures = fairness_figures(SEGMENTS, "yes")
    of_sex = [name.rpartition(".")[2] for name in figures if name.startswith("fairness.sex.")]
    assert of_sex == list(FAIRNESS_METRIC_NAMES)
    for name in figures:
        metric = describe(name)
        assert metric is not None
        assert metric.group == "fairness"


def test_small_groups_can_be_let_in() -> None:
    default = fairness_figures(SEGMENTS, "yes")
    all_in = fairness_figures(SEGMENTS, "yes", min_group=1)
    name = "fairness.tags.country.demographic_parity_p_value"
    assert all_in[name] > default[name]  # three pairs instead of one


def test_the_positive_class_is_what_is_asked_for() -> None:
    counts = counted(1, 2, 3, 4)
    assert outcomes(counts, "yes") == Outcomes(1, 2, 3, 4)
    assert outcomes(counts, "no") == Outcomes(3, 4, 1, 2)
    assert outcomes(counts, "maybe") == Outcomes(0, 0, 10, 0)


def test_nobody_selected_has_no_ratio() -> None:
    figures = fairness_figures({"a=x": counted(0, 0, 60, 60), "a=y": counted(0, 0, 60, 60)}, "yes")
    assert figures["fairness.a.demographic_parity_difference"] == 0.0
    assert "fairness.a.demographic_parity_ratio" not in figures


def test_without_segments_there_is_nothing() -> None:
    assert fairness_figures({}, "yes") == {}
