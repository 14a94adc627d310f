"""The cells (a, b] in which probabilities are counted."""

from dataclasses import dataclass

import numpy as np

from stream.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class ScoreCells:
    """Cells between inner edges; the first begins at 0, the last ends at 1.

    Attributes
    ----------
    lower, upper : (k,) ends of the cells
    single : (k,) whether a cell has room for one value only: scores in it are equal, so that none
        of their order is lost
    """

    lower: FloatArray
    upper: FloatArray
    single: BoolArray

    @classmethod
    def between(cls, edges: FloatArray) -> "ScoreCells":
        """Cells between (k - 1,) inner edges, ascending, in [0, 1).

        Examples
        --------
        >>> cells = ScoreCells.between(np.array([0.0, 0.5, np.nextafter(1.0, 0.0)]))
        >>> cells.single.tolist(), cells.middles.tolist()
        ([True, False, False, True], [0.0, 0.25, 0.75, 1.0])
        """
        lower = np.concatenate([[np.nextafter(0.0, -1.0)], edges])
        upper = np.append(edges, 1.0)
        return cls(lower, upper, np.nextafter(lower, 1.0) >= upper)

    def __len__(self) -> int:
        return len(self.upper)

    @property
    def middles(self) -> FloatArray:
        """The value of a cell of one, the middle of others; shape ``(k,)``."""
        return np.where(self.single, self.upper, (self.lower + self.upper) / 2)

    @property
    def half_widths(self) -> FloatArray:
        """How far a value may be from the middle; shape ``(k,)``."""
        return np.where(self.single, 0.0, (self.upper - self.lower) / 2)
