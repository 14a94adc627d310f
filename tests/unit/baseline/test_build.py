import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.baselines import baseline_id, encode_baseline
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
            "b": [True, False],
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
    names = [f"c{i:05}" for i in range(CATEGORIES_MAX + OTHER_CATEGORIES_MAX + 10)]
    column = feature(names, kinds={"x": FeatureKind.CATEGORICAL})
    assert len(column.other_categories) == OTHER_CATEGORIES_MAX
    assert column.counts[-3] == 10
    assert not Reference.from_baseline(column).tells_unseen


def test_long_categories_stay_within_bounds() -> None:
    names = [f"{i:05}" + "x" * 5_000 for i in range(100)]
    column = feature(names, kinds={"x": FeatureKind.CATEGORICAL})
    assert sum(map(len, column.categories)) <= 65_536
    assert sum(map(len, column.other_categories)) <= 65_536


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ({"x": []}, {}, "no rows"),
        ({"x": [1.0]}, {}, "one row"),
        ({"x": [None, None]}, {}, "no feature, prediction or probability with values"),
        ({"x": [float("nan"), float("inf")]}, {}, "no feature, prediction or probability"),
        ({"x": [1, "a"]}, {}, "`x` holds values of several types"),
        ({"x": [1, 2**70]}, {}, "`x` holds whole numbers of more than 64 bits"),
        ({"x": [1, 2], "y": [1]}, {}, "differ in length"),
        ({"x": [[1.0, 2.0], [3.0]]}, {}, "`x` holds arrays of 1 and of 2 numbers"),
        ({"x": [[1.0], [2.0]]}, {}, "`x` holds arrays of 1 numbers"),
        ({"x": [[[1.0]], [[2.0]]]}, {}, "`x` holds values of type list"),
        ({"x": [dt.date(2020, 1, 1)] * 2}, {}, "`x` holds values of type date"),
        ({"x": [{"a": 1}] * 2}, {}, "`x` holds values of type struct"),
        ({"x": [1, 2], "y": [1, 2]}, {"features_max": 1}, "2 features, more than 1"),
        ({f"c{i}": [1, 2] for i in range(10_000)}, {}, "10,000 features, more than 1,000"),
        ({"x": [1, 2]}, {"roles": {"predicton": "x"}}, "unknown role `predicton`"),
        ({"x": [1, 2]}, {"roles": {"prediction": "xx"}}, "did you mean `x`"),
        ({"x": [1, 2]}, {"roles": {"prediction": "x", "label": "x"}}, "`x` has two roles"),
        ({"x": [1, 2]}, {"ignored": ["zzz"]}, "no column `zzz`"),
        ({"label": [1, 2]}, {}, "no feature, prediction or probability"),
        ({"probability": [0.5, 7.3]}, {}, "`probability` holds 7.3"),
        ({"probability": [-0.1, 0.3]}, {}, "`probability` holds -0.1"),
        ({"probability": ["a", "b"]}, {}, "`probability` holds no numbers"),
        ({"timestamp": [1577836800, 1577836900], "x": [1, 2]}, {}, "`timestamp` is no event time"),
        ({"timestamp": ["soon", "late"], "x": [1, 2]}, {}, "`timestamp` is no event time"),
        ({"timestamp": [True, False], "x": [1, 2]}, {}, "`timestamp` is no event time"),
        ({"x": [1e200, 1.0]}, {}, "`x` holds 1e\\+200"),
        ({"x": [[1e200, 1.0]] * 2}, {}, "`x` holds 1e\\+200"),
        ({"x": ["a", "b"]}, {"kinds": {"x": FeatureKind.NUMERIC}}, "`x` holds strings"),
        ({"x": ["a b"] * 2, "x.words": [1, 2]}, {"kinds": {"x": FeatureKind.TEXT}}, "`x.words`"),
        ({"x": np.arange(99.0)}, {"bytes_max": 500}, "takes .* bytes, .* ignore some"),
    ],
)
def test_what_no_baseline_can_be_made_of(data: Any, options: Any, said: Any) -> None:
    with pytest.raises(BaselineError, match=said) as caught:
        build(data, **options)
    said = str(caught.value)
    assert "\n" not in said
    assert ". " not in said


def test_all_columns_of_a_wrong_type_are_named_at_once() -> None:
    day = [dt.date(2020, 1, 1)] * 2
    with pytest.raises(BaselineError, match=r"`a` .*date32.*\(`b`, `c` neither\)"):
        build({"a": day, "b": day, "c": day, "x": [1, 2]})
    assert set(build({"a": day, "x": [1, 2]}, ignored=["a"]).features) == {"x"}


def test_columns_without_a_value_are_left_out_with_a_note() -> None:
    notes: list[str] = []
    nothing = [None, float("nan")]
    empty = {f"e{i}": nothing for i in range(7)}
    data = {"x": [1, 2], "prediction": nothing, "probability": nothing, **empty}
    baseline = build(data, tell=notes.append)
    assert set(baseline.features) == {"x"}
    assert baseline.prediction is None
    assert baseline.probability is None
    assert notes == [
        "columns `e0`, `e1`, `e2`, `e3`, `e4` and 2 more have no value: left out",
        "column `prediction` has no value: the baseline has no prediction",
        "column `probability` has no value: the baseline has no probability",
    ]


def test_a_column_that_is_there_twice() -> None:
    table = pa.table([pa.array([1, 2]), pa.array([1, 2])], names=["x", "x"])
    with pytest.raises(BaselineError, match="`x` is there twice"):
        build(table)


def test_each_value_of_a_discrete_feature_has_a_cell() -> None:
    column = feature(np.tile([1, 2, 5], [100]))
    assert column.kind == "discrete"
    reference = Reference.from_baseline(column)
    # Below, 1, up to 2, 2, up to 5, 5, above.
    assert reference.tested.counts.tolist() == [0, 100, 0, 100, 0, 100, 0]
    assert set(column.decile_edges) <= set(column.edges)


@pytest.mark.parametrize(
    ("values", "edges", "categories"),
    [([3, 3, None], True, ()), (["a", "a"], False, ("a",)), ([True, True], False, ("0", "1"))],
)
def test_a_constant_is_counted_as_its_value_is(values: Any, edges: Any, categories: Any) -> None:
    column = feature(values)
    assert column.kind == "constant"
    assert (len(column.edges) > 0) is edges
    assert column.categories == categories
    assert Reference.from_baseline(column).total == 2


def test_presence_rows() -> None:
    vectors = [[1.0, 2.0], None, [3.0, float("nan")], [3.0, 4.0]]
    kinds = {"t": FeatureKind.TEXT, "i": FeatureKind.ID}
    data = {"e": vectors, "s": [["a"], [], None, ["b"]], "t": ["a b", None, "c", "d"]}
    baseline = build({**data, "i": [7, 8, 9, None]}, kinds=kinds)
    counts = {name: of.counts for name, of in baseline.features.items()}
    assert counts == {"e": (2, 0, 2), "s": (3, 0, 1), "t": (3, 0, 1), "i": (3, 0, 1)}
    for of in baseline.features.values():
        assert not of.edges
        assert not of.categories
        for descriptor in of.descriptors.values():
            assert sum(descriptor.counts) == 4
            assert descriptor.missing_count >= of.missing_count


def test_predictions_may_be_texts_vectors_or_sets() -> None:
    answers = [f"the answer to question {i} is {i * i}" for i in range(60)]
    prediction = build({"prediction": answers}).prediction
    assert prediction.kind == "text"
    assert set(prediction.descriptors) >= {"length", "words"}
    vectors = np.random.default_rng(0).normal(size=(10, 3))
    assert build({"prediction": vectors}).prediction.kind == "embedding"
    assert build({"prediction": [["i1", "i2"], ["i3"]]}).prediction.kind == "set"
    given = build({"prediction": ["a", "b"]}, kinds={"prediction": FeatureKind.TEXT})
    assert given.prediction.kind == "text"


HOURS = 24 * 21
TIMES = 1_577_836_800_000 + 3_600_000 * np.repeat(np.arange(HOURS), 5)


def test_the_order_of_rows_makes_no_difference_where_there_are_times() -> None:
    rng = np.random.default_rng(3)
    data: dict[str, Any] = {
        "x": rng.normal(size=len(TIMES)),
        "c": rng.choice(["a", "b"], len(TIMES)),
    }
    # Rows of the same hour stay in order, so hours are shuffled, not rows.
    places = rng.permutation(HOURS)[:, np.newaxis] * 5 + np.arange(5)
    shuffled = {name: values[places.ravel()] for name, values in data.items()}
    one = build(data | {"timestamp": TIMES})
    other = build(shuffled | {"timestamp": TIMES[places.ravel()]})
    assert baseline_id(one) == baseline_id(other)
    assert (one.start_ms, one.end_ms) == (TIMES[0], TIMES[-1])


def test_seasons_of_every_column_in_two_weeks_of_times() -> None:
    rng = np.random.default_rng(4)
    texts = [f"text number {'x' * int(k)}" for k in rng.integers(1, 99, len(TIMES))]
    data: dict[str, Any] = {
        "x": rng.normal(size=len(TIMES)),
        "t": texts,
        "prediction": rng.integers(0, 2, len(TIMES)),
        "probability": rng.random(len(TIMES)),
    }
    kinds = {"t": FeatureKind.TEXT}
    baseline = build(data | {"timestamp": TIMES}, kinds=kinds)
    described = baseline.features["t"].descriptors["length"]
    for of in (baseline.features["x"], described, baseline.prediction, baseline.probability):
        assert len(of.seasons) == 168
        assert sum(map(sum, of.seasons)) == len(TIMES)
    short = build(
        {name: values[:600] for name, values in data.items()} | {"timestamp": TIMES[:600]},
        kinds=kinds,
    )
    assert short.features["x"].seasons == ()
    assert build(data, kinds=kinds).features["x"].seasons == ()


def test_every_column_knows_how_it_varies_where_there_are_times() -> None:
    rng = np.random.default_rng(7)
    rows = len(TIMES)
    # A level for each twelve hours.
    level = np.repeat(rng.normal(size=rows // 60), 60)
    data = {
        "steady": rng.normal(size=rows),
        "moody": rng.normal(size=rows) + level,
        "mood": np.where(level + rng.normal(size=rows) > 0, "good", "bad"),
        "tags": [["a"] if one > 0 else [] for one in level],
        "prediction": rng.integers(0, 2, rows),
        "probability": rng.random(rows),
    }
    baseline = build(data | {"timestamp": TIMES})
    features = baseline.features
    for name in ("moody", "mood"):
        assert features[name].dispersion.phi > 5
    for of in (features["steady"], baseline.prediction, baseline.probability):
        assert 1 <= of.dispersion.phi < 2
    assert features["tags"].dispersion is None
    assert features["tags"].descriptors["size"].dispersion.phi > 5
    assert build(data).features["moody"].dispersion is None


def test_seasons_are_left_out_where_they_do_not_fit() -> None:
    data = {"x": np.random.default_rng(5).normal(size=len(TIMES)), "timestamp": TIMES}
    whole = build(data)
    assert whole.features["x"].seasons
    size = len(encode_baseline(whole))
    notes: list[str] = []
    assert build(data, bytes_max=size, tell=notes.append) == whole
    assert notes == []
    bare = build(data, bytes_max=size - 1, tell=notes.append)
    assert bare.features["x"].seasons == ()
    assert len(notes) == 1


def test_moments_are_those_of_the_numbers() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(10, 3, 500)
    data: dict[str, Any] = {
        "b": x,
        "a": x + rng.normal(0, 3, 500),
        "c": ["u", "v"] * 250,
        "k": [1.0] * 500,
    }
    moments = build(data).moments
    assert moments.features == ("a", "b")
    assert moments.rows == 500
    aa, ab, bb = (value / 499 / 64**2 for value in moments.products)
    assert (aa, bb) == pytest.approx((1, 1), abs=0.01)
    assert ab == pytest.approx(np.corrcoef(data["a"], x)[0, 1], abs=0.01)
    assert build({"b": x}).moments is None


def test_figures_that_are_sent_along_have_a_mean_and_are_no_features() -> None:
    data = {"age": [31.0, 44.0], "stars": [5.0, 4.0], "prediction": [1, 0]}
    built = build_baseline(data, model_name="m", model_version="1", figures={"rating": "stars"})
    assert built.figures == {"metric.rating.mean": 4.5}
    assert list(built.features) == ["age"]


def test_a_figure_needs_numbers() -> None:
    data = {"age": [31.0, 44.0], "stars": ["many", "few"]}
    with pytest.raises(BaselineError, match="column `stars` holds no numbers"):
        build_baseline(data, model_name="m", model_version="1", figures={"rating": "stars"})
