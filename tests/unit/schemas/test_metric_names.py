import pytest

from schemas.metric_names import describe


@pytest.mark.parametrize(
    ("name", "group", "unit"),
    [
        ("accuracy", "classification", "share"),
        ("accuracy_low", "classification", "share"),
        ("rmse_high", "regression", "target"),
        ("metric.revenue.p95", "custom", "as sent"),
        ("concept_drift", "concept drift", "bool"),
        ("estimated_f1_error", "without labels", "share"),
        ("fairness.sex.demographic_parity_ratio", "fairness", "ratio"),
        ("fairness.tags.country.equal_opportunity_p_value", "fairness", "p"),
        ("fairness.a.b.equalized_odds_difference_high", "fairness", "share"),
    ],
)
def test_names_of_figures(name: str, group: str, unit: str) -> None:
    metric = describe(name)
    assert metric is not None
    assert (metric.name, metric.group, metric.unit) == (name, group, unit)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "throughput_per_s_low",
        "concept_drift_low",
        "accuracy_error",
        "_error",
        "demographic_parity_difference",
        "fairness.demographic_parity_difference",
        "fairness.sex.accuracy",
        "fairness.sex.demographic_parity_ratio_low",
    ],
)
def test_names_of_nothing(name: str) -> None:
    assert describe(name) is None
