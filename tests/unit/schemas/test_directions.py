"""Which way figures are better."""

import pytest

from schemas.directions import BETTER, Better, better
from schemas.metric_names import METRIC_NAMES

PERFORMANCE = {"classification", "regression", "ranking", "without labels"}


def test_every_figure_in_it_is_one() -> None:
    assert BETTER.keys() <= METRIC_NAMES.keys()


def test_every_figure_of_performance_has_a_direction() -> None:
    performance = {m.name for m in METRIC_NAMES.values() if m.group in PERFORMANCE}
    assert performance <= BETTER.keys()


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("accuracy", Better.HIGHER),
        ("accuracy_high", Better.HIGHER),
        ("latency_ms", Better.LOWER),
        ("bias", Better.NEAR_ZERO),
        ("throughput_spike", None),  # of the live window alone: no report has it
        ("concept_drift", None),
        ("fairness.tags.country.demographic_parity_difference", Better.LOWER),
        ("fairness.sex.equalized_odds_difference_high", Better.LOWER),
        ("fairness.sex.equalized_odds_ratio", Better.HIGHER),
        ("fairness.sex.equalized_odds_p_value", None),
        ("demographic_parity_difference", None),
        ("estimated_f1_error", Better.NEAR_ZERO),
        ("calibration_error", Better.LOWER),
        ("metric.cost.value", None),
        ("drift_p_value", None),
        ("high", None),
    ],
)
def test_better(name: str, way: Better | None) -> None:
    assert better(name) is way
