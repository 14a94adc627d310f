"""Log loss and Brier score from exact sums over labelled requests."""

from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.intervals import Figure, mean_figure

LOG_LOSS_CLIP = 2.0**-52
"""Probabilities are clipped to [this, 1 - this] before the logarithm, as scikit-learn does with
doubles: the distance of 1 and the next double. One such request costs 36 nats."""


def loss_figures(log_loss: ExactSums, brier: ExactSums) -> dict[str, Figure]:
    r"""Means of losses of probabilities.

    Parameters
    ----------
    log_loss : sums of :math:`-\ln p` of the actual class, p clipped by `LOG_LOSS_CLIP`
    brier : sums of squared errors of probabilities: of that of the positive class, or, of a model
        that gives one for each class, over all of them

    Returns
    -------
    `log_loss`, in nats, and `brier`. Absent where nothing was summed.

    Notes
    -----
    Both are means of independent requests [1]_, good to 2**-33 of themselves.

    Examples
    --------
    >>> found = loss_figures(ExactSums.of([0.1, 0.3]), ExactSums.of([0.01, 0.09]))
    >>> {name: round(figure.value, 9) for name, figure in found.items()}
    {'log_loss': 0.2, 'brier': 0.05}

    References
    ----------
    .. [1] scikit-learn 1.9, ``log_loss`` and ``brier_score_loss(scale_by_half="auto")``.
    """
    found = {"log_loss": mean_figure(log_loss, least=0.0), "brier": mean_figure(brier, least=0.0)}
    return {name: figure for name, figure in found.items() if figure is not None}
