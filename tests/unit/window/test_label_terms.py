"""Terms: what the configuration, the plan and the baseline say of labels, as the join reads it."""

from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.activations import Plan
from schemas.baselines import Baseline
from schemas.models import AbsentMeans, LabelsConfig, Task
from stream.baseline.build import build_baseline
from stream.baseline.score_edges import DEFAULT_SCORE_EDGES, score_grid_id
from stream.state.keys import VersionId
from stream.window.label_terms import (
    CLASSES_MAX,
    CODE_BYTES,
    LabelPlan,
    LabelTerms,
    Mode,
    classes_of,
    label_plan,
    seconds_of,
    terms_of,
)
from stream.window.label_text import name_hash
from stream.window.panes import DAY_MS, HOUR_MS
from stream.window.segments import compile_segments

VERSION = VersionId("credit", "3")


def baseline(**outputs: list[Any]) -> Baseline:
    """A baseline of 600 rows with these columns, named by their roles."""
    columns = {"x": [i / 7 for i in range(600)]} | outputs
    roles = {name: name for name in outputs}
    return build_baseline(columns, model_name="credit", model_version="3", roles=roles)


def read(terms: LabelTerms) -> dict[str, Any]:
    """Read a payload as Lua does, which has one kind of string."""
    raw = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode(terms.payload())
    out: dict[str, Any] = {}
    for name, value in raw.items():
        if bytes(value)[:1] == b"\xdb":
            out[name] = bytes(value)[5:]
        else:
            out[name] = msgspec.msgpack.decode(value)
    return out


@pytest.mark.parametrize(
    ("task", "mode"),
    [
        (Task.BINARY, Mode.CLASS),
        (Task.MULTICLASS, Mode.CLASS),
        (Task.REGRESSION, Mode.NUMBER),
        (Task.RANKING, Mode.RANKING),
        (Task.AUTO, None),
    ],
)
def test_a_task_decides_what_entries_hold(task: Task, mode: Mode | None) -> None:
    assert label_plan(Plan(task=task), None, ()).mode is mode


def test_a_baseline_decides_where_the_task_does_not() -> None:
    numbers = baseline(prediction=[i / 3 for i in range(600)])
    classes = baseline(prediction=["yes", "no"] * 300)
    assert label_plan(Plan(), numbers, ()).mode is Mode.NUMBER
    assert label_plan(Plan(), classes, ()).mode is Mode.CLASS
    assert label_plan(Plan(task=Task.MULTICLASS), numbers, ()).mode is Mode.CLASS


def test_without_labels_in_the_baseline_cells_are_the_default_ones() -> None:
    plan = label_plan(Plan(), baseline(prediction=["yes", "no"] * 300), ())
    assert plan.grid == score_grid_id(DEFAULT_SCORE_EDGES)
    assert plan.target_edges is None


def test_a_baseline_with_labels_places_the_cells() -> None:
    scores = [(i % 97) / 97 for i in range(600)]
    truth = [int(score > 0.4) for score in scores]
    known = baseline(prediction=truth, probability=scores, label=truth)
    assert known.performance
    plan = label_plan(Plan(), known, ())
    assert plan.edges.tolist() == list(known.performance.score_edges)
    assert plan.grid not in ("", score_grid_id(DEFAULT_SCORE_EDGES))
    said = [i / 3 for i in range(600)]
    numbers = label_plan(Plan(), baseline(prediction=said, label=said[::-1]), ())
    assert numbers.target_edges is not None
    assert (np.diff(numbers.target_edges) > 0).all()


def test_terms_say_everything_that_an_entry_leaves_out() -> None:
    segments = compile_segments({"country": ("FR", "ж")})
    plan = LabelPlan(
        edges=np.array([0.0, 0.5]), target_edges=np.array([-1.0, 1.0]), segments=segments
    )
    config = LabelsConfig(join_horizon="90m", absent_means=AbsentMeans(value=0, after="1500ms"))
    terms = terms_of(VERSION, plan, config, DAY_MS).of(Mode.CLASS, ("a", "ж"), binary=False)
    found = read(terms)
    assert found == {
        "version": "credit 3",
        "model_hash": name_hash("credit"),
        "version_hash": name_hash("3"),
        "mode": "class",
        "classes": ["a", "ж"],
        "binary": False,
        "tier": DAY_MS,
        "horizon": 5400,
        "segments": [["country=FR", "country=ж", "country=other"]],
        "grid": plan.grid,
        "edges": np.array([0.0, 0.5]).tobytes(),
        "target_grid": score_grid_id(np.array([-1.0, 1.0])),
        "target_edges": np.array([-1.0, 1.0]).tobytes(),
        "absent": {"value": "0", "number": True, "after": 2},
    }


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        (0, "0", True),
        (False, "0", False),
        ("no", "no", False),
        (0.5, "0.5", True),
        (1.0, "1", True),
    ],
)
def test_what_absence_means_is_a_label_like_others(value: Any, text: str, number: bool) -> None:
    config = LabelsConfig(absent_means=AbsentMeans(value=value, after="1d"))
    absent = terms_of(VERSION, LabelPlan(), config, HOUR_MS).absent
    assert absent == (text, number, 86_400)


def test_a_positive_class_that_is_written_otherwise_is_so_in_the_terms() -> None:
    terms = terms_of(VERSION, LabelPlan(positive="p\x1fq"), LabelsConfig(), HOUR_MS)
    assert read(terms.of(Mode.CLASS, ("p\x1fq",), binary=True))["classes"] == ["p q"]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["b", "a"], ("a", "b")),
        ([str(i) for i in range(CLASSES_MAX)], tuple(sorted(map(str, range(CLASSES_MAX))))),
        ([str(i) for i in range(CLASSES_MAX + 1)], ()),
        (["a", "x" * 64], ("a", "x" * 64)),
        (["a", "x" * 65], ()),
        (["a", "ж" * 33], ()),
        (["a\x1fb", "a b"], ()),
        ([], ()),
    ],
)
def test_probabilities_are_kept_of_classes_that_labels_can_name(
    names: list[str], kept: tuple[str, ...]
) -> None:
    assert classes_of(names) == kept


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("1ms", 1), ("1500ms", 2), ("2d", 172_800)]
)
def test_durations_are_whole_seconds_upwards(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


def test_equal_terms_have_equal_codes_and_other_ones_do_not() -> None:
    def codes(horizon: str, count: int = 3) -> list[bytes]:
        terms = terms_of(VERSION, LabelPlan(), LabelsConfig(join_horizon=horizon), HOUR_MS)
        return list(islice(terms.codes(terms.payload()), count))

    first = codes("7d")
    assert first == codes("7d")
    assert len({*first, *codes("8d")}) == 6
    assert {len(code) for code in first} == {CODE_BYTES}


def test_terms_of_one_plan_are_one_key() -> None:
    plan = LabelPlan()
    one, two = (terms_of(VERSION, plan, LabelsConfig(), HOUR_MS) for _ in range(2))
    assert len({one: 1, two: 2}) == 1
    assert one != one.of(Mode.AUTO, (), binary=False)
