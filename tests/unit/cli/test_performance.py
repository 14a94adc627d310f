"""``metrics --performance``: what a person sees, and what is wrong usage."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from schemas.config import parse_config
from schemas.metrics import Window, WindowReport
from schemas.records import record_key
from stream.cli.main import main
from stream.cli.performance import coverage_minimums, only_performance, recent_ms
from stream.cli.performance_table import show

DAY_MS = 86_400_000
END = 1_789_948_800_000
"""2026-09-21 00:00."""

Show = Callable[..., list[str]]


def report(metrics: dict[str, Any], **fields: Any) -> WindowReport:
    end = fields.pop("end", END)
    window = Window(name="1d", size_ms=DAY_MS, start=end - DAY_MS, end=end, tumbling=True)
    known: dict[str, Any] = {
        "id": "",
        "model_name": "credit",
        "model_version": "3",
        "segment": None,
        "window": window,
        "revision": 1,
        "complete": True,
        "exact": True,
        "count": 14_400,
        "sampled_count": 14_400,
        "label_count": 12_960,
        "baseline": None,
        "config_id": None,
        "features": {},
        **fields,
    }
    return WindowReport(**known, metrics={"label_coverage": 0.9} | metrics)


def interval(name: str, value: float, by: float) -> dict[str, float]:
    return {name: value, f"{name}_low": value - by, f"{name}_high": value + by}


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    """Print reports; returns the lines, blanks inside them made single."""

    def shown(*reports: WindowReport, minimum: float = 0.8, width: int = 240, **more: Any) -> Any:
        monkeypatch.setenv("COLUMNS", str(width))
        show(reports, {of.model_version: minimum for of in reports}, **more)
        printed = capsys.readouterr().out.splitlines()
        assert max(len(line.rstrip()) for line in printed if not line.startswith("·")) <= width
        return [" ".join(line.split()) for line in printed if line.strip()]

    return shown


def test_a_figure_is_shown_with_its_interval(shown: Show) -> None:
    lines = shown(report(interval("accuracy", 0.9123, 0.02) | {"log_loss": 0.2345}))
    assert lines[0] == "credit 3 · 1d"
    assert lines[1] == "Window ends Events Labels Coverage accuracy log loss"
    assert lines[3:] == ["2026-09-21 00:00 14,400 12,960 90 % 0.912 [0.892, 0.932] 0.234"]


def test_estimates_and_changes_stand_below_with_what_they_mean(shown: Show) -> None:
    lines = shown(
        report(
            interval("accuracy", 0.91, 0.01)
            | interval("estimated_accuracy", 0.95, 0.005)
            | {"accuracy_change": -0.04, "f1": 0.8, "f1_change": 0.0}
        )
    )
    assert lines[3:7] == [
        "2026-09-21 00:00 14,400 12,960 90 % measured 0.910 [0.900, 0.920] 0.800",
        "change -0.040 0.000",
        "estimated 0.950 [0.945, 0.955]",
        "gap -0.040",
    ]
    notes = [line.split(":")[0] for line in lines[7:]]
    assert notes == ["· change", "· estimated", "· gap"]
    assert "the baseline's calibration" in lines[8]
    assert "but not their relation to the label" in lines[8]


def test_a_window_with_few_labels_is_immature_and_still_estimated(shown: Show) -> None:
    few = {"label_coverage": 0.03, "accuracy": 0.7, "estimated_accuracy": 0.95}
    lines = shown(report({"accuracy": 0.9}), report(few, end=END + DAY_MS))
    assert "measured 0.900" in lines[3]
    assert lines[4:7] == [
        "2026-09-22 00:00 14,400 12,960 3 % immature 0.700",
        "estimated 0.950",
        "gap -0.250",
    ]
    assert lines[7].startswith("· immature: less than 80 % of the predictions have their label")
    assert "immature" not in " ".join(shown(report(few), minimum=0.03))


def test_a_window_without_labels_has_its_estimates(shown: Show) -> None:
    lines = shown(report({"label_coverage": 0.0, "estimated_f1": 0.8}, label_count=0))
    assert lines[3:5] == ["2026-09-21 00:00 14,400 0 0 % immature –", "estimated 0.800"]


def test_figures_of_regression_are_in_their_own_units(shown: Show) -> None:
    figures = interval("mae", 10.52, 0.3) | {"rmse": 52_310.4, "mape": 0.125, "r2": 0.93}
    lines = shown(report(figures | {"bias": -0.021, "rmse_change": 1_200.0}))
    assert lines[1] == "Window ends Events Labels Coverage mae rmse mape r2 bias"
    assert lines[3].endswith("measured 10.5 [10.2, 10.8] 52,310 0.125 0.93 -0.021")
    assert lines[4] == "change +1,200"


def test_one_window_of_many_classes_has_them_below(shown: Show) -> None:
    classes: dict[str, dict[str, int | float]] = {
        "[b]cat": {"precision": 0.9, "recall": 0.5, "f1": 0.643, "support": 40},
        "dog": {"recall": 0.0, "support": 60},
    }
    classes |= {f"rare {number:02}": {"support": 0} for number in range(20)}
    one = report({"accuracy": 0.7}, classes=classes)
    lines = shown(one)
    at = lines.index("Class Labels precision recall f1")
    assert lines[at + 2 : at + 4] == ["dog 60 – 0.000 –", "[b]cat 40 0.900 0.500 0.643"]
    assert "· 2 smaller classes: --json has all" in lines
    assert "Class" not in " ".join(shown(one, report({"accuracy": 0.7}, end=END + DAY_MS)))


def test_figures_of_rankings_are_shown(shown: Show) -> None:
    lines = shown(report({"ndcg_at_10": 0.5, "mrr": 0.4, "hit_rate_at_10": 0.75}))
    assert lines[1].endswith("ndcg at 10 mrr hit rate at 10")
    assert lines[3].endswith("0.500 0.400 0.750")


def test_what_does_not_fit_goes_into_more_tables(shown: Show) -> None:
    figures: dict[str, float] = {}
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        figures |= interval(name, 0.9, 0.01)
    reports = report(figures), report(figures | {"accuracy_change": 0.01}, end=END + DAY_MS)
    heads = [line for line in shown(*reports, width=80) if line.startswith("Window ends")]
    assert heads == [
        "Window ends Events Labels Coverage accuracy",
        "Window ends precision recall",
        "Window ends f1 roc auc",
    ]
    (wide,) = [line for line in shown(*reports) if line.startswith("Window ends")]
    assert wide.endswith("accuracy precision recall f1 roc auc")
    first, *_ = [line for line in shown(*reports, width=50) if line.startswith("Window ends")]
    assert first == "Window ends Events Labels Coverage"


def test_each_version_has_its_table_and_the_newest_windows(shown: Show) -> None:
    days = [report({"f1": 0.5}, end=END + day * DAY_MS) for day in range(5)]
    lines = shown(*days, report({"mae": 1.0}, model_version="4"), windows_max=2)
    assert [line for line in lines if " · 1d" in line] == ["credit 3 · 1d", "credit 4 · 1d"]
    assert [line[:10] for line in lines if line.startswith("2026")] == [
        "2026-09-24",
        "2026-09-25",
        "2026-09-21",
    ]
    assert "· 3 older windows: --since shows them" in lines


def test_an_incomplete_window_says_so(shown: Show) -> None:
    lines = shown(report({"f1": 0.5}, complete=False))
    assert lines[3].startswith("2026-09-21 00:00 incomplete 14,400")


def test_without_any_performance_a_sentence_says_what_to_do(shown: Show) -> None:
    (said,) = shown(report({"error_rate": 0.0, "label_coverage": 0.0}, label_count=0))
    assert said.startswith("credit 3 has no performance in the window of 1d: send labels with")
    assert "`streamgauge emit-labels FILE`" in said
    (said,) = shown(report({}, label_count=7), report({}, end=END + DAY_MS, label_count=5))
    assert "in any of 2 windows of 1d, though 12 requests have a label" in said


def test_json_has_the_performance_alone() -> None:
    performance = {
        "accuracy": 0.9,
        "accuracy_low": 0.8,
        "accuracy_change": -0.1,
        "estimated_f1": 0.5,
        "label_coverage": 0.9,
        "label_delay_p50_ms": 5.0,
        "metric.rating.mean": 4.0,
        "fairness.country.equal_opportunity_ratio": 0.9,
    }
    other = {"error_rate": 0.1, "latency_p95_ms": 3.0, "prediction_psi": 0.2}
    given = report(
        performance | other, features={"age": {"psi": 0.1}}, confusion={"0": {"0": 12_960}}
    )
    kept = only_performance(given)
    assert kept.metrics == performance
    assert kept.features == {}
    assert (kept.count, kept.window, kept.confusion) == (given.count, given.window, given.confusion)


def test_each_version_has_its_own_minimum_of_coverage() -> None:
    table = {"model_name": "credit", "labels": {"min_coverage": 0.5}}
    parsed = parse_config([table, table | {"model_version": "4", "labels": {"min_coverage": 0.2}}])
    records = {record_key(model): model for model in parsed.models}
    assert coverage_minimums(records, "credit", ["3", "4"]) == {"3": 0.5, "4": 0.2}
    assert coverage_minimums({}, "credit", ["3"]) == {"3": 0.8}


def test_reports_are_read_as_far_back_as_labels_may_revise_them() -> None:
    assert recent_ms("1h", END) == recent_ms("1d", END) == END - 7 * DAY_MS
    assert recent_ms("7d", END) == END - 14 * DAY_MS


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--window", "5m"), "--performance: labels are counted in windows of 1h and longer"),
        (("--metric", "accuracy"), "--performance goes without --metric and --aggregate"),
        (("--aggregate", "mean", "--since", "1d"), "--performance goes without --metric"),
        (("--since", "1d", "--until", "2d"), "--until lies before --since"),
        ((), "no Kafka is configured"),
    ],
)
def test_wrong_usage(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    why: str,
) -> None:
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", "/nonexistent")
    monkeypatch.setattr(
        sys, "argv", ["streamgauge", "metrics", "credit", "--performance", *options]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())
