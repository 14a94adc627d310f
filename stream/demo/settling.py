"""When the demo is over: every event and label is in a final window, every alert on its topic."""

import time

from stream.alerting.evaluate import labels_of
from stream.alerting.judge import Mark, series_name
from stream.alerting.store import AlertStore
from stream.demo.model import CONFIG, PERFORMANCE_WINDOW, RULES
from stream.demo.observed import Observed, observe
from stream.demo.replay import Replay
from stream.settings import Settings
from stream.state.client import RedisClient

SETTLE_S_MAX = 60.0


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


class Settling:
    """Whether everything that follows from a finished replay is there.

    Parameters
    ----------
    settings : of the demo
    client : Redis, answering in bytes
    replay : what is sent
    """

    def __init__(self, settings: Settings, client: RedisClient, replay: Replay) -> None:
        self._settings = settings
        self._alerts = AlertStore(client, settings.namespace)
        self._client = client
        self._replay = replay
        self._ended_at: float | None = None
        self.observed = Observed()

    def is_done(self) -> bool:
        """Look, once the replay has ended.

        Raises
        ------
        DemoError
            When the replay failed, or windows do not become final.
        """
        if self._replay.error is not None:
            raise DemoError(str(self._replay.error))
        if self._replay.is_running:
            return False
        self._ended_at = self._ended_at or time.monotonic()
        self.observed = observe(self._settings)
        if self._is_reported() and self._is_judged():
            self.observed = observe(self._settings)  # with the alerts that came meanwhile
            return True
        if time.monotonic() - self._ended_at > SETTLE_S_MAX:
            raise DemoError(
                f"{self.observed.counted('7d'):,} of {self._replay.sent:,} events are in final"
                f" windows {SETTLE_S_MAX:.0f} s after the replay, and"
                f" {self.observed.labelled('7d'):,} of {self._replay.labels_sent:,} labels:"
                " the log's end, above, may say why"
            )
        return False

    def _is_reported(self) -> bool:
        """Whether the final windows hold all events and all labels."""
        observed = self.observed
        sizes = {report.window.name for report in observed.reports}
        return len(sizes) > 0 and all(
            observed.counted(size) >= self._replay.sent
            and observed.labelled(size) >= self._replay.labels_sent
            for size in sizes
        )

    def _is_judged(self) -> bool:
        """Whether rules have judged the newest windows, and all that came of it is published."""
        minimum = CONFIG.labels.min_coverage
        mature = self.observed.mature(PERFORMANCE_WINDOW, minimum)[-1:]
        newest = [(rule.name, report) for rule in RULES for report in mature]
        newest += [("data-drift", report) for report in self.observed.deciding()[-1:]]
        for rule, report in newest:
            marks = self._alerts.read(series_name(labels_of(report))).marks
            mark = Mark(report.window.end, report.revision)
            if rule not in marks or marks[rule] < mark:
                return False
        return not self._client.exists(self._alerts.keys.outbox)
