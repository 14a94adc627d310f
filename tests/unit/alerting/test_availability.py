"""Where figures are to be found, beside what engine and baselines do."""

import doctest
import importlib

import pytest

from schemas.baselines import Baseline, BaselinePerformance, FeatureBaseline
from schemas.features import FeatureKind
from schemas.metric_names import BASELINE_FIGURES, METRIC_NAMES
from schemas.models import Task
from stream.alerting.availability import baseline_holds, is_only_in_tumbling, why_in_no_report
from stream.alerting.figures import baseline_figure

HELD = Baseline(
    model_name="credit",
    model_version="3",
    rows=10,
    features={"age": FeatureBaseline(kind=FeatureKind.NUMERIC, mean=1.0, std=1.0, min=0.0, max=2)},
    performance=BaselinePerformance(
        task=Task.BINARY,
        positive_class="1",
        labelled=10,
        figures=dict.fromkeys(BASELINE_FIGURES, 1.0),
    ),
    figures={"metric.cost.mean": 1.0},
)


@pytest.mark.parametrize("name", ["availability", "never_judged", "unit_test_series"])
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"stream.alerting.{name}")).failed == 0


@pytest.mark.parametrize(
    "name",
    [
        *METRIC_NAMES,
        "f1_high",
        "accuracy_low",
        "estimated_f1_low",
        "metric.cost.mean",
        "metric.cost.p95",
        *(f"feature.age.{x}" for x in ("mean", "std", "min", "max", "missing_rate", "psi", "p95")),
    ],
)
def test_a_baseline_that_holds_all_it_can_holds_what_is_said(name: str) -> None:
    assert baseline_holds(name) is (baseline_figure(HELD, name) is not None)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("error_rate", None),
        ("count", None),
        ("label_count", None),
        ("accuracy_low", None),
        ("estimated_f1_error", None),
        ("metric.basket.p95", None),
        ("fairness.sex.equal_opportunity_ratio", None),
        ("feature.home.city.psi", None),
        ("feature.age.count", None),
        ("acuracy", "did you mean `accuracy`?"),
        ("error rate", "did you mean `error_rate`?"),
        ("Accuracy", "did you mean `accuracy`?"),
        ("psi", "did you mean `feature.*.psi`?"),
        ("feature.age.psii", "did you mean `feature.age.psi`?"),
        ("feature.age", "no known figure"),
        ("metric.cost", "did you mean `metric.cost.mean`?"),
        ("fairness.sex.equal_oportunity_ratio", "`fairness.sex.equal_opportunity_ratio`?"),
        ("revenue", "`metric.NAME.mean`"),
        ("throughput_spike", "live window only"),
        ("concept_drift", "live window only"),
        ("feature.age.kind", "is text"),
    ],
)
def test_what_no_report_carries(name: str, why: str | None) -> None:
    found = why_in_no_report(name)
    assert (found is None) if why is None else (found is not None and why in found)


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("accuracy", True),
        ("label_coverage", True),
        ("drift_share", True),
        ("feature.age.drifted", True),
        ("feature.age.psi", False),
        ("estimated_f1", False),
        ("error_rate", False),
        ("class_imbalance", False),
    ],
)
def test_what_is_in_whole_windows_only(name: str, only: bool) -> None:
    assert is_only_in_tumbling(name) is only
