"""An adaptive window of panes: where the mean error before a cut differs from that after it."""

import math

import msgspec
import numpy as np

from stream.arrays import FloatArray
from stream.stats.concept.error_pane import ErrorLevel, ErrorPane

DELTA = 0.002
"""Chance of a false cut that a window may take: ADWIN's, in River and in MOA."""
PANES_MAX = 1_000
"""Panes kept, 41 days of hours; the oldest is forgotten first."""
PANES_MIN = 20
"""Panes that tell how much panes vary. A shorter first window is not cut: see `WindowTest`."""
_BOUNDED_SCALE = 1 / 3
"""Bernstein's inequality for values between 0 and 1: a third of their range."""


class Cut(msgspec.Struct, frozen=True):
    """Where the mean error changed.

    Attributes
    ----------
    since_ms
        Start of the first pane after the change, epoch ms.
    before
        Errors of the panes before it.
    """

    since_ms: int
    before: ErrorLevel


class WindowTest(msgspec.Struct, frozen=True, kw_only=True):
    r"""State of the test: the panes since the last change; it can be stored and continued.

    Attributes
    ----------
    panes
        The window, oldest first.
    dispersion
        How much more the panes of the last window of 20 or more that was cut varied than
        independent requests would, at least 1. None before the first cut.
    bounded
        Whether errors lie between 0 and 1; otherwise their tails are taken to be exponential.

    Notes
    -----
    ADWIN's question at every border of panes: with :math:`n_0` requests before it and :math:`n_1`
    after it, of together n with variance :math:`\sigma^2`, the means differ by more than

    .. math:: \epsilon = \sqrt{2 r \, \varphi \sigma^2 L} + 2 c \, r L, \quad
              r = \frac1{n_0} + \frac1{n_1}, \quad L = \ln \frac{2 \ln n}{\delta}

    where c is 1/3 (``bounded``) or :math:`\sigma`. The window is cut where the difference is
    the largest multiple of :math:`\epsilon`, until no border is left; what lies before is dropped.

    New is :math:`\varphi`, 1 in ADWIN. Hours and days differ, so requests of one pane are no
    independent ones, and ADWIN takes every night for a drift. Here

    .. math:: \varphi = \max\Big(1, \frac{1}{(W - 1) \sigma^2}
              \sum_i n_i (\bar x_i - \bar x)^2\Big)

    over the W panes of the window, the difference itself included: where :math:`W \le 2 L + 1`, no
    difference is large enough. So a first window is not cut before it has 20 panes, and a later
    one of fewer takes over :math:`\varphi` of the window that it was cut from.

    Simulated cuts in 1,000 panes without a change, 50 to 5,000 requests each: 0.006 of independent
    requests (shares 0.01 to 0.5), up to 0.4 where panes vary by chance (0.1, standard deviation
    0.03), up to 0.1 by day and night (0.1 and 0.04 more or less). Panes that resemble the one
    before tell less than they seem to: where weekends are worse by 30 % it is 3 to 17 of hours.
    Of days it is none, so days are the panes to take where weeks have a pattern.

    One update costs time in proportion to the panes held.

    Examples
    --------
    >>> test = WindowTest()
    >>> for hour in range(40):
    ...     wrong = 100.0 + hour % 2 if hour < 36 else 180.0
    ...     test, cut = test.updated(ErrorPane(hour * 3_600_000, 1_000, wrong, wrong))
    ...     if cut is not None:
    ...         print(hour, cut.since_ms // 3_600_000, round(cut.before.mean, 4))
    36 36 0.1005

    References
    ----------
    .. [1] A. Bifet, R. Gavalda, Learning from time-changing data with adaptive windowing, SIAM
       Int. Conf. on Data Mining, 2007.
    """

    panes: tuple[ErrorPane, ...] = ()
    dispersion: float | None = None
    bounded: bool = True

    @property
    def ready(self) -> bool:
        """Whether a change could be found by now."""
        return self.dispersion is not None or len(self.panes) >= PANES_MIN

    @property
    def level(self) -> ErrorLevel:
        """Errors of the window."""
        return ErrorLevel.of(self.panes)

    def updated(self, pane: ErrorPane) -> tuple["WindowTest", Cut | None]:
        """State after one more pane, and the change that it shows, if any.

        Where several borders are cut at once, the change is the first of them.

        Parameters
        ----------
        pane : later than those held; at least one request
        """
        held = msgspec.structs.replace(self, panes=(*self.panes, pane)[-PANES_MAX:])
        first = None
        while place := held._border():
            before, after = held.panes[:place], held.panes[place:]
            first = first or Cut(after[0].start_ms, ErrorLevel.of(before))
            held = msgspec.structs.replace(held, panes=after, dispersion=held._dispersion())
        return held, first

    def differs_from(self, before: ErrorLevel) -> bool:
        """Whether the mean of the window differs from that of an earlier span."""
        after = self.level
        variance = before.joined(after).variance
        bound = self._bound(np.array([before.requests]), np.array([after.requests]), variance)
        return abs(after.mean - before.mean) > float(bound[0])

    def _border(self) -> int:
        """Panes before the clearest border; 0 where none is clear."""
        variance = self.level.variance
        if not self.ready or len(self.panes) == 1 or variance == 0.0:
            return 0
        requests = np.array([pane.requests for pane in self.panes], dtype=np.float64)
        totals = np.array([pane.total for pane in self.panes])
        before, wrong_before = np.cumsum(requests)[:-1], np.cumsum(totals)[:-1]
        after, wrong_after = requests.sum() - before, totals.sum() - wrong_before
        gaps = np.abs(wrong_before / before - wrong_after / after)
        ratios = gaps / self._bound(before, after, variance)
        clearest = int(np.argmax(ratios))
        return clearest + 1 if ratios[clearest] > 1 else 0

    def _bound(self, before: FloatArray, after: FloatArray, variance: float) -> FloatArray:
        """Difference of means above which it is no chance, for requests before and after."""
        scale = _BOUNDED_SCALE if self.bounded else math.sqrt(variance)
        inverse = 1 / before + 1 / after
        logarithm = np.log(2 * np.log(before + after) / DELTA)
        spread = np.sqrt(2 * inverse * self._dispersion() * variance * logarithm)
        bound: FloatArray = spread + 2 * scale * inverse * logarithm
        return bound

    def _dispersion(self) -> float:
        if self.dispersion is None or len(self.panes) >= PANES_MIN:
            return pane_dispersion(self.panes)
        return self.dispersion


def pane_dispersion(panes: tuple[ErrorPane, ...]) -> float:
    r"""How much more the means of panes vary than those of independent requests would.

    Returns
    -------
    At least 1, which is also that of a single pane or of errors that don't vary.

    Notes
    -----
    Pearson's statistic over its degrees of freedom:

    .. math:: \frac{1}{(W - 1) \sigma^2} \sum_i n_i (\bar x_i - \bar x)^2

    Examples
    --------
    >>> even = [ErrorPane(i, 100, 10.0, 10.0) for i in range(20)]
    >>> pane_dispersion(tuple(even))
    1.0
    >>> round(pane_dispersion((*even, ErrorPane(20, 100, 50.0, 50.0))), 2)
    7.26
    """
    level = ErrorLevel.of(panes)
    if len(panes) == 1 or level.variance == 0.0:
        return 1.0
    squares = math.fsum(pane.requests * (pane.mean - level.mean) ** 2 for pane in panes)
    return max(1.0, squares / ((len(panes) - 1) * level.variance))
