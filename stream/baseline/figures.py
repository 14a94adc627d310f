"""Means of figures that users send along, in reference data: what they are compared with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stream.baseline.columns import Numbers, is_readable, read_column
from stream.baseline.errors import BaselineError


def figure_means(table: Any, columns: Mapping[str, str]) -> dict[str, float]:
    """Return the mean of each figure, by its name in reports.

    Parameters
    ----------
    table : a pyarrow Table
    columns : column of each figure, by the figure's name

    Raises
    ------
    BaselineError
        For a column without numbers.

    Examples
    --------
    >>> import pyarrow as pa
    >>> figure_means(pa.table({"stars": [5, 3, None]}), {"rating": "stars"})
    {'metric.rating.mean': 4.0}
    """
    means = {}
    for name, column in columns.items():
        readable = is_readable(table.schema.field(column).type)
        found = read_column(table, column) if readable else None
        if not isinstance(found, Numbers):
            raise BaselineError(
                f"column `{column}` holds no numbers, so it can't be the figure {name}: give"
                " another one"
            )
        means[f"metric.{name}.mean"] = float(np.mean(found.values))
    return means
