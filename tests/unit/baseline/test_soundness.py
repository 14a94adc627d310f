"""A baseline on the topic may be anybody's: what no worker can count on is refused in words."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Baseline
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.baseline.soundness import check_baseline

ROWS = 400


@pytest.fixture(scope="module")
def written() -> str:
    """A baseline with a column of each kind, as JSON."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{k}" for k in range(200)])
    data = {
        "age": rng.normal(40, 9, ROWS),
        "income": rng.lognormal(size=ROWS),
        "country": rng.choice(["DE", "ES", "FR"], ROWS),
        "comment": [" ".join(rng.choice(words, 8)) for _ in range(ROWS)],
        "vector": rng.normal(size=(ROWS, 4)).tolist(),
        "items": [rng.choice(words[:9], 3).tolist() for _ in range(ROWS)],
        "user": [f"u{k}" for k in range(ROWS)],
        "prediction": rng.integers(0, 2, ROWS),
        "probability": rng.random(ROWS),
        "label": rng.integers(0, 2, ROWS),
        "timestamp": [1_790_000_000_000 + 60_000 * k for k in range(ROWS)],
    }
    roles = {"prediction": "prediction", "timestamp": "timestamp"}
    baseline = build_baseline(
        data, model_name="credit", model_version="1", roles=roles, segments=("country",)
    )
    return msgspec.json.encode(baseline).decode()


def test_what_is_built_is_sound(written: str) -> None:
    check_baseline(msgspec.json.decode(written, type=Baseline))


def _age(document: Any) -> Any:
    return document["features"]["age"]


def _calibrated(document: Any, x: list[float], y: list[float]) -> None:
    document["performance"]["calibration"] = {"1": {"x": x, "y": y}}


CHANGES: dict[str, Callable[[Any], Any]] = {
    "descending edges": lambda d: _age(d)["edges"].reverse(),
    "one edge too few": lambda d: _age(d)["edges"].pop(100),
    "a count too few": lambda d: _age(d)["counts"].pop(),
    "a negative count": lambda d: _age(d)["counts"].__setitem__(70, -1),
    "a count beyond a double": lambda d: _age(d)["counts"].__setitem__(70, 2**64),
    "a strange decile": lambda d: _age(d)["decile_edges"].__setitem__(4, 40.12345),
    "no scale": lambda d: _age(d).update(scale_exponent=-5_000),
    "no hours": lambda d: _age(d).update(seasons=[[1] * 12]),
    "a feature to ignore": lambda d: _age(d).update(kind="ignore"),
    "numbers as a text": lambda d: _age(d).update(kind="text"),
    "an id with categories": lambda d: d["features"]["user"].update(categories=["a"], counts=[]),
    "an unknown descriptor": lambda d: d["features"]["comment"]["descriptors"].update(x=_age(d)),
    "a descriptor without edges": lambda d: d["features"]["comment"]["descriptors"]["words"].update(
        edges=[]
    ),
    "no centroid": lambda d: d["features"]["vector"].update(centroid=[]),
    "chunks without rows": lambda d: _age(d).update(
        dispersion={"chunks": 20, "chunk_rows": 0.0, "phi": 2.0}
    ),
    "cells of segments": lambda d: _age(d).update(segment_cells=[0, 1]),
    "a segment without a row": lambda d: d["segments"]["country=FR"].pop(),
    "segments beyond the whole": lambda d: d["segments"].update(
        {"country=IT": d["segments"]["country=FR"]}
    ),
    "moments of no feature": lambda d: d["moments"]["features"].__setitem__(0, "nobody"),
    "moments without a deviation": lambda d: d["moments"]["stds"].__setitem__(0, 0.0),
    "moments of no rows": lambda d: d["moments"].update(rows=0),
    "rows that are none": lambda d: d.update(rows=-1),
    "the performance of rankings": lambda d: d["performance"].update(task="ranking"),
    "labels of no row": lambda d: d["performance"].update(labelled=0),
    "classes that are two": lambda d: d["performance"].update(classes=["0", "1"]),
    "classes without an order": lambda d: d["performance"].update(
        task="multiclass", classes=["b", "a"]
    ),
    "many classes": lambda d: d["performance"].update(
        task="multiclass", classes=[f"{k:02}" for k in range(17)]
    ),
    "a calibration of no class": lambda d: d["performance"].update(
        classes=[], calibration={"1": {"x": [0.5], "y": [0.5]}}
    ),
    "a calibration without knots": lambda d: _calibrated(d, [], []),
    "a calibration of uneven knots": lambda d: _calibrated(d, [0.1, 0.2], [0.1]),
    "a calibration that descends": lambda d: _calibrated(d, [0.1, 0.2], [0.3, 0.2]),
    "a calibration beyond 1": lambda d: _calibrated(d, [0.1, 0.2], [0.3, 1.2]),
    "edges of scores that descend": lambda d: d["performance"]["score_edges"].reverse(),
    "edges of scores beyond 1": lambda d: d["performance"]["score_edges"].append(1.5),
    "edges of scores without end": lambda d: d["performance"].update(
        score_edges=[k / 5_000 for k in range(5_000)]
    ),
    "labels that are no column": lambda d: d["performance"]["label"]["counts"].pop(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_does_not_hold_together_is_refused(written: str, change: Callable[[Any], Any]) -> None:
    document = json.loads(written)
    change(document)
    baseline = msgspec.json.decode(json.dumps(document), type=Baseline)
    with pytest.raises(BaselineError, match=r"^the baseline of credit 1 is not sound \(.+build"):
        check_baseline(baseline)
