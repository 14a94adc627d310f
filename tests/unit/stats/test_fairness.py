"""Fairness between groups: values by hand, a published interval, and what chance alone does."""

import numpy as np
import pytest

from stream.stats.fairness import Outcomes, disparities
from stream.stats.two_samples import wilson_interval

F = Outcomes(true_positives=45, false_positives=15, true_negatives=75, false_negatives=15)
M = Outcomes(true_positives=54, false_positives=18, true_negatives=42, false_negatives=6)


def test_values_by_hand() -> None:
    """Selected 60 of 150 and 72 of 120; recalled 45 and 54 of 60; mistaken 15 of 90, 18 of 60."""
    found = disparities({"f": F, "m": M})
    parity, opportunity, odds = found.values()
    assert list(found) == ["demographic_parity", "equal_opportunity", "equalized_odds"]
    assert parity.difference == pytest.approx(0.6 - 0.4)
    assert parity.ratio == pytest.approx(2 / 3)
    assert opportunity.difference == pytest.approx(0.9 - 0.75)
    assert opportunity.ratio == pytest.approx(0.75 / 0.9)
    assert odds.difference == pytest.approx(0.9 - 0.75)
    assert odds.ratio == pytest.approx((15 / 90) / (18 / 60))
    for one in found.values():
        assert (one.lowest, one.highest, one.groups) == ("f", "m", 2)
        assert one.low < one.difference < one.high


def test_the_larger_difference_of_equalized_odds_may_be_that_of_mistakes() -> None:
    odds = disparities({"f": Outcomes(45, 10, 90, 15), "m": Outcomes(46, 30, 70, 14)})[
        "equalized_odds"
    ]
    assert odds.difference == pytest.approx(0.2)
    assert odds.ratio == pytest.approx(1 / 3)


def test_the_interval_of_two_groups_is_the_published_one() -> None:
    """Newcombe 1998, Table II (a), method 10: 56 of 70 and 48 of 80."""
    a = Outcomes(true_positives=56, true_negatives=14)
    b = Outcomes(true_positives=48, true_negatives=32)
    parity = disparities({"a": a, "b": b})["demographic_parity"]
    assert (round(parity.low, 4), round(parity.high, 4)) == (0.0524, 0.3339)


def test_three_groups_have_a_wider_interval_and_a_corrected_p_value() -> None:
    """Bonferroni's quantile for three pairs is that of 1 - 0.05 / 6: 2.394."""
    groups = {
        "a": Outcomes(true_positives=20, true_negatives=80),
        "b": Outcomes(true_positives=30, true_negatives=70),
        "c": Outcomes(true_positives=40, true_negatives=60),
    }
    three = disparities(groups)["demographic_parity"]
    two = disparities({name: groups[name] for name in "ac"})["demographic_parity"]
    assert three.groups == 3
    assert three.difference == two.difference == pytest.approx(0.2)
    (low_a, high_a), (low_c, high_c) = (wilson_interval(n, 100, z=2.39398) for n in (20, 40))
    assert three.low == pytest.approx(0.2 - np.hypot(0.4 - low_c, high_a - 0.2), abs=1e-6)
    assert three.high == pytest.approx(0.2 + np.hypot(high_c - 0.4, 0.2 - low_a), abs=1e-6)
    assert three.p_value == pytest.approx(3 * two.p_value)


def test_small_groups_are_left_out_of_the_rates_they_are_too_small_for() -> None:
    few_positives = Outcomes(true_positives=20, false_positives=10, true_negatives=90)
    found = disparities({"f": F, "m": M, "few": few_positives, "tiny": Outcomes(0, 0, 49, 0)})
    assert found["demographic_parity"].groups == 3
    assert found["demographic_parity"].lowest == "few"
    assert found["equal_opportunity"].groups == 2
    assert disparities({"f": F, "tiny": Outcomes(0, 0, 49, 0)}) == {}
    assert list(disparities({"f": F, "few": few_positives})) == ["demographic_parity"]
    assert disparities({"f": F, "tiny": Outcomes(0, 0, 49, 0)}, min_group=49)


def test_one_group_or_none_has_nothing_to_compare() -> None:
    assert disparities({}) == {}
    assert disparities({"f": F}) == {}


def test_nobody_selected_is_equal_and_has_no_ratio() -> None:
    nobody = Outcomes(true_negatives=100, false_negatives=100)
    parity = disparities({"f": nobody, "m": nobody})["demographic_parity"]
    assert (parity.difference, parity.ratio, parity.p_value) == (0.0, None, 1.0)
    assert parity.low < 0 < parity.high


def test_of_many_equal_groups_the_furthest_two_look_unfair_by_chance_only_rarely() -> None:
    rng = np.random.default_rng(9)
    excluded = rejected = 0
    for _ in range(400):
        hits = rng.binomial(200, 0.3, 6)
        groups = {
            str(i): Outcomes(true_positives=int(n), true_negatives=200 - int(n))
            for i, n in enumerate(hits)
        }
        parity = disparities(groups)["demographic_parity"]
        excluded += parity.low > 0
        rejected += parity.p_value < 0.05
    limit = 0.05 * 400 + 3 * (0.05 * 0.95 * 400) ** 0.5
    assert excluded <= limit
    assert 0 < rejected <= limit
