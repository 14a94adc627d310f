"""Short series become the reports that a model version would have."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import parse_model
from schemas.metrics import WindowReport, report_id
from schemas.models import ModelConfig
from stream.alerting.unit_test_form import ConfigError, SeriesForm
from stream.alerting.unit_test_series import REPORTS_MAX, parse_values, reports_of

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
START = 20_454 * DAY_MS


def made(
    models: tuple[ModelConfig, ...] = (), *, baseline: bool = False, **fields: Any
) -> list[WindowReport]:
    series = msgspec.convert({"model_name": "credit", "window": "5m", **fields}, SeriesForm)
    return reports_of(series, START, models, baseline, "here")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.01 0.02", [0.01, 0.02]),
        ("0.2x3 _ 1", [0.2, 0.2, 0.2, None, 1.0]),
        ("_x2 truex2 false", [None, None, True, True, False]),
        ("0+2x3", [0.0, 2.0, 4.0]),
        ("-1-1x2 1e-3", [-1.0, -2.0, 0.001]),
        ("5x0 1", [1.0]),
        ("  1\n 2 ", [1.0, 2.0]),
    ],
)
def test_values(text: str, values: list[Any]) -> None:
    found = parse_values(text)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    "text", ["", " ", "0.1,0.2", "x3", "1x", "1+2", "1 + 2x3", "_+1x3", "nan", "inf", "1x-2", "--1"]
)
def test_no_values(text: str) -> None:
    with pytest.raises(ValueError, match="is no value"):
        parse_values(text)


def test_there_are_not_too_many() -> None:
    assert len(parse_values(f"1x{REPORTS_MAX}")) == REPORTS_MAX
    for text in ("1x999999999", f"1x{REPORTS_MAX} 2"):
        with pytest.raises(ValueError, match="more than 100,000 values"):
            parse_values(text)


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 5))))
def test_repeats_are_the_same_as_writing_it_out(values: list[tuple[float, int]]) -> None:
    short = " ".join(f"{value!r}x{times}" for value, times in values)
    long = " ".join(repr(value) for value, times in values for _ in range(times))
    if values:
        assert parse_values(short) == parse_values(long)


def test_reports_are_as_those_of_a_model() -> None:
    first, second = made(
        values={"error_rate": "0.01 _", "feature.home.city.psi": "_ 0.3", "missing_rate": 0.1},
        model_version="3",
        segment="country=FR",
        count="100 50",
    )
    assert (first.model_name, first.model_version, first.segment) == ("credit", "3", "country=FR")
    window = first.window
    assert (window.name, window.start, window.end) == ("5m", START - 5 * MINUTE_MS, START)
    assert second.window.end == START + MINUTE_MS
    assert (window.tumbling, second.window.tumbling) == (True, False)
    assert (first.metrics, first.features) == ({"error_rate": 0.01, "missing_rate": 0.1}, {})
    assert second.metrics == {"missing_rate": 0.1}
    assert second.features == {"home.city": {"psi": 0.3}}
    assert [(r.count, r.sampled_count, r.label_count) for r in (first, second)] == [
        (100, 100, 0),
        (50, 50, 0),
    ]
    assert first.id == report_id(first)
    assert first.baseline is None
    assert msgspec.json.decode(msgspec.json.encode(first), type=WindowReport) == first


def test_where_no_event_came_there_is_no_report() -> None:
    found = made(values={"error_rate": "0.1 _ 0.2", "latency_ms": 5}, count="10 0 10")
    assert [report.window.end for report in found] == [START, START + 2 * MINUTE_MS]
    assert found[0].metrics["latency_p95_ms"] == 5
    with pytest.raises(ConfigError, match=r"`values.error_rate`: where `count` is 0 .* value 2"):
        made(values={"error_rate": "0.1 0.1 0.2"}, count="10 0 10")


def test_only_counts_are_reports_too() -> None:
    assert [report.count for report in made(count="10 0 30")] == [10, 30]


def test_figures_of_labels_have_labels_and_whole_windows() -> None:
    first, second = made(window="1d", values={"accuracy": "0.9 0.8"})
    assert second.window.end - first.window.end == DAY_MS
    assert (first.label_count, first.metrics["label_coverage"]) == (1000, 1.0)
    (few,) = made(window="1d", values={"accuracy": "0.9"}, label_count=100)
    assert (few.label_count, few.metrics["label_coverage"]) == (100, 0.1)
    (half,) = made(window="1d", values={"accuracy": "0.9", "label_coverage": 0.5})
    assert (half.label_count, half.metrics["label_coverage"]) == (500, 0.5)
    (none,) = made(window="1d", values={"accuracy": "_"}, label_count="0")
    assert none.metrics == {}


def test_decisions_are_in_whole_windows() -> None:
    found = made(window="1h", values={"prediction_drifted": "false true"})
    assert [report.window.end - START for report in found] == [0, HOUR_MS]
    assert [report.metrics["prediction_drifted"] for report in found] == [False, True]


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({"window": "1h"}, [0, 5 * MINUTE_MS]),
        ({"window": "24h"}, [0, HOUR_MS]),
        ({"window": "7d"}, [0, DAY_MS]),
        ({"every": "5m"}, [0, 5 * MINUTE_MS]),
        ({"start": "10m"}, [10 * MINUTE_MS, 11 * MINUTE_MS]),
        ({"start": "2026-01-02T00:00Z"}, [DAY_MS, DAY_MS + MINUTE_MS]),
        ({"start": START + DAY_MS}, [DAY_MS, DAY_MS + MINUTE_MS]),
    ],
)
def test_when_windows_end(fields: dict[str, Any], ends: list[int]) -> None:
    found = made(**fields, values={"error_rate": "0 0"})
    assert [report.window.end - START for report in found] == ends


def test_windows_are_those_of_the_model() -> None:
    models = (
        parse_model({"model_name": "credit", "windows": [{"size": "1h", "every": "1h"}]}),
        parse_model({"model_name": "credit", "model_version": "3", "windows": ["5m"]}),
    )
    first, second = made(models, window="1h", values={"error_rate": "0 0"})
    assert second.window.end - first.window.end == HOUR_MS
    assert made(models, model_version="3", values={"error_rate": "0"})
    with pytest.raises(ConfigError, match="credit has no windows of 2h: there are 1h"):
        made(models, window="2h", values={"error_rate": "0"})


def test_decision_windows_are_windows_too() -> None:
    by_rate = parse_model({"model_name": "credit", "windows": ["5m"]})
    assert made((by_rate,), window="7d", values={"drift_share": "0"})
    fixed = parse_model(
        {"model_name": "credit", "windows": ["5m"], "drift": {"decision_window": "24h"}}
    )
    assert made((fixed,), window="1d", values={"drift_share": "0"})
    with pytest.raises(ConfigError, match="credit has no windows of 7d: there are 5m"):
        made((fixed,), window="7d", values={"drift_share": "0"})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"values": {"eror_rate": "0"}}, "did you mean `error_rate`?"),
        ({"values": {"accuracy": "0.9"}}, "`accuracy` is made of labels, and only windows of 1h"),
        ({"values": {"feature.*.psi": "0.9"}}, "name one feature, such as feature.age.psi"),
        ({"values": {"count": "9"}}, "`count` is no figure but a count: write it beside"),
        ({"values": {"error_rate": "0 x"}}, "`values.error_rate`: 'x' is no value"),
        ({"values": {"error_rate": 0.1}}, "how many reports are there?"),
        ({"values": {}}, "how many reports are there?"),
        (
            {"values": {"error_rate": "0 0", "latency_ms": "1x3"}},
            "`values.error_rate` has 2 values and `values.latency_ms` 3",
        ),
        ({"values": {"error_rate": "0x3"}, "count": "1x2"}, "`count` has 2 values and"),
        ({"values": {"error_rate": "0"}, "count": "1.5"}, "`count`: 1.5 is no whole number"),
        ({"values": {"error_rate": "0"}, "count": "_"}, "`count`: None is no whole number"),
        ({"values": {"error_rate": "0"}, "count": -1}, "`count`: -1 is no whole number"),
        ({"values": {"error_rate": "0"}, "window": "10s"}, "`window`: window '10s'"),
        ({"values": {"error_rate": "0"}, "every": "90s"}, "close every 1m: give a multiple of 1m"),
        ({"values": {"error_rate": "0"}, "every": "0s"}, "give a multiple of 1m"),
        ({"values": {"error_rate": "0"}, "start": "30s"}, "never ends at 2026-01-01 00:00:30"),
        ({"values": {"error_rate": "0"}, "start": "soon"}, "'soon' is no time: write"),
        ({"values": {"error_rate": "0"}, "start": "now"}, "'now' is no time"),
        ({"values": {"error_rate": "0"}, "start": 0}, "lies before 1970"),
        (
            {"values": {"drift_share": "0"}, "window": "1h", "every": "5m"},
            "`drift_share` is only in windows that end at a multiple of 1h: give a multiple of 1h",
        ),
        ({"values": {"drift_share": "0"}, "window": "1h", "start": "5m"}, "ends at 2026-01-01 01"),
    ],
)
def test_reports_that_there_never_are_are_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(**fields)
    assert says in str(caught.value)
    assert str(caught.value).startswith("here")
    assert "\n" not in str(caught.value)
