"""Data without chance for what housing can't show; numpy and nothing of Streamgauge."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]

EXTREME = 1e6


def normal_scores(n: int, mean: float = 0.0) -> Column:
    """Quantiles of a normal distribution at (i + ½)/n: its most even sample, shape ``(n,)``."""
    normal = NormalDist(mean)
    return np.array([normal.inv_cdf((i + 0.5) / n) for i in range(n)])


def pareto_scores(n: int, scale: float = 1.0) -> Column:
    """Quantiles at (i + ½)/n of a Pareto distribution of exponent 1: heavy tails, ``(n,)``."""
    return scale / (1 - (np.arange(n) + 0.5) / n)


def shifted() -> tuple[Column, Column]:
    """Reference N(0, 1) of 5,000 rows, and 500 current rows that lie 1 σ higher."""
    return normal_scores(5_000), normal_scores(500, 1.0)


def large() -> tuple[Column, Column]:
    """Reference of 12,000 rows, more than NannyML compares exactly; 400 that are 30 % larger."""
    return pareto_scores(12_000), pareto_scores(400, 1.3)


def rare_categories() -> tuple[list[str], list[str]]:
    """Reference of 20,000 rows with a category of a single one, and 500 rows with a new one."""
    reference = ["a"] * 12_000 + ["b"] * 7_999 + ["rare"]
    return reference, ["a"] * 290 + ["b"] * 200 + ["new"] * 10
