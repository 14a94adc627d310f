"""A baseline learned from the log, for a model version that was given none. Pure."""

from collections.abc import Sequence

import msgspec

from schemas.baselines import Baseline
from schemas.models import ModelConfig
from stream.baseline.errors import BaselineError
from stream.ingest.sample import SampledEvent, SampleRow, smallest
from stream.rollup.provisional import provisional_baseline
from stream.settings import Settings
from stream.state.keys import VersionId

_rows = msgspec.json.Decoder(SampledEvent)


class Sample:
    """The sample of a version's events, on the terms of the running system.

    Parameters
    ----------
    settings : how many events it takes, over how long, of how many features

    Attributes
    ----------
    problem : why no baseline can be made of it; None where that was not seen
    """

    def __init__(self, settings: Settings) -> None:
        self._terms = settings.provisional
        self._features_max = settings.bounds.features_max
        self._rows: list[SampleRow] = []
        self._oldest_ms: int | None = None
        self.problem: str | None = None

    def add(self, rows: Sequence[SampleRow]) -> float | None:
        """Add rows; returns the largest hash in it once it is full."""
        most = self._terms.events_min
        distinct = dict.fromkeys([*self._rows, *rows])
        self._rows = sorted(smallest(list(distinct), most))
        return float(self._rows[-1][0]) if len(self._rows) == most else None

    def learn(self, version: VersionId, config: ModelConfig, newest_ms: int) -> Baseline | None:
        """Build the baseline where there is enough of it.

        Parameters
        ----------
        version : whose sample it is
        config : says of what kind features are
        newest_ms : event time that was reached

        Returns
        -------
        None while there is too little, or where no baseline can be made of it.
        """
        if len(self._rows) < self._terms.events_min or self.problem is not None:
            return None
        if self._oldest_ms is None:
            self._oldest_ms = min(_rows.decode(row).time_ms for _, row in self._rows)
        if newest_ms - self._oldest_ms < self._terms.span_ms_min:
            return None
        sample = [_rows.decode(row) for _, row in self._rows]
        try:
            return provisional_baseline(sample, version, config, self._features_max)
        except BaselineError as error:
            self.problem = str(error)
            return None
