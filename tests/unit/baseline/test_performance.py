"""Performance of a baseline: what labels in its data tell."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as theirs

from schemas.baselines import Baseline
from schemas.models import Task
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.baseline.promote import CountedRow, promoted
from stream.baseline.soundness import check_baseline

ROWS = 3_000


def built(data: Any, **options: Any) -> tuple[Any, list[str]]:
    """Performance of a baseline, and what was said."""
    notes: list[str] = []
    baseline = build_baseline(data, model_name="m", model_version="1", tell=notes.append, **options)
    check_baseline(baseline)
    return baseline.performance, notes


def binary(seed: int = 1, n: int = ROWS) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    return {
        "x": rng.normal(size=n),
        "prediction": (scores > 0.6).astype(int),
        "probability": scores,
        "label": (rng.random(n) < scores**2).astype(int),
    }


def test_figures_of_a_binary_model_are_those_of_scikit_learn() -> None:
    data = binary()
    found, notes = built(data)
    y, predicted, scores = data["label"], data["prediction"], data["probability"]
    assert notes == []
    assert (found.task, found.positive_class, found.labelled) == (Task.BINARY, "1", ROWS)
    assert found.classes == ("1",)
    assert set(found.calibration) == {"1"}
    exact = {
        "accuracy": theirs.accuracy_score(y, predicted),
        "precision": theirs.precision_score(y, predicted),
        "recall": theirs.recall_score(y, predicted),
        "f1": theirs.f1_score(y, predicted),
        "log_loss": theirs.log_loss(y, scores),
        "brier": theirs.brier_score_loss(y, scores),
    }
    for name, value in exact.items():
        assert found.figures[name] == pytest.approx(value, rel=1e-8)
    # Of cells.
    assert found.figures["roc_auc"] == pytest.approx(theirs.roc_auc_score(y, scores), abs=0.002)
    area = theirs.average_precision_score(y, scores)
    assert found.figures["average_precision"] == pytest.approx(area, abs=0.005)
    assert 0.05 < found.figures["calibration_error"] < 0.3
    assert found.label.categories == ("0", "1")
    assert sum(found.label.counts) == ROWS


def test_figures_of_a_regression_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    y = np.round(rng.lognormal(size=ROWS), 3)
    y[:5] = 0.0
    predicted = y * rng.normal(1.1, 0.2, ROWS)
    found, notes = built({"prediction": predicted, "label": y})
    assert notes == []
    assert (found.task, found.classes, found.score_edges) == (Task.REGRESSION, (), ())
    exact = {
        "mae": theirs.mean_absolute_error(y, predicted),
        "mse": theirs.mean_squared_error(y, predicted),
        "rmse": theirs.root_mean_squared_error(y, predicted),
        "mape": theirs.mean_absolute_percentage_error(y[5:], predicted[5:]),
        "r2": theirs.r2_score(y, predicted),
        "bias": np.mean(predicted - y),
    }
    assert set(found.figures) == set(exact)
    for name, value in exact.items():
        assert found.figures[name] == pytest.approx(value, rel=1e-8)
    assert found.label.edges


def test_many_classes_have_averages() -> None:
    rng = np.random.default_rng(3)
    names = np.array(["a", "b", "c"])
    p = rng.dirichlet(np.ones(3), ROWS)
    y = (p.cumsum(axis=1) > rng.random((ROWS, 1))).argmax(axis=1)
    predicted = p.argmax(axis=1)
    columns = {"prediction": names[predicted].tolist(), "label": names[y].tolist()}
    scores = {f"probability.{name}": p[:, k] for k, name in enumerate(names)}
    found, notes = built(columns | scores)
    assert notes == []
    assert (found.task, found.classes) == (Task.MULTICLASS, ("a", "b", "c"))
    for name, value in {
        "accuracy": theirs.accuracy_score(y, predicted),
        "f1": theirs.f1_score(y, predicted, average="macro"),
        "log_loss": theirs.log_loss(y, p),
    }.items():
        assert found.figures[name] == pytest.approx(value, rel=1e-8)
    area = theirs.roc_auc_score(y, p, multi_class="ovr")
    assert found.figures["roc_auc"] == pytest.approx(area, abs=0.003)
    objects = pa.array([dict(zip(names.tolist(), row, strict=True)) for row in p.tolist()])
    assert built(columns | {"probability": objects})[0] == found


def test_of_two_classes_as_objects_the_positive_one_counts() -> None:
    data = binary()
    p = data.pop("probability")
    columns = {"probability.0": 1 - p, "probability.1": p}
    assert built(data | columns)[0] == built(data | {"probability": p})[0]


def test_rows_without_prediction_or_label_are_left_out() -> None:
    data = {
        "prediction": ["yes", None, "no", "yes", "no"],
        "probability": [0.9, 0.8, None, 0.7, 0.1],
        "label": ["yes", "yes", "no", None, "yes"],
    }
    found, _ = built(data, positive_class="yes")
    assert found.labelled == 3
    assert found.figures["accuracy"] == pytest.approx(2 / 3)
    assert found.figures["brier"] == pytest.approx((0.01 + 0.81) / 2)
    assert found.label.counts == (1, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("prediction", "label", "options", "task"),
    [
        ([0, 1, 1], [1.5, 2.0, 0.5], {}, Task.REGRESSION),
        ([0.5, 1.5, 2.5], [1, 2, 3], {}, Task.REGRESSION),
        ([True, False, True], [1, 0, 0], {}, Task.BINARY),
        (["1", "0", "0"], [True, False, True], {}, Task.BINARY),
        ([1, 2, 3], [1, 2, 2], {}, Task.MULTICLASS),
        ([1, 2, 3], [1, 2, 2], {"task": Task.REGRESSION}, Task.REGRESSION),
        ([0, 1, 2], [1, 0, 2], {"task": Task.BINARY}, Task.BINARY),
    ],
)
def test_the_task_follows_from_the_values(
    prediction: Any, label: Any, options: Any, task: Any
) -> None:
    found, _ = built({"prediction": prediction, "label": label}, **options)
    assert found.task is task


@pytest.mark.parametrize(
    ("data", "options", "note"),
    [
        ({"prediction": [1, 0], "label": [None, None]}, {}, "column `label` has no label"),
        ({"x": [1, 2], "label": [1, 0]}, {}, "there is no prediction"),
        ({"prediction": [1, None], "label": [None, 1]}, {}, "no row has a label and a prediction"),
        ({"prediction": [0.5, 1.5], "label": ["a", "b"]}, {}, "no row has a number"),
        ({"prediction": ["a", "b"], "label": [["a"], ["b"]]}, {}, "are no classes"),
        ({"prediction": ["a", "b"], "label": [{"a": 1}, {"a": 2}]}, {}, "has no label"),
        ({"prediction": ["a", "b"], "label": ["a", "b"]}, {"task": Task.RANKING}, "no classes"),
    ],
)
def test_labels_that_tell_nothing_are_said_so(data: Any, options: Any, note: str) -> None:
    found, notes = built(data, **options)
    assert not found
    assert len(notes) == 1
    assert note in notes[0]
    assert notes[0].endswith("the baseline has no performance")


@pytest.mark.parametrize(
    ("data", "figures"),
    [
        ({"prediction": [2.5, 1.5], "label": [2.0, None]}, {"mae": 0.5, "bias": 0.5}),
        ({"prediction": [2.5, 1.5], "label": [0.0, 0.0]}, {"mae": 2.0, "bias": 2.0}),
        ({"prediction": [1, 1], "probability": [0.5, 0.5], "label": [1, 1]}, {"accuracy": 1.0}),
        ({"prediction": [0, 0], "probability": [0.5, 0.5], "label": [1, 1]}, {"recall": 0.0}),
    ],
)
def test_little_is_enough(data: Any, figures: Any) -> None:
    found, _ = built(data)
    assert {name: found.figures[name] for name in figures} == figures
    assert not {"r2", "roc_auc"} & found.figures.keys()


def test_a_positive_class_that_is_not_there_is_said_so() -> None:
    data = {
        "prediction": ["good", "bad", "good"],
        "probability": [0.2, 0.9, 0.3],
        "label": ["good", "bad", "bad"],
    }
    found, notes = built(data)
    assert notes == [
        "no row is of the positive class '1', but of 'bad', 'good': set `positive_class` in the "
        "model's configuration"
    ]
    assert found.figures == {"accuracy": pytest.approx(2 / 3)}
    assert (found.classes, found.score_edges) == ((), ())


def test_one_probability_of_many_classes_is_not_used() -> None:
    data = {
        "prediction": ["a", "b", "c"],
        "probability": [0.2, 0.9, 0.3],
        "label": ["a", "b", "b"],
    }
    found, notes = built(data)
    assert notes == [
        "the probability is of one class, but there are many: figures are made without it"
    ]
    assert (found.task, found.classes) == (Task.MULTICLASS, ())
    assert "log_loss" not in found.figures


def test_probabilities_of_classes_are_between_0_and_1() -> None:
    data = {"prediction": ["a", "b"], "label": ["a", "b"]}
    with pytest.raises(BaselineError, match=r"column `p.b` holds 7, but probabilities lie"):
        built(data | {"p.a": [0.1, 0.2], "p.b": [0.9, 7.0]}, roles={"probability": "p"})
    with pytest.raises(BaselineError, match="there is no column `p`"):
        built(data | {"p.a": [0.1, 0.2]}, roles={"probability": "p"})


def test_labels_too_long_for_a_column_are_no_column() -> None:
    names = [f"{k:04}{'n' * 200}" for k in range(900)]
    found, notes = built({"prediction": names, "label": names}, kinds={})
    assert found.label is None
    assert found.figures["accuracy"] == 1.0
    assert len(notes) == 1
    assert notes[0].endswith("drift of labels will not be measured")


def test_a_sample_of_traffic_has_no_labels() -> None:
    assert not built(binary(), provisional=True)[0]


def test_performance_is_carried_over_to_a_promoted_baseline() -> None:
    old = build_baseline(binary(), model_name="m", model_version="1")
    assert old.prediction
    assert old.probability
    rows = {
        ("feature", "x"): CountedRow(old.features["x"].counts),
        ("prediction", "prediction"): CountedRow(old.prediction.counts),
        ("probability", "probability"): CountedRow(old.probability.counts),
    }
    new: Baseline = promoted(
        old, rows, model_version="2", start_ms=0, end_ms=1, learn_categories=False
    )
    assert new.performance == old.performance
    check_baseline(new)
