"""What figures of a window were lately, to tell spikes in the live one.

A spike is shown beside the live figures only. A report must say the same whenever it is computed,
and what came before a window may still be revised by late events.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from schemas import keys
from schemas.metric_names import SPIKES
from schemas.metrics import WindowReport
from stream.rollup.quality import Metrics
from stream.state.client import RedisClient
from stream.state.keys import VersionId
from stream.stats.spikes import spike

WINDOWS_KEPT = 288
"""As many as the series of final windows in Redis holds: a day of 5 minutes."""


class History:
    """Lately final windows of model versions; read from their series once, then followed."""

    def __init__(self, client: RedisClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._values: dict[tuple[VersionId, str, str], deque[float]] = {}

    def spikes(self, version: VersionId, window: str, metrics: Metrics) -> dict[str, float]:
        """How unusual live figures are, by the name of the comparison."""
        found = {}
        for name, compared in SPIKES.items():
            value = metrics.get(name)
            distance = (
                None if value is None else spike(float(value), self._of(version, window, name))
            )
            if distance is not None:
                found[compared] = distance
        return found

    def add(self, reports: Sequence[WindowReport]) -> None:
        """Take over final windows of all traffic."""
        for report in reports:
            version = VersionId(report.model_name, report.model_version)
            if report.segment is None and (version, report.window.name, "") in self._values:
                self._append(version, report.window.name, report.metrics)

    def _of(self, version: VersionId, window: str, name: str) -> Sequence[float]:
        if (version, window, "") not in self._values:
            self._values[version, window, ""] = deque()
            series = keys.series_key(self._namespace, *version, window)
            for _, entry in self._client.xrange(series):
                fields = {key.decode(): value.decode() for key, value in entry.items()}
                self._append(version, window, fields)
        return self._values.get((version, window, name), ())

    def _append(
        self, version: VersionId, window: str, metrics: Mapping[str, str | bool | float]
    ) -> None:
        for name in SPIKES:
            if name in metrics:
                of = self._values.setdefault((version, window, name), deque(maxlen=WINDOWS_KEPT))
                of.append(float(metrics[name]))
