"""The columns and weeks that the peers and we compare, made of the demo's California housing.

Imported by the tests and, in the peers' own environments, by the scripts that record their
numbers: it needs numpy and pyarrow and nothing of Streamgauge.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

Column = npt.NDArray[Any]

DATA = Path(__file__).parents[3] / "stream" / "demo" / "data"
WEEK_MS = 7 * 24 * 3_600_000
"""Weeks are aligned to the epoch, as windows of 7d are: they begin on Thursdays."""

FEATURES = (
    "AveBedrms",
    "AveOccup",
    "AveRooms",
    "HouseAge",
    "Latitude",
    "Longitude",
    "MedInc",
    "Population",
)
NUMERIC = (*FEATURES, "y_pred_proba", "MedIncGaps")
"""The last is `MedInc` with every 11th value missing."""
CATEGORICAL = ("AgeBand", "Class", "Square", "Zone")
"""Quartiles of age, every 13th missing; the predicted class, of two; a square of one degree, dozens
of them and several new ones in a week; a degree of latitude, of which a single one is new."""
FEW_VALUED = "Rooms"
"""Numbers of ten different values."""

_AGE_QUARTILES = (18.0, 28.0, 36.0)  # the reference's
_AGE_BANDS = np.array(["new", "recent", "older", "old"], dtype=object)


def read_columns(file: str) -> dict[str, Column]:
    """Read the columns of ``reference`` or ``analysis``, all of the same length.

    Numbers are 64-bit floats, NaN where missing; classes are strings, None where missing.
    """
    table = pq.read_table(DATA / f"{file}.parquet")
    columns: dict[str, Column] = {
        name: table[name].to_numpy().astype(np.float64) for name in (*FEATURES, "y_pred_proba")
    }
    rows = np.arange(table.num_rows)
    columns["MedIncGaps"] = np.where(rows % 11 == 0, np.nan, columns["MedInc"])
    columns["Rooms"] = np.clip(np.rint(columns["AveRooms"]), 1, 10)
    bands = _AGE_BANDS[np.searchsorted(_AGE_QUARTILES, columns["HouseAge"])]
    bands[rows % 13 == 0] = None
    columns["AgeBand"] = bands
    columns["Class"] = _texts(table["y_pred"].to_pylist())
    degrees = np.floor([columns["Latitude"], columns["Longitude"]]).astype(int).T.tolist()
    columns["Zone"] = _texts([latitude for latitude, _ in degrees])
    columns["Square"] = _texts([f"{latitude},{longitude}" for latitude, longitude in degrees])
    return columns


def _texts(values: list[Any]) -> Column:
    return np.array([str(value) for value in values], dtype=object)


def read_outcomes(file: str) -> dict[str, Column]:
    """Read what was predicted and what was true, 0 or 1, with the probability of 1."""
    table = pq.read_table(DATA / f"{file}.parquet")
    truth = table if file == "reference" else pq.read_table(DATA / f"{file}_target.parquet")
    if truth is not table and not truth["id"].equals(table["id"]):
        raise ValueError(f"{file}_target.parquet has other rows than {file}.parquet")
    return {
        "probability": table["y_pred_proba"].to_numpy().astype(np.float64),
        "predicted": table["y_pred"].to_numpy().astype(np.int64),
        "actual": truth["clf_target"].to_numpy().astype(np.int64),
    }


def week_starts(file: str) -> npt.NDArray[np.int64]:
    """Start of the week that each row lies in, epoch ms, shape ``(n,)``."""
    times_ms = pq.read_table(DATA / f"{file}.parquet")["timestamp"].cast("int64").to_numpy()
    starts: npt.NDArray[np.int64] = times_ms - times_ms % WEEK_MS
    return starts


def read_weeks() -> list[dict[str, Column]]:
    """Columns of each week of ``analysis``, in order."""
    columns, starts = read_columns("analysis"), week_starts("analysis")
    return [
        {name: values[starts == start] for name, values in columns.items()}
        for start in np.unique(starts)
    ]
