"""Record what NannyML computes; see the README beside this script."""

from typing import Any

import nannyml
import pandas as pd

from tests.golden.peers import record_cbpe
from tests.golden.peers.housing import CATEGORICAL, NUMERIC, read_columns, week_starts
from tests.golden.peers.recording import write_recording
from tests.golden.peers.synthetic import large

CONTINUOUS_METHODS = ["jensen_shannon", "hellinger", "kolmogorov_smirnov", "wasserstein"]
CATEGORICAL_METHODS = ["jensen_shannon", "hellinger", "l_infinity", "chi2"]
PACKAGES = ["nannyml", "numpy", "pandas", "scipy"]


def frame(file: str) -> pd.DataFrame:
    """Data of one file, with the start of each row's week."""
    columns = {name: list(values) for name, values in read_columns(file).items()}
    return pd.DataFrame(columns | {"week": pd.to_datetime(week_starts(file), unit="ms")})


def values_of(result: Any, column: str, methods: list[str]) -> dict[str, list[float]]:
    """Values of every chunk by method."""
    return {method: result[(column, method, "value")].astype(float).tolist() for method in methods}


def weekly() -> dict[str, Any]:
    """Every column and method on every week; weeks of the calendar end on Wednesdays as ours do."""
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=[*NUMERIC, *CATEGORICAL],
        treat_as_categorical=list(CATEGORICAL),
        timestamp_column_name="week",
        continuous_methods=CONTINUOUS_METHODS,
        categorical_methods=CATEGORICAL_METHODS,
        chunk_period="W-WED",
    )
    calculator.fit(frame("reference"))
    result = calculator.calculate(frame("analysis")).filter(period="analysis").to_df()
    chunk = result["chunk"]["chunk"]
    methods = {name: CONTINUOUS_METHODS for name in NUMERIC}
    methods |= {name: CATEGORICAL_METHODS for name in CATEGORICAL}
    return {
        "weeks": chunk["start_date"].dt.strftime("%Y-%m-%d").tolist(),
        "rows": (chunk["end_index"] - chunk["start_index"] + 1).tolist(),
        "values": {name: values_of(result, name, methods[name]) for name in methods},
    }


def large_reference() -> dict[str, float]:
    """What it estimates instead of computing from 10,000 reference rows on."""
    reference, current = large()
    methods = ["kolmogorov_smirnov", "wasserstein"]
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=["x"], continuous_methods=methods, chunk_size=len(current)
    )
    calculator.fit(pd.DataFrame({"x": reference}))
    result = calculator.calculate(pd.DataFrame({"x": current})).filter(period="analysis").to_df()
    return {method: values[0] for method, values in values_of(result, "x", methods).items()}


if __name__ == "__main__":
    write_recording("nannyml.json", PACKAGES, **weekly(), large_reference=large_reference())
    record_cbpe.write()
