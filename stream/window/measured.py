"""Figures that belong to a model and to no request, counted into its label panes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stream.state import codec
from stream.window.custom import CustomDelta
from stream.window.delta import Rows
from stream.window.labelled import CELLS, CORRECTED, METRIC


@dataclass(slots=True)
class MeasuredDelta:
    """Figures since the last commit, of one label pane."""

    figures: CustomDelta = field(default_factory=CustomDelta)

    def add(self, metrics: Mapping[str, float | None]) -> None:
        """Take the figures of one measurement."""
        if metrics:
            self.figures.add([metrics])

    def rows(self) -> Rows:
        """Rows of the label pane, in a fixed order.

        Each value raises the revision of the windows it lies in, as a correction does.
        """
        counts = self.figures.counts()
        cells = np.zeros(CELLS, dtype=np.int64)
        cells[CORRECTED] = sum(one.sums.count for one in counts.values())
        out: Rows = [("n", codec.encode_counts(cells))]
        for name in sorted(counts):
            one = counts[name]
            for band in sorted(one.sums.bands):
                row = codec.encode_sums(one.sums.bands[band])
                out.append((f"x:{METRIC}{name}:{band}", row))
            for number in sorted(one.blocks):
                out.append((f"h:{name}:{number}", codec.encode_counts(one.blocks[number])))
        return out
