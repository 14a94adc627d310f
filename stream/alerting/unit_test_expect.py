"""What alerts did in a test, and what they were expected to do. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.alerts import AlertEvent, Severity, Status
from schemas.durations import duration_text
from schemas.timestamps import minute_text
from stream.alerting.figures import matches_all
from stream.alerting.judge import Step


@dataclass(frozen=True, slots=True)
class Expected:
    """What an alert is to be.

    Attributes
    ----------
    labels : that it has; ``*`` allowed
    status : `pending`, `firing` or `resolved`; None is that there is no such alert
    severity : None is any
    summary : words of its summary; None is any
    """

    labels: Mapping[str, str]
    status: str | None
    severity: Severity | None
    summary: str | None

    def fits(self, event: AlertEvent) -> bool:
        """Whether an alert is as expected, its status aside."""
        return (
            matches_all(self.labels, event.labels)
            and self.severity in (None, event.severity)
            and (self.summary is None or self.summary in event.summary)
        )

    def in_words(self) -> str:
        """Say what is expected, its status aside."""
        words = [] if self.severity is None else [self.severity.value]
        if self.labels:
            words.append(_labels(self.labels))
        if self.summary is not None:
            words.append(f'with "{self.summary}"')
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Check:
    """All alerts of one rule that are to stand at one time, epoch ms."""

    at_ms: int
    rule: str
    expected: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class ExpectedEpisode:
    """One episode; times are epoch ms, ``resolved_ms`` is None while it still fires."""

    rule: str
    fired_ms: int
    resolved_ms: int | None
    expected: Expected


class FoundEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """One episode as it was. Times are epoch ms.

    Attributes
    ----------
    rule, severity, labels, summary
        Of the alert when it fired.
    starts_at
        When the condition first held.
    fired_at
        When it fired.
    resolved_at
        When it was over; null while it still fires.
    """

    rule: str
    severity: Severity
    labels: dict[str, str]
    starts_at: int
    fired_at: int
    resolved_at: int | None
    summary: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a test.

    Attributes
    ----------
    name
        Of the test.
    ok
        Whether all was as expected.
    failures
        One sentence for each thing that was not.
    episodes
        All that fired, oldest first.
    """

    name: str
    ok: bool
    failures: tuple[str, ...]
    episodes: tuple[FoundEpisode, ...]


@dataclass(slots=True)
class Timeline:
    """What alerts were when, by the ends of the windows that told.

    Attributes
    ----------
    shown : by fingerprint, (end of the window, the alert from then on; None where there is none)
    fired : events that an episode began with, oldest first
    ended : ends of episodes, by fingerprint and start
    """

    shown: dict[str, list[tuple[int, AlertEvent | None]]] = field(default_factory=dict)
    fired: list[AlertEvent] = field(default_factory=list)
    ended: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, at_ms: int, step: Step) -> None:
        """Write down what a report changed."""
        for of, event in step.shown.items():
            self.shown.setdefault(of, []).append((at_ms, event))
        for entry in step.entries:
            event = entry.alert
            if not entry.publish:
                continue
            if event.status is not Status.RESOLVED:
                self.fired.append(event)
            elif event.ends_at is not None:
                self.ended[event.fingerprint, event.starts_at] = event.ends_at

    def at(self, at_ms: int, rule: str) -> list[AlertEvent]:
        """Return the alerts of a rule as they stood at a time, those that are over included."""
        found = []
        for changes in self.shown.values():
            last = [event for since_ms, event in changes if since_ms <= at_ms][-1:]
            found += [event for event in last if event is not None and event.rule == rule]
        return found

    def episodes(self) -> list[FoundEpisode]:
        """Return all episodes, as they began."""
        return [
            FoundEpisode(
                rule=event.rule,
                severity=event.severity,
                labels=event.labels,
                starts_at=event.starts_at,
                fired_at=_began(event),
                resolved_at=self.ended.get((event.fingerprint, event.starts_at)),
                summary=event.summary,
            )
            for event in self.fired
        ]


def compared(
    name: str,
    start_ms: int,
    timeline: Timeline,
    checks: Sequence[Check],
    episodes: Sequence[ExpectedEpisode] | None,
) -> Outcome:
    """Compare what alerts did with what they were expected to do.

    Parameters
    ----------
    name : of the test
    start_ms : what times are counted from in words
    timeline : what alerts did
    checks : what stands when
    episodes : all that are to fire; None is those that the checks speak of
    """
    when = _When(start_ms)
    failures: list[str] = []
    known: set[tuple[str, int]] = set()
    for check in sorted(checks, key=lambda check: check.at_ms):
        failures += _checked(check, timeline, known, when)
    if episodes is not None:
        failures += _episodes_compared(episodes, timeline, when)
    else:
        failures += [
            f"{_fired(event, timeline, when)}, and nothing expects it"
            for event in timeline.fired
            if (event.fingerprint, event.starts_at) not in known
        ]
    return Outcome(
        name=name, ok=not failures, failures=tuple(failures), episodes=tuple(timeline.episodes())
    )


def _checked(
    check: Check, timeline: Timeline, known: set[tuple[str, int]], when: "_When"
) -> list[str]:
    """Compare the alerts of a rule at one time; episodes that are told of become known."""
    found = timeline.at(check.at_ms, check.rule)
    standing = [event for event in found if event.status is not Status.RESOLVED]
    wanted = [one for one in check.expected if one.status is not None]
    refused = [one for one in check.expected if one.status is None]
    fits = [
        [n for n, event in enumerate(found) if event.status == one.status and one.fits(event)]
        for one in wanted
    ]
    chosen = matched(fits)
    taken = {found[n].fingerprint for n in chosen if n is not None}
    is_met = (
        None not in chosen
        and all(event.fingerprint in taken for event in standing)
        and not any(one.fits(event) for one in refused for event in standing)
    )
    known |= {
        (event.fingerprint, event.starts_at)
        for event in found
        if event.status is not Status.PENDING and (event.fingerprint in taken or not is_met)
    }
    if is_met:
        return []
    expected = "; ".join(f"{one.status} {one.in_words()}".strip() for one in wanted)
    if refused and not wanted:
        with_ = "; ".join(filter(None, (one.in_words() for one in refused)))
        expected = f"none {with_}".strip()
    seen = "; ".join(_found(event) for event in found) or "none"
    return [f"{when.text(check.at_ms)}: {check.rule}: expected {expected}, found {seen}"]


def _episodes_compared(
    episodes: Sequence[ExpectedEpisode], timeline: Timeline, when: "_When"
) -> list[str]:
    """Compare all episodes with those that are expected."""
    fired = timeline.fired
    fits = [
        [n for n, event in enumerate(fired) if _is_episode(one, event, timeline)]
        for one in episodes
    ]
    chosen = matched(fits)
    failures = []
    for one, number in zip(episodes, chosen, strict=True):
        if number is None:
            end = "on" if one.resolved_ms is None else f"to {when.text(one.resolved_ms)}"
            failures.append(
                f"expected {one.rule} to fire {one.expected.in_words()}".rstrip()
                + f" from {when.text(one.fired_ms)} {end}, and it did not"
            )
    return failures + [
        f"{_fired(event, timeline, when)}, and nothing expects it"
        for number, event in enumerate(fired)
        if number not in chosen
    ]


def _is_episode(one: ExpectedEpisode, event: AlertEvent, timeline: Timeline) -> bool:
    ended_ms = timeline.ended.get((event.fingerprint, event.starts_at))
    return (
        event.rule == one.rule
        and _began(event) == one.fired_ms
        and ended_ms == one.resolved_ms
        and one.expected.fits(event)
    )


def matched(fits: Sequence[Iterable[int]]) -> list[int | None]:
    """Give each of several wishes something of its own, as many of them as can be.

    Parameters
    ----------
    fits : what each would take, by number

    Returns
    -------
    list
        What each has; None where nothing is left for it.

    Examples
    --------
    >>> matched([[0, 1], [0], [0]])
    [1, 0, None]
    """
    owner: dict[int, int] = {}

    def give(wish: int, tried: set[int]) -> bool:
        for thing in fits[wish]:
            if thing in tried:
                continue
            tried.add(thing)
            if thing not in owner or give(owner[thing], tried):
                owner[thing] = wish
                return True
        return False

    for wish in range(len(fits)):
        give(wish, set())
    has = {wish: thing for thing, wish in owner.items()}
    return [has.get(wish) for wish in range(len(fits))]


@dataclass(frozen=True, slots=True)
class _When:
    """Times in words: how long after the start, and the clock."""

    start_ms: int

    def text(self, at_ms: int) -> str:
        """Write a time."""
        if at_ms < self.start_ms:
            return minute_text(at_ms)
        return f"{duration_text(at_ms - self.start_ms)} ({minute_text(at_ms)})"


def _began(event: AlertEvent) -> int:
    return event.starts_at if event.fired_at is None else event.fired_at


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in labels.items()) + "}"


def _found(event: AlertEvent) -> str:
    return f"{event.status} {event.severity} {_labels(event.labels)} ({event.summary})"


def _fired(event: AlertEvent, timeline: Timeline, when: _When) -> str:
    ended_ms = timeline.ended.get((event.fingerprint, event.starts_at))
    end = "on" if ended_ms is None else f"to {when.text(ended_ms)}"
    return (
        f"{event.rule} fired, {event.severity} {_labels(event.labels)}, from"
        f" {when.text(_began(event))} {end}"
    )
