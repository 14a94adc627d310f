"""Page-Hinkley test: how far errors have run away from their mean so far."""

from typing import Literal

import msgspec

Mode = Literal["up", "down", "both"]


class PageHinkley(msgspec.Struct, frozen=True, kw_only=True):
    r"""State of the test after the values so far; it can be stored and continued.

    Attributes
    ----------
    min_instances
        Values before which nothing is detected.
    delta
        Change of the mean that is tolerated, in the unit of the values.
    threshold
        Change is detected above it, in the unit of the values.
    alpha
        What is left of the sums after one more value.
    mode
        Whether a mean is looked for that went up, down, or either.
    count
        Values since the last detection.
    mean
        Their mean.
    rise, rise_min
        Sum of deviations less `delta`, and the lowest it was.
    fall, fall_max
        Sum of deviations plus `delta`, and the highest it was.
    drifted
        Whether the last value was a detection; the next one starts anew.

    Notes
    -----
    For the values x since the last detection and their mean so far, the new one included:

    .. math:: R_t = \alpha R_{t-1} + x_t - \bar x_t - \delta, \quad
              F_t = \alpha F_{t-1} + x_t - \bar x_t + \delta

    The mean went up where :math:`R_t - \min R` is above the threshold, down where
    :math:`\max F - F_t` is. Definition, defaults and detections are River's
    (``drift.PageHinkley``), where :math:`\max F` begins at -1. There every value counts for one;
    here a value may stand for `weight` equal ones, which is exact but for the mean, taken after
    all of them.

    The sums of values without a change walk at random, kept back by `delta` alone. So among very
    many values some run leads above any threshold: this is a sensitive second opinion, and
    :mod:`stream.stats.concept.adaptive_window` decides.

    Examples
    --------
    >>> test = PageHinkley(threshold=5.0)
    >>> for pane, share in enumerate([0.1, 0.1, 0.1, 0.3]):
    ...     test = test.updated(share, weight=100)
    ...     print(pane, round(test.statistic, 2), test.drifted)
    0 0.0 False
    1 0.0 False
    2 0.0 False
    3 14.44 True

    References
    ----------
    .. [1] E. Page, Continuous inspection schemes, Biometrika 41, 1954.
    """

    min_instances: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 1 - 0.0001
    mode: Mode = "both"
    count: int = 0
    mean: float = 0.0
    rise: float = 0.0
    rise_min: float = 0.0
    fall: float = 0.0
    fall_max: float = -1.0
    drifted: bool = False

    @property
    def statistic(self) -> float:
        """What is compared with the threshold; 0 before the first value."""
        if self.count == 0:
            return 0.0
        up, down = self.rise - self.rise_min, self.fall_max - self.fall
        return {"up": up, "down": down, "both": max(up, down)}[self.mode]

    def updated(self, value: float, weight: int = 1) -> "PageHinkley":
        """State after one more value.

        Parameters
        ----------
        value : finite
        weight : for how many equal values it stands, at least 1

        Raises
        ------
        ValueError
            When it stands for none.
        """
        if weight < 1:
            raise ValueError(f"a value must stand for at least 1, not for {weight}: leave it out")
        held = self._restarted() if self.drifted else self
        count = held.count + weight
        mean = held.mean + weight * (value - held.mean) / count
        kept = held.alpha**weight
        # Equal steps that fade one after the other: a geometric series.
        steps = weight if held.alpha == 1 else (1 - kept) / (1 - held.alpha)
        deviation = value - mean
        rise = kept * held.rise + steps * deviation - steps * held.delta
        fall = kept * held.fall + steps * deviation + steps * held.delta
        new = msgspec.structs.replace(
            held,
            count=count,
            mean=mean,
            rise=rise,
            rise_min=rise if held.count == 0 else min(held.rise_min, rise),
            fall=fall,
            fall_max=max(held.fall_max, fall),
        )
        if count < held.min_instances or new.statistic <= held.threshold:
            return new
        return msgspec.structs.replace(new, drifted=True)

    def _restarted(self) -> "PageHinkley":
        return PageHinkley(
            min_instances=self.min_instances,
            delta=self.delta,
            threshold=self.threshold,
            alpha=self.alpha,
            mode=self.mode,
        )
