"""A user's fixed threshold for one feature, instead of the calibrated decision."""

from collections.abc import Mapping

from schemas.features import FeatureDriftConfig


def exceeds(figures: Mapping[str, float], config: FeatureDriftConfig) -> bool | None:
    """Whether the configured distance is above its threshold.

    Parameters
    ----------
    figures : of the feature, by name
    config : metric and threshold: of `wasserstein` in the feature's unit, of `chi2` a statistic,
        which grows with the number of rows, of all others without unit

    Returns
    -------
    None where the distance could not be computed, or nothing is configured: then nothing is
    decided.

    Examples
    --------
    >>> config = FeatureDriftConfig(metric="psi", threshold=0.2)
    >>> exceeds({"psi": 0.31}, config), exceeds({}, config)
    (True, None)
    """
    if config.metric is None or config.threshold is None:
        return None
    distance = figures.get(config.metric)
    return None if distance is None else distance > config.threshold
