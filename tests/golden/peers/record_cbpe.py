"""Record what NannyML estimates without labels, and what came true.

Run by `record_nannyml.py`; see the README beside it.
"""

from typing import Any

import nannyml
import pandas as pd

from tests.golden.peers.housing import read_outcomes, week_starts
from tests.golden.peers.recording import write_recording

METRICS = ["roc_auc", "f1", "precision", "recall", "accuracy"]
CONFUSION = ["true_positive", "true_negative", "false_positive", "false_negative"]
PACKAGES = ["nannyml", "numpy", "pandas", "scipy", "scikit-learn"]


def frame(file: str) -> pd.DataFrame:
    """Outcomes of one file, with the start of each row's week."""
    weeks = pd.to_datetime(week_starts(file), unit="ms")
    return pd.DataFrame(read_outcomes(file) | {"week": weeks})


def weekly() -> dict[str, Any]:
    """Every figure of every week; weeks of the calendar end on Wednesdays as ours do."""
    estimator = nannyml.CBPE(
        metrics=[*METRICS, "confusion_matrix"],
        y_pred="predicted",
        y_pred_proba="probability",
        y_true="actual",
        timestamp_column_name="week",
        problem_type="classification_binary",
        chunk_period="W-WED",
    )
    estimator.fit(frame("reference"))
    result = estimator.estimate(frame("analysis")).filter(period="analysis").to_df()
    chunk = result["chunk"]
    figures = [*METRICS, *CONFUSION]
    return {
        "needs_calibration": bool(estimator.needs_calibration),
        "weeks": chunk["start_date"].dt.strftime("%Y-%m-%d").tolist(),
        "estimated": {name: numbers(result[(name, "value")]) for name in figures},
        "sampling_error": {name: numbers(result[(name, "sampling_error")]) for name in METRICS},
        "realized": {name: numbers(result[(name, "realized")]) for name in figures},
    }


def numbers(values: Any) -> list[float | None]:
    """Make a list of a column; null where there is no value."""
    return [None if pd.isna(value) else float(value) for value in values]


def write() -> None:
    """Write the recording."""
    write_recording("cbpe.json", PACKAGES, **weekly())
