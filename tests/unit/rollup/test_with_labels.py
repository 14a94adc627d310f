"""Reports with what labels tell of them."""

from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from schemas.metrics import Window, WindowReport, report_id, with_report_id
from schemas.models import Task
from schemas.windows import WindowSpec
from stream.rollup.labelled_window import LabelledWindow
from stream.rollup.labels import SPACING_MS_MAX, has_labels, spacing_ms
from stream.rollup.performance import PerformanceTerms
from stream.rollup.with_labels import LabelContext, with_labels
from stream.state.codec import NameCounts
from stream.window.labelled import PAIRS_MAX, LabelCounts
from stream.window.panes import DAY_MS, HOUR_MS, MINUTE_MS

TERMS = PerformanceTerms(task=Task.BINARY)


def report(segment: str | None = None, **metrics: Any) -> WindowReport:
    return with_report_id(
        WindowReport(
            id="",
            model_name="credit",
            model_version="1",
            segment=segment,
            window=Window(name="1h", size_ms=HOUR_MS, start=0, end=HOUR_MS, tumbling=True),
            revision=100,
            complete=True,
            exact=True,
            count=100,
            sampled_count=100,
            label_count=0,
            baseline=None,
            config_id=None,
            metrics=metrics,
            features={},
        )
    )


def labels(right: int, wrong: int, corrected: int = 0, waiting: int = 0) -> LabelCounts:
    labelled = right + wrong
    pairs = {"1\x1f1": right, "1\x1f0": wrong}
    return LabelCounts(
        np.array([labelled + waiting, labelled, corrected, 0]),
        NameCounts(PAIRS_MAX, 0, {name: n for name, n in pairs.items() if n}),
    )


def test_labels_raise_the_revision_and_add_figures() -> None:
    made = with_labels([report(error_rate=0.5)], labels(6, 2, 3, 2), LabelContext(TERMS))[0]
    assert (made.revision, made.label_count, made.count) == (111, 8, 100)
    assert made.metrics["accuracy"] == 0.75
    assert made.metrics["label_coverage"] == 0.8
    assert made.metrics["error_rate"] == 0.5
    assert made.confusion == {"1": {"1": 6}, "0": {"1": 2}}
    assert made.id == report_id(made)


def test_a_segment_is_told_by_its_own_labels() -> None:
    counts = labels(6, 2)
    counts.segments = {"country=FR": labels(1, 3)}
    parts = [report(), report("country=FR"), report("country=DE")]
    whole, france, germany = with_labels(parts, counts, LabelContext(TERMS))
    assert (whole.metrics["accuracy"], france.metrics["accuracy"]) == (0.75, 0.25)
    assert germany == report("country=DE")


def test_estimates_are_compared_with_what_was_measured() -> None:
    made = with_labels([report(estimated_accuracy=0.8)], labels(6, 2), LabelContext(TERMS))[0]
    assert abs(float(made.metrics["estimated_accuracy_error"]) - 0.05) < 1e-12
    assert "estimated_f1_error" not in made.metrics


def test_installed_metrics_see_the_counts() -> None:
    class Cost:
        def figures(self, window: LabelledWindow) -> dict[str, float]:
            return {"metric.cost.value": 10.0 * window.confusion["1", "0"]}

    made = with_labels([report()], labels(6, 2), LabelContext(TERMS, Cost()))[0]
    assert made.metrics["metric.cost.value"] == 20.0


def test_a_report_that_waits_for_no_label_stays_as_it_is() -> None:
    assert with_labels([report()], LabelCounts(), LabelContext(TERMS)) == [report()]


def test_the_same_counts_give_the_same_bytes() -> None:
    made = [with_labels([report()], labels(6, 2, 1), LabelContext(TERMS))[0] for _ in range(2)]
    assert msgspec.json.encode(made[0]) == msgspec.json.encode(made[1])
    assert made[0].reliability is UNSET


def test_tumbling_windows_from_an_hour_on_carry_performance() -> None:
    hour, minutes = WindowSpec(HOUR_MS, 5 * MINUTE_MS, "1h"), WindowSpec(5 * MINUTE_MS, 60, "5m")
    assert has_labels(hour, 7 * HOUR_MS)
    assert not has_labels(hour, 7 * HOUR_MS + 5 * MINUTE_MS)
    assert not has_labels(minutes, HOUR_MS)


def test_old_windows_are_reported_less_often() -> None:
    ages_ms = (0, 20 * MINUTE_MS, DAY_MS)
    assert [spacing_ms(age, 30_000) for age in ages_ms] == [30_000, 60_000, SPACING_MS_MAX]
