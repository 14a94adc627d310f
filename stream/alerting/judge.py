"""One step of a series: what its alerts become by one report or check. Pure.

A series is what alerts share a fence with: one model version, segment and window, or one check.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from schemas.alerts import AlertEvent, Status, fingerprint
from schemas.keys import encoded
from schemas.metrics import WindowReport
from stream.alerting.evaluate import Observation
from stream.alerting.events import make_event
from stream.alerting.rules import Rule
from stream.alerting.transitions import Change, Episode, Turn, advance

_PARTS = ("namespace", "model_name", "model_version", "window", "segment")


class Mark(NamedTuple):
    """How far a rule judged a series; what is not beyond it changes nothing."""

    end_ms: int
    revision: int


class Entry(msgspec.Struct, frozen=True):
    """What waits in the outbox.

    Attributes
    ----------
    alert
        The event, as it will be published.
    publish
        False where the topic has it already and only people are still to be told.
    notify
        Whether people are told.
    channels
        Of the rule; None where it names none.
    rejoins
        Whether people were told of it, and Redis has lost that since: it is told no more, but goes
        on being repeated.
    """

    alert: AlertEvent
    publish: bool
    notify: bool
    channels: tuple[str, ...] | None = None
    rejoins: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """What is stored of a series.

    Attributes
    ----------
    sequence : rises with every step, so that none is built on what has changed since
    marks : by rule
    episodes : by fingerprint
    """

    sequence: int = 0
    marks: Mapping[str, Mark] = field(default_factory=dict)
    episodes: Mapping[str, Episode] = field(default_factory=dict)

    def after(self, step: "Step") -> "Series":
        """Return the series as it is after a step."""
        episodes = {**self.episodes, **step.episodes}
        return Series(
            self.sequence + 1,
            {**self.marks, **step.marks},
            {of: episode for of, episode in episodes.items() if episode is not None},
        )


@dataclass(slots=True)
class Step:
    """What changes in a series.

    Attributes
    ----------
    marks : by rule
    episodes : by fingerprint; None is to be forgotten
    shown : the event that users see, by fingerprint; None is taken away
    entries : for the outbox, in order
    """

    marks: dict[str, Mark] = field(default_factory=dict)
    episodes: dict[str, Episode | None] = field(default_factory=dict)
    shown: dict[str, AlertEvent | None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def add(self, other: "Step") -> None:
        """Take over what other rules change in the same series."""
        self.marks |= other.marks
        self.episodes |= other.episodes
        self.shown |= other.shown
        self.entries += other.entries


def series_name(labels: Mapping[str, str]) -> str:
    """Name the series of an alert, for use in a key.

    Examples
    --------
    >>> series_name({"model_name": "credit", "model_version": "3", "window": "5m"})
    ':credit:3:5m:'
    """
    return ":".join(encoded(labels.get(part, "")) for part in _PARTS)


def series_of(alert: AlertEvent) -> str:
    """Name the series of an alert; one from outside has its own."""
    return sent_series(alert.fingerprint) if alert.source == "sent" else series_name(alert.labels)


def sent_series(fingerprint: str) -> str:
    """Name the series of an alert from outside: there may be any number that share labels."""
    return f"sent:{fingerprint}"


def judge(
    series: Series,
    seen: Iterable[tuple[Rule, list[Observation]]],
    mark: Mark,
    stale: bool,
    report: WindowReport | None = None,
) -> Step:
    """Apply what was observed to the alerts of a series.

    Parameters
    ----------
    series : as stored
    seen : by rule; also rules that observed nothing, whose mark moves on
    mark : of the window; the wall clock and 0 for checks
    stale : whether the newest input is old
    report : the report that tells, None for checks

    Returns
    -------
    Step
        Empty where every rule has judged this window or a newer one.
    """
    step = Step()
    for rule, observations in seen:
        known = series.marks.get(rule.name)
        if known is not None and known >= mark:
            continue
        step.marks[rule.name] = mark
        for observation in observations:
            step.add(judged(series, rule, observation, stale, report))
    return step


def judged(
    series: Series, rule: Rule, seen: Observation, stale: bool, report: WindowReport | None = None
) -> Step:
    """Apply one observation to its alert, whatever the rule has judged before."""
    step = Step()
    of = fingerprint(rule.name, seen.labels)
    before = series.episodes.get(of)
    change = advance(rule, before, seen, stale)
    if change.episode != before:
        step.episodes[of] = change.episode
    _stage(step, rule, seen, before, change, stale, report)
    return step


def _stage(
    step: Step,
    rule: Rule,
    seen: Observation,
    before: Episode | None,
    change: Change,
    stale: bool,
    report: WindowReport | None,
) -> None:
    """Put the events of a change into the outbox and before users' eyes."""
    of = fingerprint(rule.name, seen.labels)
    for turn in change.turns:
        event = make_event(rule, seen, turn, report, stale)
        step.shown[of] = event
        step.entries.append(Entry(event, turn.publish, turn.notify, rule.channels))
    was, now = _pending(before), _pending(change.episode)
    if now is not None and (was is None or was.starts_at != now.starts_at):
        turn = Turn(Status.PENDING, now, publish=False, notify=False)
        step.shown[of] = make_event(rule, seen, turn, report, stale)
    elif was is not None and now is None and not change.turns:
        step.shown[of] = None


def _pending(episode: Episode | None) -> Episode | None:
    return episode if episode is not None and episode.status is Status.PENDING else None
