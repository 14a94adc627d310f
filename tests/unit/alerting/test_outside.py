from typing import Any

import pytest
from msgspec.structs import replace

from schemas.alerts import AlertEvent, fingerprint
from schemas.sent_alerts import SentAlert
from stream.alerting.judge import Series, sent_series, series_of
from stream.alerting.outside import take
from stream.alerting.retire import is_spoken_of, retired

T0 = 1_790_002_800_000
DISK = SentAlert(rule="disk-full", labels={"host": "a"})
OF = fingerprint("disk-full", {"host": "a"})


class Sender:
    """A series in memory, as the script steps it, and what came of what was sent."""

    def __init__(self) -> None:
        self.series = Series()
        self.events: list[AlertEvent] = []

    def send(self, at_ms: int, status: Any = "firing", **fields: Any) -> list[str]:
        """Send it; returns the statuses of new events."""
        return self.step(take(replace(DISK, status=status, **fields), T0 + at_ms, self.series))

    def step(self, step: Any) -> list[str]:
        episodes = {**self.series.episodes, **step.episodes}
        left = {of: episode for of, episode in episodes.items() if episode is not None}
        self.series = Series(self.series.sequence + 1, {}, left)
        new = [entry.alert for entry in step.entries]
        self.events += new
        return [event.status.value for event in new]


def test_it_fires_once_however_often_it_is_sent_and_ends_once() -> None:
    sender = Sender()
    assert sender.send(0, starts_at=T0 - 60_000, summary="disk of a is full") == ["firing"]
    assert sender.send(1_000, starts_at=T0 - 60_000) == []
    assert sender.send(2_000) == []
    assert sender.send(3_000, "resolved") == ["resolved"]
    assert sender.send(4_000, "resolved") == []
    assert sender.send(5_000, starts_at=T0 - 60_000) == [], "a retry that was late"
    assert sender.send(6_000) == ["firing"]
    firing, over, again = sender.events
    assert (firing.starts_at, over.ends_at, again.starts_at) == (
        T0 - 60_000,
        T0 + 3_000,
        T0 + 6_000,
    )
    assert firing.summary.startswith("disk of a is full, since")
    assert {event.source for event in sender.events} == {"sent"}
    assert len({event.id for event in sender.events}) == 3


def test_a_sender_whose_clock_is_behind_is_heard_all_the_same() -> None:
    sender = Sender()
    assert sender.send(10_000, starts_at=T0) == ["firing"]
    assert sender.send(20_000, "resolved") == ["resolved"]
    assert sender.send(21_000, starts_at=T0 + 11_000) == ["firing"]
    assert sender.send(21_500, starts_at=T0 + 11_000) == []
    assert sender.send(22_000, "resolved", ends_at=T0 + 12_000) == ["resolved"]
    assert sender.send(22_000) == ["firing"], "in the same millisecond"
    starts = [event.starts_at for event in sender.events]
    assert starts == sorted(starts)
    assert len({event.id for event in sender.events}) == len(sender.events)


def test_times_ahead_of_the_clock_are_now() -> None:
    sender = Sender()
    sender.send(0, starts_at=T0 + 10**12)
    sender.send(1_000, "resolved", ends_at=T0 + 10**12)
    assert [event.starts_at for event in sender.events] == [T0, T0]
    assert sender.events[1].ends_at == T0 + 1_000
    assert sender.send(2_000) == ["firing"]


def test_what_ended_by_itself_on_its_way_is_over() -> None:
    sender = Sender()
    assert sender.send(0, ends_at=T0 - 1) == []
    assert sender.send(1_000) == ["firing"]
    assert sender.send(2_000, ends_at=T0 + 1_500) == ["resolved"]


def test_a_severer_one_is_another_episode_and_a_milder_one_is_not() -> None:
    sender = Sender()
    sender.send(0, severity="warning")
    assert sender.send(1_000, severity="critical") == ["resolved", "firing"]
    assert sender.send(2_000, severity="info") == []
    assert [event.severity for event in sender.events] == ["warning", "warning", "critical"]


def test_it_has_a_series_of_its_own_and_no_rule_ends_it() -> None:
    sender = Sender()
    sender.send(0)
    (event,) = sender.events
    assert series_of(event) == sent_series(OF) != series_of(replace(event, source=None))
    assert is_spoken_of(event, [])
    step = retired(event, "disk-full was not sent again", sender.series, at_ms=T0 + 9_000)
    assert sender.step(step) == ["resolved"]
    assert (sender.events[-1].ends_at, sender.events[-1].source) == (T0 + 9_000, "sent")
    assert sender.send(8_000) == ["firing"], "it was sent again after all"


@pytest.mark.parametrize("value", [None, 0.97])
def test_figures_and_links_are_passed_on(value: float | None) -> None:
    sender = Sender()
    sender.send(0, value=value, threshold=0.9, dashboard_url="https://d", runbook_url="https://r")
    (event,) = sender.events
    assert (event.value, event.threshold) == (value, 0.9)
    assert (event.dashboard_url, event.runbook_url) == ("https://d", "https://r")
