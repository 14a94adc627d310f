"""Exact sums of any doubles: the same in every order, on every scale, without knowing it before.

A value x with 2**(16 k) <= |x| < 2**(16 k + 16) is held as ``round(x / unit)`` in units of
2**(16 k - 32), beside others of its *band* k, so it is good to 2**-33 of itself. Integers add
without error, and bands are few: those that the values' magnitudes reach. Memory: four integers of
128 bits a band. ``scripts/join.lua`` does the same arithmetic.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

BAND_BITS = 16
UNIT_BITS = 32
BAND_MIN, BAND_MAX = -8, 60
"""Values below 2**-128 share the lowest band, those from 2**976 on the highest."""
PARTS = 4
COUNT, TOTAL, ABSOLUTE, SQUARES = range(PARTS)
"""What is held of a band: how many values, their sum, that of magnitudes and that of squares."""


def band_of(value: float) -> int:
    """Band of a finite value.

    Examples
    --------
    >>> band_of(1.0), band_of(-0.5), band_of(65536.0), band_of(0.0)
    (0, -1, 1, -8)
    """
    if value == 0:
        return BAND_MIN
    exponent = math.frexp(value)[1] - 1
    return min(max(exponent // BAND_BITS, BAND_MIN), BAND_MAX)


def unit_exponent(band: int) -> int:
    """Exponent e of the unit 2**e of a band."""
    return BAND_BITS * band - UNIT_BITS


@dataclass(slots=True)
class ExactSums:
    """Count, sum, sum of magnitudes and of squares of doubles.

    Examples
    --------
    >>> sums = ExactSums.of([1e9, 0.1, -1e9])
    >>> sums.count, round(sums.total, 9), sums.absolute > 2e9
    (3, 0.1, True)
    """

    bands: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[float]) -> "ExactSums":
        """Sum finite values."""
        out = cls()
        for value in values:
            out.add(value)
        return out

    def add(self, value: float) -> None:
        """Add one finite value."""
        band = band_of(value)
        units = round(math.ldexp(value, -unit_exponent(band)))
        parts = self.bands.setdefault(band, [0] * PARTS)
        parts[COUNT] += 1
        parts[TOTAL] += units
        parts[ABSOLUTE] += abs(units)
        parts[SQUARES] += units * units

    def merge(self, other: "ExactSums") -> None:
        """Add the sums of other values."""
        for band, parts in other.bands.items():
            held = self.bands.get(band, [0] * PARTS)
            self.bands[band] = [a + b for a, b in zip(held, parts, strict=True)]

    @property
    def count(self) -> int:
        """How many values."""
        return sum(parts[COUNT] for parts in self.bands.values())

    @property
    def total(self) -> float:
        """Sum of the values."""
        return self._scaled(TOTAL, 1)

    @property
    def absolute(self) -> float:
        """Sum of their magnitudes."""
        return self._scaled(ABSOLUTE, 1)

    @property
    def squares(self) -> float:
        """Sum of their squares."""
        return self._scaled(SQUARES, 2)

    @property
    def mean(self) -> float | None:
        """Mean; None of no values."""
        return self.total / self.count if self.count else None

    @property
    def variance(self) -> float | None:
        """Unbiased variance; None of fewer than two values, infinite beyond doubles."""
        n = self.count
        if n < 2:  # noqa: PLR2004  # one value has no spread
            return None
        total, squares = self._exact(TOTAL, 1), self._exact(SQUARES, 2)
        try:
            return max(0.0, float((squares - total * total / n) / (n - 1)))
        except OverflowError:
            return math.inf

    def _exact(self, part: int, power: int) -> Fraction:
        terms = (
            parts[part] * Fraction(2) ** (power * unit_exponent(band))
            for band, parts in self.bands.items()
        )
        return sum(terms, Fraction())

    def _scaled(self, part: int, power: int) -> float:
        try:
            return float(self._exact(part, power))
        except OverflowError:
            return math.inf
