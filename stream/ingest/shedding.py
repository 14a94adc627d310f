"""When a worker that can't keep up counts the features of a tenth of the requests.

Traffic stays exact; feature figures cover the requests in the sample of `SHED_RATE`, and reports
say so. While a log is read again nothing is shed: nobody waits for it, and what is counted of it
should not depend on how fast it was read.
"""

from collections.abc import Mapping

SHED_RATE = 0.1
"""Features are a third of what an event costs a worker: one in ten saves nearly all of it, and is
plenty of any traffic that is too much for a worker."""
_RECOVERED_SHARE = 5
"""Shedding ends below a fifth of the lag it begins at, so that it does not begin again at once."""


class Shedding:
    """Whether to shed, from the lag of each assigned partition.

    A partition is *live* once it was read to its end, or nearly. Shedding begins when the lag of
    one exceeds ``lag_ms_max`` while all are live, and ends when all are below a fifth of it, or
    when one comes that is not live yet.

    Parameters
    ----------
    lag_ms_max : lag from which on features are shed

    Examples
    --------
    >>> shedding = Shedding(5_000)
    >>> [shedding.update({0: lag}) for lag in (90_000, 800, 6_000, 2_000, 900)]
    [False, False, True, False, True]
    """

    def __init__(self, lag_ms_max: int) -> None:
        self._lag_ms_max = lag_ms_max
        self._live: set[int] = set()
        self.active = False

    @property
    def rate(self) -> float:
        """Share of requests whose features are to be counted."""
        return SHED_RATE if self.active and self._live else 1.0

    def update(self, lags_ms: Mapping[int, int]) -> bool:
        """Take the lag of each assigned partition, ms; returns whether `active` changed."""
        recovered_ms = self._lag_ms_max / _RECOVERED_SHARE
        self._live = {p for p, lag in lags_ms.items() if p in self._live or lag < recovered_ms}
        largest_ms = max(lags_ms.values(), default=0)
        limit_ms = recovered_ms if self.active else self._lag_ms_max
        before = self.active
        self.active = len(self._live) == len(lags_ms) and largest_ms > limit_ms
        return self.active != before

    def start_over(self) -> None:
        """Shed nothing until every partition is live again; the next `update` tells the change."""
        self._live = set()
