"""Figures of rankings from exact sums over labelled requests."""

from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.intervals import Figure, mean_figure, share_figure


def ranking_figures(
    ndcg: ExactSums, reciprocal_rank: ExactSums, hit: ExactSums
) -> dict[str, Figure]:
    r"""Means over requests.

    Parameters
    ----------
    ndcg : sums of the normalised discounted cumulative gain of the first 10 items. Gains are the
        relevances themselves, and a request without a relevant item has none
    reciprocal_rank : sums of 1 / rank of the first relevant item, 0 where there is none
    hit : sums of 1 where a relevant item is among the first 10, else 0

    Returns
    -------
    `ndcg_at_10`, `mrr`, `hit_rate_at_10`, between 0 and 1. Absent where nothing was summed.

    Notes
    -----
    .. math:: NDCG@10 = \frac{\sum_{i=1}^{10} g_i / \log_2 (i + 1)}
                              {\sum_{i=1}^{10} g^*_i / \log_2 (i + 1)}

    with the gains in the model's and in the best order [1]_. Intervals are those of means, and
    Wilson's for the share of hits.

    Examples
    --------
    >>> of = ExactSums.of
    >>> found = ranking_figures(of([1.0, 0.5]), of([1.0, 0.25]), of([1.0, 1.0]))
    >>> {name: figure.value for name, figure in found.items()}
    {'ndcg_at_10': 0.75, 'mrr': 0.625, 'hit_rate_at_10': 1.0}

    References
    ----------
    .. [1] K. Järvelin, J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS
       20, 2002.
    """
    found = {
        "ndcg_at_10": mean_figure(ndcg, 0.0, 1.0),
        "mrr": mean_figure(reciprocal_rank, 0.0, 1.0),
        "hit_rate_at_10": share_figure(round(hit.total), hit.count),
    }
    return {name: figure for name, figure in found.items() if figure is not None}
