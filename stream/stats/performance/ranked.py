"""Figures of the order of scores, of which cells keep only a part."""

from dataclasses import dataclass

from stream.stats.performance.intervals import Figure


@dataclass(frozen=True, slots=True)
class RankedFigure:
    """A figure that rests on the order of scores.

    Attributes
    ----------
    value : from the cells
    least, most : what the scores themselves may give, whatever their order inside cells
    figure : with an interval that holds both what is lost inside cells and sampling errors
    """

    value: float
    least: float
    most: float
    figure: Figure

    @classmethod
    def of(
        cls, value: float, least: float, most: float, interval: tuple[float, float]
    ) -> "RankedFigure":
        """Widen the 95 % interval of sampling errors by what is lost inside cells.

        Examples
        --------
        >>> RankedFigure.of(0.5, 0.375, 0.75, (0.25, 0.875)).figure
        Figure(value=0.5, low=0.125, high=1.0)
        """
        low = max(0.0, interval[0] - (value - least))
        high = min(1.0, interval[1] + (most - value))
        return cls(value, least, most, Figure(value, low, high))

    @property
    def error_max(self) -> float:
        """By how much the value is off from that of the scores themselves, at most."""
        return max(self.value - self.least, self.most - self.value)
