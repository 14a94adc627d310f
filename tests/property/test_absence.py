"""An alert's life where figures come, go missing, come late and come back, whatever the policy."""

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from schemas.alerts import AlertEvent, Severity, Status, fingerprint
from schemas.conditions import parse_condition
from schemas.rules import NoData, RuleConfig
from stream.alerting.absence import LastSeen, judge_absence
from stream.alerting.evaluate import Observation, Reading
from stream.alerting.judge import Mark, Series, Step, judge
from stream.alerting.rules import compile_rules

MINUTE_MS = 60_000
LABELS = {"model_name": "credit", "model_version": "3", "window": "5m"}
OF = fingerprint("mine", LABELS)
CONDITION = parse_condition("> 1")
SEVERITIES = list(Severity)

# A window: how many minutes after the newest one it ends (0 is a revision), whether the condition
# holds (None: something between, where `clear` differs), how severe, whether the input is stale.
WINDOWS = st.tuples(
    st.just("window"),
    st.integers(0, 3),
    st.sampled_from([True, True, False, None]),
    st.sampled_from([Severity.INFO, Severity.WARNING, Severity.ERROR]),
    st.booleans(),
)
# A look by the clock, so many half minutes later; now and then the clock goes back.
LOOKS = st.tuples(st.just("look"), st.integers(-4, 30))
RULES = st.builds(
    lambda policy, for_, keep, cooldown: next(
        rule
        for rule in compile_rules(
            [
                RuleConfig(
                    name="mine",
                    metric="x",
                    window="5m",
                    condition="> 1",
                    no_data=policy,
                    for_=f"{for_}m",
                    keep_firing_for=f"{keep}m",
                    cooldown=f"{cooldown}m",
                )
            ]
        )
        if rule.name == "mine"
    ),
    st.sampled_from(NoData),
    st.sampled_from([0, 0, 2]),
    st.sampled_from([0, 0, 2]),
    st.sampled_from([0, 0, 3]),
)


class Life:
    """One alert of one series, stepped as the script does it."""

    def __init__(self, rule: Any) -> None:
        self.rule = rule
        self.series = Series()
        self.last: LastSeen | None = None
        self.end_ms = 100 * MINUTE_MS
        self.revision = 0
        self.now_ms = 1_000_000 * MINUTE_MS
        self.events: list[AlertEvent] = []
        self.told: list[AlertEvent] = []

    def take(self, kind: str, *rest: Any) -> None:
        if kind == "window":
            self._window(*rest)
        else:
            self.now_ms += rest[0] * MINUTE_MS // 2
            if self.last is not None:
                step = judge_absence(self.rule, LABELS, self.last, self.now_ms, self.series)
                self._apply(step)

    def _window(self, later: int, holds: bool | None, severity: Severity, stale: bool) -> None:
        self.end_ms += later * MINUTE_MS
        self.revision += 1
        seen = Observation(
            rule="mine",
            labels=LABELS,
            at_ms=self.end_ms,
            holds=bool(holds),
            clears=holds is False,
            severity=severity,
            readings=(Reading("x", 2.0 if holds else 0.0, CONDITION, 1.0),),
        )
        mark = Mark(self.end_ms, self.revision)
        self._apply(judge(self.series, [(self.rule, [seen])], mark, stale))
        self.last = LastSeen(self.now_ms, self.end_ms, MINUTE_MS, stale)

    def _apply(self, step: Step) -> None:
        episodes = {**self.series.episodes, **step.episodes}
        self.series = Series(
            self.series.sequence + 1,
            {**self.series.marks, **step.marks},
            {of: episode for of, episode in episodes.items() if episode is not None},
        )
        self.events += [entry.alert for entry in step.entries if entry.publish]
        self.told += [entry.alert for entry in step.entries if entry.notify]


def lived(rule: Any, steps: list[tuple[Any, ...]]) -> Life:
    life = Life(rule)
    for step in steps:
        life.take(*step)
    return life


STEPS = st.lists(WINDOWS | LOOKS, max_size=40)


@given(RULES, STEPS)
def test_an_id_has_one_content_and_episodes_follow_each_other(rule: Any, steps: Any) -> None:
    events = lived(rule, steps).events
    by_id: dict[str, bytes] = {}
    for one in events:
        raw = msgspec.json.encode(one)
        assert by_id.setdefault(one.id, raw) == raw
        event(one.status.value)
    assert len(by_id) == len(events)
    over = [one.status is Status.RESOLVED for one in events]
    assert not over or not over[0]
    assert all(now is not before for before, now in pairwise(over))
    for begun, ended in zip(events[::2], events[1::2], strict=False):
        assert (begun.starts_at, begun.severity) == (ended.starts_at, ended.severity)
        assert ended.ends_at is not None
        assert ended.ends_at >= ended.starts_at


@given(RULES, STEPS)
def test_who_is_told_of_a_beginning_is_told_of_its_end_and_of_no_other(
    rule: Any, steps: Any
) -> None:
    told = lived(rule, steps).told
    assert [one.status is Status.RESOLVED for one in told] == [
        number % 2 == 1 for number in range(len(told))
    ]
    for begun, ended in zip(told[::2], told[1::2], strict=False):
        assert begun.starts_at == ended.starts_at


@given(RULES, STEPS)
def test_what_is_missing_ends_nothing_unless_the_policy_says_so(rule: Any, steps: Any) -> None:
    life = Life(rule)
    for step in steps:
        before = len(life.events)
        life.take(*step)
        for one in life.events[before:]:
            if step[0] == "look" and one.status is Status.RESOLVED:
                assert rule.no_data is NoData.OK
            if one.status is Status.NO_DATA:
                assert rule.no_data is NoData.ALERT
                assert step[0] == "look"


@given(RULES, STEPS, st.integers(0, 60))
def test_what_goes_on_holding_fires_whatever_was_before(rule: Any, steps: Any, gap: int) -> None:
    life = lived(rule, [*steps, ("look", gap)])
    since = life.end_ms + MINUTE_MS
    for _ in range(1 + rule.cooldown_ms // MINUTE_MS + rule.for_ms // MINUTE_MS):
        life.take("window", 1, True, Severity.ERROR, False)
    assert life.events[-1].status is Status.FIRING
    assert life.events[-1].severity is Severity.ERROR
    assert life.told[-1].status is Status.FIRING
    assert since <= life.end_ms


@given(RULES, STEPS)
def test_what_stays_missing_is_told_once_unless_something_fires(rule: Any, steps: Any) -> None:
    fresh = ("window", 1_000, False, Severity.INFO, False)  # event time has caught up
    life = lived(rule, [*steps, fresh])
    before = len(life.events)
    for _ in range(12):
        life.take("look", 2)
    new = [one.status for one in life.events[before:]]
    still_firing = before % 2 == 1
    if rule.no_data is NoData.ALERT and not still_firing:
        assert new == [Status.NO_DATA]
    else:
        assert Status.NO_DATA not in new
