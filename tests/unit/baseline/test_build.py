import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.baselines import baseline_id
from schemas.features import FeatureKind
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.baseline.features import CATEGORIES_MAX, OTHER_CATEGORIES_MAX
from stream.sketches.grid import category_codes
from stream.stats.reference import Reference


def build(data: Any, **options: Any) -> Any:
    return build_baseline(data, model_name="m", model_version="1", **options)


def feature(values: Any, **options: Any) -> Any:
    return build({"x": values}, **options).features["x"]


def test_kinds_are_those_of_the_values() -> None:
    baseline = build(
        {
            "n": [1.5, 2.5],
            "i": [1, 2],
            "s": ["a", "b"],
            "b": [True, True],
            "d": pa.array(["u", "v"]).dictionary_encode(),
        }
    )
    assert {name: str(f.kind) for name, f in baseline.features.items()} == {
        "n": "numeric",
        "i": "numeric",
        "s": "categorical",
        "b": "boolean",
        "d": "categorical",
    }
    assert baseline.features["b"].categories == ("0", "1")


def test_roles_are_no_features() -> None:
    table = {
        "id": ["1", "2"],
        "timestamp": pa.array([1577836800, 1577923200], pa.timestamp("s")),
        "score": [0.1, 0.9],
        "y": [0, 1],
        "label": [1, 1],
        "age": [3, 4],
        "note": ["a", "b"],
    }
    baseline = build(table, roles={"prediction": "y", "probability": "score"}, ignored=["note"])
    assert set(baseline.features) == {"age"}
    assert baseline.prediction.categories == ("0", "1")
    assert baseline.probability.edges[0] < 0
    assert baseline.probability.edges[-1] == 1
    assert (baseline.start_ms, baseline.end_ms) == (1577836800000, 1577923200000)
    assert baseline.rows == 2


@pytest.mark.parametrize(
    "times",
    [
        [1577836800000, 1577923200000],
        ["2020-01-01T00:00:00Z", "2020-01-02T01:00:00+01:00"],
        pa.array([1577836800, 1577923200], pa.timestamp("s", tz="Europe/Paris")),
        [dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
        pa.array([1577836800000, None], pa.int64()),
    ],
)
def test_event_times_in_any_form(times: Any) -> None:
    baseline = build({"timestamp": times, "x": [1.0, 2.0]})
    assert baseline.start_ms == 1577836800000
    assert baseline.end_ms in {1577836800000, 1577923200000}


def test_the_same_data_has_the_same_id() -> None:
    table = pa.table({"x": [1.0, 2.0, None], "s": ["b", "a", "a"]})
    assert baseline_id(build(table)) == baseline_id(build(table.select(["s", "x"])))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1], "categorical"),
        ([0.0, 1.0, 1.0], "categorical"),
        (["yes", "no", "no"], "categorical"),
        ([True, False, True], "categorical"),
        ([0.5, 1.0, 2.0], "numeric"),
        (list(range(100)), "numeric"),
    ],
)
def test_the_prediction_is_a_class_or_a_quantity(values: Any, kind: Any) -> None:
    prediction = build({"prediction": values}).prediction
    assert prediction.kind == kind


def test_a_kind_can_be_given() -> None:
    assert feature([1, 2, 2], kinds={"x": FeatureKind.CATEGORICAL}).categories == ("1", "2")
    assert feature([0, 1, 1], kinds={"x": FeatureKind.BOOLEAN}).kind == "boolean"
    assert build({"x": [1], "y": [2]} | {"x": [1, 2], "y": [2, 3]}, kinds={"x": FeatureKind.IGNORE})
    assert set(build({"x": [1, 2], "y": [2, 3]}, kinds={"x": FeatureKind.IGNORE}).features) == {"y"}


def test_what_is_missing_is_counted() -> None:
    column = feature([1.0, float("nan"), None, float("inf"), 2.0])
    assert column.missing_count == column.counts[-1] == 3
    assert sum(column.counts) == 5
    assert (column.mean, column.min, column.max) == (1.5, 1.0, 2.0)
    strings = feature(["a", None, "b"])
    assert strings.counts == (1, 1, 0, 0, 1)


def test_moments() -> None:
    values = np.random.default_rng(0).normal(5, 2, 1_000)
    column = feature(values)
    assert column.mean == pytest.approx(values.mean(), rel=1e-14)
    assert column.std == pytest.approx(values.std(ddof=1), rel=1e-12)


def test_rare_categories_count_as_other_and_not_as_unseen() -> None:
    names = [f"c{i:04}" for i in range(CATEGORIES_MAX + 2)]
    column = feature([*names, *names[2:]])
    assert len(column.categories) == CATEGORIES_MAX
    assert column.other_categories == ("c0000", "c0001")
    assert column.counts[-4:] == (2, 0, 0, 0)
    codes = category_codes(column.categories, column.other_categories)
    assert codes["c0000"] == codes["c0001"] == CATEGORIES_MAX
    assert "new" not in codes
    assert Reference.from_baseline(column).tells_unseen


def test_more_categories_than_can_be_named() -> None:
    column = feature([f"c{i:05}" for i in range(CATEGORIES_MAX + OTHER_CATEGORIES_MAX + 10)])
    assert len(column.other_categories) == OTHER_CATEGORIES_MAX
    assert column.counts[-3] == 10
    assert not Reference.from_baseline(column).tells_unseen


def test_long_categories_stay_within_bounds() -> None:
    column = feature([f"{i:05}" + "x" * 5_000 for i in range(100)])
    assert sum(map(len, column.categories)) <= 65_536
    assert sum(map(len, column.other_categories)) <= 65_536


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ({"x": []}, {}, "no rows"),
        ({"x": [1.0]}, {}, "one row"),
        ({"x": [None, None]}, {}, "`x` has no values"),
        ({"x": [float("nan"), float("inf")]}, {}, "`x` has no finite values|`x` has no values"),
        ({"x": [1, "a"]}, {}, "`x` holds values of several types"),
        ({"x": [1, 2], "y": [1]}, {}, "differ in length"),
        ({"x": [[1.0], [2.0]]}, {}, "`x` holds values of type list"),
        ({"x": [dt.date(2020, 1, 1)] * 2}, {}, "`x` holds values of type date"),
        ({"x": [1, 2], "y": [1, 2]}, {"features_max": 1}, "2 features, more than 1"),
        ({"x": [1, 2]}, {"roles": {"predicton": "x"}}, "unknown role `predicton`"),
        ({"x": [1, 2]}, {"roles": {"prediction": "xx"}}, "did you mean `x`"),
        ({"x": [1, 2]}, {"roles": {"prediction": "x", "label": "x"}}, "`x` has two roles"),
        ({"x": [1, 2]}, {"ignored": ["zzz"]}, "no column `zzz`"),
        ({"label": [1, 2]}, {}, "no feature, prediction or probability"),
        ({"probability": [0.5, 7.3]}, {}, "`probability` holds 7.3"),
        ({"probability": ["a", "b"]}, {}, "`probability` holds no numbers"),
        ({"timestamp": [1577836800, 1577836900], "x": [1, 2]}, {}, "`timestamp` is no event time"),
        ({"timestamp": ["soon", "late"], "x": [1, 2]}, {}, "`timestamp` is no event time"),
        ({"x": [1e200, 1.0]}, {}, "`x` holds 1e\\+200"),
        ({"x": ["a", "b"]}, {"kinds": {"x": FeatureKind.NUMERIC}}, "`x` holds no numbers"),
        ({"x": [1, 2]}, {"kinds": {"x": FeatureKind.BOOLEAN}}, "`x` holds '2'"),
        ({"x": [1, 2]}, {"kinds": {"x": FeatureKind.TEXT}}, "`x`: features of kind text"),
    ],
)
def test_what_no_baseline_can_be_made_of(data: Any, options: Any, said: Any) -> None:
    with pytest.raises(BaselineError, match=said) as caught:
        build(data, **options)
    assert "\n" not in str(caught.value)


def test_a_column_that_is_there_twice() -> None:
    table = pa.table([pa.array([1, 2]), pa.array([1, 2])], names=["x", "x"])
    with pytest.raises(BaselineError, match="`x` is there twice"):
        build(table)
