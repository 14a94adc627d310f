"""Which features explain the drift of a window, and in what words."""

from collections.abc import Mapping

from schemas.baselines import FeatureBaseline

Figure = bool | int | float | str

SHARE_MIN = 0.05
"""Causes of less than a twentieth of a feature's drift are not worth a word."""
MOVE_MIN = 0.1
"""Standard deviations that a mean moves by before a sentence is about it: as far as one can see."""
SPREAD_MIN = 0.2
"""The same of a standard deviation, as a share of itself."""


def rank(features: Mapping[str, Mapping[str, Figure]]) -> list[tuple[str, float]]:
    r"""Order features by how much of the drift they explain.

    Parameters
    ----------
    features : figures by feature, as in a report

    Returns
    -------
    Name and share of each feature that drifted, the largest first; shares add up to 1.

    Notes
    -----
    A feature counts by the size of what changed, not by how sure it is, so that the order does not
    depend on the number of rows: `effect`, which is 0 on average without drift, and the effect of
    missing values, which `effect` leaves out. For a share that grew from r to c,

    .. math:: \frac{(c - r)^2}{p (1 - p)}, \qquad p = \frac{c + r}{2}

    which is what Pearson's statistic of two equal samples makes of two cells. A feature that
    drifted by a fixed threshold alone may count 0; where all do, they share equally.

    Examples
    --------
    >>> features = {
    ...     "age": {"drifted": True, "effect": 0.3},
    ...     "city": {"drifted": True, "effect": 0.0, "missing_rate": 0.6, "missing_increase": 0.2},
    ...     "income": {"drifted": False, "effect": 0.01},
    ... }
    >>> [(name, round(share, 3)) for name, share in rank(features)]
    [('age', 0.652), ('city', 0.348)]
    """
    sizes = {
        name: drift_size(figures)
        for name, figures in features.items()
        if figures.get("drifted") is True
    }
    total = sum(sizes.values())
    shares = {name: size / total if total else 1 / len(sizes) for name, size in sizes.items()}
    return sorted(shares.items(), key=lambda item: (-item[1], item[0]))


def in_words(
    name: str,
    figures: Mapping[str, Figure],
    decomposition: Mapping[str, float],
    baseline: FeatureBaseline,
) -> str:
    """Say in one sentence how a feature drifted.

    Parameters
    ----------
    name : of the feature
    figures : of it, as in a report
    decomposition : see `stream.stats.drift.decomposition`
    baseline : of the feature

    Notes
    -----
    Causes come in the order of their shares. How values moved is told by mean and standard
    deviation where these changed visibly.

    Examples
    --------
    >>> in_words(
    ...     "age",
    ...     {"mean": 49.0, "std": 13.0, "above_range_rate": 0.03},
    ...     {"drift_from_shape": 0.8, "drift_from_above": 0.2},
    ...     FeatureBaseline(kind="numeric", edges=(18.0, 80.0), mean=41.0, std=13.0),
    ... )
    'age: moved up by 0.6 of a standard deviation (mean 41 → 49), 3 % above anything seen before'
    """
    told = {
        "drift_from_shape": _movement(figures, baseline),
        "drift_from_missing": _missing(figures),
        "drift_from_unseen": _rate(figures, "unseen_rate", "in categories never seen before"),
        "drift_from_below": _rate(figures, "below_range_rate", "below anything seen before"),
        "drift_from_above": _rate(figures, "above_range_rate", "above anything seen before"),
    }
    order = sorted(told, key=lambda cause: -decomposition.get(cause, 0.0))
    parts = [told[cause] for cause in order if decomposition.get(cause, 0.0) >= SHARE_MIN]
    return f"{name}: {', '.join(parts) or 'no difference beyond chance'}"


def drift_size(figures: Mapping[str, Figure]) -> float:
    """How much of a feature changed: its `effect`, and that of missing values (see `rank`)."""
    rate, increase = _number(figures, "missing_rate"), _number(figures, "missing_increase")
    size = _number(figures, "effect") or 0.0
    if rate is None or increase is None or increase <= 0:
        return size
    middle = rate - increase / 2
    return size + increase**2 / (middle * (1 - middle))


def _movement(figures: Mapping[str, Figure], baseline: FeatureBaseline) -> str:
    if not baseline.edges:
        return "its categories have other shares"
    mean, std = _number(figures, "mean"), _number(figures, "std")
    if mean is None or baseline.mean is None or not baseline.std:
        return "its values lie elsewhere"
    moved = (mean - baseline.mean) / baseline.std
    if abs(moved) >= MOVE_MIN:
        times = f"{abs(moved):.1f} of a standard deviation"
        if abs(moved) > 1:
            times = f"{abs(moved):.1f} standard deviations"
        means = f"(mean {_short(baseline.mean)} → {_short(mean)})"
        return f"moved {'up' if moved > 0 else 'down'} by {times} {means}"
    if std is not None and abs(std / baseline.std - 1) >= SPREAD_MIN:
        wider = "wider" if std > baseline.std else "narrower"
        stds = f"(standard deviation {_short(baseline.std)} → {_short(std)})"
        return f"spread {wider} {stds}"
    return "other shape, with mean and spread as before"


def _missing(figures: Mapping[str, Figure]) -> str:
    rate, increase = _number(figures, "missing_rate"), _number(figures, "missing_increase")
    if rate is None or increase is None:
        return "values missing"
    return f"{_percent(rate)} missing (was {_percent(rate - increase)})"


def _rate(figures: Mapping[str, Figure], name: str, words: str) -> str:
    return f"{_percent(_number(figures, name) or 0.0)} {words}"


def _number(figures: Mapping[str, Figure], name: str) -> float | None:
    value = figures.get(name)
    return None if value is None or isinstance(value, str) else float(value)


def _percent(share: float) -> str:
    return f"{100 * max(0.0, share):.3g} %"


def _short(value: float) -> str:
    return f"{value:.4g}"
