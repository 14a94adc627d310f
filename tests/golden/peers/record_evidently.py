"""Record what Evidently computes; see the README beside this script."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

from tests.golden.peers.housing import CATEGORICAL, FEW_VALUED, read_columns, read_weeks
from tests.golden.peers.recording import write_recording
from tests.golden.peers.synthetic import EXTREME, rare_categories, shifted

METHODS = ["psi", "jensenshannon"]
PACKAGES = ["evidently", "numpy", "pandas", "scipy"]

Scores = dict[str, dict[str, float]]


def scores(
    reference: Mapping[str, Any], current: Mapping[str, Any], numeric: list[str], classes: list[str]
) -> Scores:
    """Each method's score of each column."""
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=classes)
    asked = [(column, method) for column in [*numeric, *classes] for method in METHODS]
    report = Report([ValueDrift(column=column, method=method) for column, method in asked])
    sets = [
        Dataset.from_pandas(
            pd.DataFrame({name: list(data[name]) for name in [*numeric, *classes]}),
            data_definition=definition,
        )
        for data in (current, reference)
    ]
    found = report.run(*sets).dict()["metrics"]
    result: Scores = {}
    for (column, method), metric in zip(asked, found, strict=True):
        result.setdefault(column, {})[method] = float(metric["value"])
    return result


def weekly() -> dict[str, Any]:
    """Every column and method on every week."""
    reference, weeks = read_columns("reference"), read_weeks()
    found = [scores(reference, week, [FEW_VALUED], list(CATEGORICAL)) for week in weeks]
    return {
        "rows": [len(week[FEW_VALUED]) for week in weeks],
        "values": {
            column: {method: [week[column][method] for week in found] for method in METHODS}
            for column in [FEW_VALUED, *CATEGORICAL]
        },
    }


def one_column(reference: Any, current: Any, *, numeric: bool) -> dict[str, float]:
    """Each method's score of one pair of samples."""
    columns = (["x"], []) if numeric else ([], ["x"])
    return scores({"x": reference}, {"x": current}, *columns)["x"]


if __name__ == "__main__":
    before, after = shifted()
    write_recording(
        "evidently.json",
        PACKAGES,
        **weekly(),
        shifted=one_column(before, after, numeric=True),
        shifted_with_an_extreme=one_column(before, np.append(after, EXTREME), numeric=True),
        rare_categories=one_column(*rare_categories(), numeric=False),
    )
