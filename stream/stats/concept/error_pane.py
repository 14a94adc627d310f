"""Errors of a pane and of a span of panes: what concept drift is looked for in."""

import math
from collections.abc import Iterable

import msgspec


class ErrorPane(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Errors of the labelled requests of one pane.

    Attributes
    ----------
    start_ms
        First millisecond inside, epoch ms.
    requests
        Labelled requests, at least 1.
    total
        Sum of their errors: wrong predictions of classes, otherwise magnitudes.
    squares
        Sum of their squared errors: of classes the same as `total`.
    """

    start_ms: int
    requests: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """Mean error: of classes the share of wrong predictions."""
        return self.total / self.requests


class ErrorLevel(msgspec.Struct, frozen=True):
    """Errors of a span of panes.

    Attributes
    ----------
    requests
        Labelled requests.
    total
        Sum of their errors.
    squares
        Sum of their squared errors.
    """

    requests: int
    total: float
    squares: float

    @classmethod
    def of(cls, panes: Iterable[ErrorPane]) -> "ErrorLevel":
        """Add panes up.

        Examples
        --------
        >>> ErrorLevel.of([ErrorPane(0, 60, 6.0, 6.0), ErrorPane(3600000, 40, 14.0, 14.0)]).mean
        0.2
        """
        held = tuple(panes)
        return cls(
            requests=sum(pane.requests for pane in held),
            total=math.fsum(pane.total for pane in held),
            squares=math.fsum(pane.squares for pane in held),
        )

    @property
    def mean(self) -> float:
        """Mean error; defined where there is a request."""
        return self.total / self.requests

    def joined(self, other: "ErrorLevel") -> "ErrorLevel":
        """Errors of both spans."""
        return ErrorLevel(
            self.requests + other.requests, self.total + other.total, self.squares + other.squares
        )

    @property
    def variance(self) -> float:
        """Variance of the errors of single requests about their mean, unit of the error squared.

        Notes
        -----
        Rounding can leave it a little below 0 where all errors are equal; it is clipped.
        """
        return max(0.0, self.squares / self.requests - self.mean * self.mean)
