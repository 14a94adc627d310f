"""Errors of numeric predictions from exact sums over labelled requests."""

import math

import numpy as np
from scipy.special import gammaln

from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.intervals import Figure, Z, mean_figure, mean_magnitude_figure

# Generalised normal distributions, from heavy tails to nearly uniform.
_SHAPES = np.geomspace(0.25, 20, 400)
_LOG_MOMENTS = {k: gammaln((k + 1) / _SHAPES) - gammaln(1 / _SHAPES) for k in (1, 2, 4)}
_RATIOS = np.exp(_LOG_MOMENTS[1] - _LOG_MOMENTS[2] / 2)
_KURTOSES = np.exp(_LOG_MOMENTS[4] - 2 * _LOG_MOMENTS[2])


def regression_figures(
    error: ExactSums, target: ExactSums, relative: ExactSums
) -> dict[str, Figure]:
    r"""Figures of prediction minus target.

    Parameters
    ----------
    error : sums of prediction - target
    target : sums of the targets of the same requests
    relative : sums of abs(error / target) of those whose target is not 0

    Returns
    -------
    `mae`, `mse`, `rmse`, `mape`, `r2`, `bias`. Absent: all where nothing was summed, `mape` where
    all targets are 0, `r2` where targets do not vary.

    Notes
    -----
    .. math:: R^2 = 1 - \frac{\sum e_i^2}{\sum (y_i - \bar y)^2}

    as scikit-learn has it; rounding is 2**-33 of each value. The intervals of `mae`, `mape` and
    `bias` are those of means. That of `mse`, and so of `rmse`, is on the log scale,

    .. math:: \ln MSE \pm z \sqrt{(\kappa - 1) / n}

    by the delta method. The kurtosis needs fourth powers, which are not summed; it is taken from
    Geary's ratio [1]_, mean magnitude by root mean square, of which there is one for each kurtosis
    among generalised normal distributions [2]_. Simulated with 300 errors, the interval holds the
    true value in 94 % for normal ones, 95 % Laplace, 97 % uniform, 89 % Student t with 5 degrees
    of freedom, 81 % normal with one in twenty five times as wide. With the kurtosis of normal
    errors it would be 95, 81, 100, 76 and 48 %.

    `r2` has no interval: its error rests on fourth powers of the targets, too.

    Examples
    --------
    >>> errors, targets = [1.0, -1.0, 0.5, -0.5], [10.0, 20.0, 30.0, 40.0]
    >>> relative = [abs(e / y) for e, y in zip(errors, targets)]
    >>> found = regression_figures(*(ExactSums.of(of) for of in (errors, targets, relative)))
    >>> {name: round(figure.value, 4) for name, figure in found.items()}
    {'mae': 0.75, 'mse': 0.625, 'rmse': 0.7906, 'mape': 0.0448, 'r2': 0.995, 'bias': 0.0}

    References
    ----------
    .. [1] R. Geary, The ratio of the mean deviation to the standard deviation as a test of
       normality, Biometrika 27, 1935.
    .. [2] S. Nadarajah, A generalized normal distribution, J. Appl. Statist. 32, 2005.
    """
    mse = _mean_square(error)
    found = {
        "mae": mean_magnitude_figure(error),
        "mse": mse,
        "rmse": _root(mse),
        "mape": mean_figure(relative, least=0.0),
        "r2": _r2(error, target),
        "bias": mean_figure(error),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _mean_square(error: ExactSums) -> Figure | None:
    n = error.count
    if n == 0 or not math.isfinite(error.squares):
        return None
    value = error.squares / n
    if n == 1 or value == 0:
        return Figure(value)
    ratio = error.absolute / n / math.sqrt(value)
    kurtosis = float(np.interp(ratio, _RATIOS, _KURTOSES))
    factor = math.exp(Z * math.sqrt((kurtosis - 1) / n))
    return Figure(value, value / factor, value * factor)


def _root(mse: Figure | None) -> Figure | None:
    if mse is None:
        return None
    if mse.low is None or mse.high is None:
        return Figure(math.sqrt(mse.value))
    return Figure(math.sqrt(mse.value), math.sqrt(mse.low), math.sqrt(mse.high))


def _r2(error: ExactSums, target: ExactSums) -> Figure | None:
    variance = target.variance
    if not variance or not math.isfinite(variance) or not math.isfinite(error.squares):
        return None
    return Figure(1 - error.squares / (variance * (target.count - 1)))
