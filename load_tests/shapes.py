"""Ten shapes of features, and windows of them, independent or autocorrelated, for simulations.

A feature is a table of 65,536 equally likely values in ascending order: its quantiles. A window is
drawn as places in it, ``levels``, so that one draw can be counted on any grid by looking cells up.
Dependence is that of a Gaussian AR(1) process, mapped to the levels (a copula), so that the
distribution is the same whatever the dependence.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import poisson

from stream.arrays import FloatArray

LEVELS = 65_536
_U: FloatArray = (np.arange(LEVELS) + 0.5) / LEVELS
CATEGORICAL = "categorical"
CLASSES = np.array([0.35, 0.25, 0.15, 0.1, 0.08, 0.05, 0.015, 0.005])
"""Shares; the rarest is missing from one reference of 5,000 rows in 10**11."""
_GROWING = np.array([True, False, True, False, False, True, False, True])
"""Classes that become more when the categorical feature drifts: half of all rows."""
_CAP, _RATE, _ZEROS = 1.0, 3.0, 0.3

Levels = npt.NDArray[np.uint16]


def levels(rng: np.random.Generator, rho: float, windows: int, n: int) -> Levels:
    """Draw windows of n consecutive rows, shape ``(windows, n)``, with autocorrelation rho."""
    if rho == 0.0:
        return rng.integers(0, LEVELS, (windows, n), dtype=np.uint16)
    noise = rng.standard_normal((windows, n))
    start = rho * rng.standard_normal((windows, 1))
    latent, _ = lfilter([np.sqrt(1 - rho * rho)], [1.0, -rho], noise, axis=1, zi=start)
    found: Levels = np.minimum(ndtr(latent) * LEVELS, LEVELS - 1).astype(np.uint16)
    return found


@lru_cache(None)
def table(shape: str, shift: float = 0.0) -> FloatArray:
    """Values by level, after a shift by so many standard deviations; classes by number."""
    if shape == CATEGORICAL:
        return _classes(shift)
    return SHAPES[shape](shift)


def _classes(shift: float) -> FloatArray:
    """Shares change so that Pearson's measure of the change is the square of the shift."""
    part = CLASSES[_GROWING].sum()
    scores = np.where(_GROWING, np.sqrt((1 - part) / part), -np.sqrt(part / (1 - part)))
    shares = np.maximum(CLASSES * (1 + shift * scores), 0.0)
    ends = np.cumsum(shares / shares.sum())[:-1]
    return np.searchsorted(ends, _U).astype(np.float64)


def _moved(values: FloatArray) -> Callable[[float], FloatArray]:
    std = values.std()
    return lambda shift: values + shift * std


def _bimodal() -> FloatArray:
    places = np.linspace(-8.0, 8.0, 200_001)
    return np.interp(_U, (ndtr(places + 2) + ndtr(places - 2)) / 2, places)


def _zeros(shift: float) -> FloatArray:
    """Zeros stay, what is above them moves."""
    above = -np.log1p(-np.maximum(_U - _ZEROS, 0.0) / (1 - _ZEROS))
    return np.where(_U < _ZEROS, 0.0, above + shift * above.std())


def _capped(shift: float) -> FloatArray:
    """What reaches the cap stays there."""
    std = np.minimum(ndtri(_U), _CAP).std()
    values: FloatArray = np.minimum(ndtri(_U) + shift * std, _CAP)
    return values


def _poisson(shift: float) -> FloatArray:
    values: FloatArray = poisson.ppf(_U, _RATE + shift * np.sqrt(_RATE))
    return values


SHAPES: dict[str, Callable[[float], FloatArray]] = {
    "normal": _moved(ndtri(_U)),
    "uniform": _moved(_U),
    "lognormal": _moved(np.exp(ndtri(_U))),
    "exponential": _moved(-np.log1p(-_U)),
    "t3": _moved(stdtrit(3, _U)),
    "bimodal": _moved(_bimodal()),
    "zeros": _zeros,
    "capped": _capped,
    "poisson": _poisson,
    CATEGORICAL: _classes,
}
"""Standard normal, uniform, lognormal, exponential, Student's with 3 degrees of freedom, two
normals 4 apart, 30 % zeros beside an exponential, a normal capped at 1, Poisson with mean 3, and 8
classes."""
