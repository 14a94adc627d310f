"""Baselines from files."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.baselines import encode_baseline
from schemas.models import ModelConfig
from stream.backtest.reference import FileSource
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.state.keys import VersionId

CREDIT = VersionId("credit", "3")
CONFIG = ModelConfig(model_name="credit")
ROWS: dict[str, Any] = {"age": [float(n % 40) for n in range(300)], "y": [0, 1, 1] * 100}


def source(path: Path, named: Any = (), ignored: Any = ()) -> FileSource:
    return FileSource(path, dict(named), ignored, 1_000, lambda _: None)


def test_rows_are_built_as_baseline_build_does(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({**ROWS, "ms": [1.0] * 300, "row": list(range(300))}), path)
    named = {"prediction": "y", "latency_ms": "ms", "label": "not_there"}
    one = source(path, named, ["row", "not_there_either"])
    expected = build_baseline(
        ROWS, model_name="credit", model_version="3", roles={"prediction": "y"}
    )
    assert one(CREDIT, CONFIG) == expected
    assert set(one.columns) == {"age", "y", "ms", "row"}


def test_a_log_of_events_is_a_table_of_their_features(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    events = [
        {"model_name": "credit", "features": {"age": age}, "prediction": y}
        for age, y in zip(ROWS["age"], ROWS["y"], strict=True)
    ]
    events.append({"model_name": "credit", "features": {"age": 9e9}, "error": "timeout"})
    events.append({"model_name": "churn", "features": {"age": 9e9}, "prediction": 1})
    path.write_text("\n".join(map(json.dumps, events)))
    expected = build_baseline(
        {"age": ROWS["age"], "prediction": ROWS["y"]}, model_name="credit", model_version="3"
    )
    assert source(path)(CREDIT, CONFIG) == expected
    with pytest.raises(BaselineError, match=r"log\.jsonl has no prediction of sales"):
        source(path)(VersionId("sales", "1"), CONFIG)


def test_labels_and_probabilities_of_events_tell_the_performance(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    events = [
        {
            "model_name": "credit",
            "features": {"age": age},
            "prediction": "bad" if y else "good",
            "probability": {"good": 0.75 - y / 2, "bad": 0.25 + y / 2},
            "label": "bad" if age > 20 else "good",
        }
        for age, y in zip(ROWS["age"], ROWS["y"], strict=True)
    ]
    path.write_text("\n".join(map(json.dumps, events)))
    config = msgspec.structs.replace(CONFIG, positive_class="bad")
    performance = source(path)(CREDIT, config).performance
    assert performance
    assert performance.labelled == 300
    assert performance.classes == ("bad",)
    assert {"recall", "roc_auc", "brier"} <= performance.figures.keys()


def test_a_written_baseline_as_it_is(tmp_path: Path) -> None:
    made = build_baseline({"age": ROWS["age"]}, model_name="credit", model_version="2")
    path = tmp_path / "baseline.json"
    path.write_bytes(encode_baseline(made))
    assert source(path)(CREDIT, CONFIG) == made
    path.write_bytes(msgspec.json.encode({"id": "a", "baseline": made}))
    assert source(path)(CREDIT, CONFIG) == made


@pytest.mark.parametrize(("text", "says"), [("{", "no JSON"), ("{}", "show ID --json")])
def test_what_is_no_baseline(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(BaselineError, match=says):
        source(path)


def test_rows_of_which_no_baseline_can_be_made(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("age\n1\n")
    with pytest.raises(BaselineError, match=r"rows\.csv: "):
        source(path)(CREDIT, CONFIG)
