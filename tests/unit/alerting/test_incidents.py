from collections.abc import Callable

import pytest

from schemas.alerts import AlertEvent, Severity
from schemas.notifications import Kind
from stream.alerting.incidents import (
    NEW_FOR_MS,
    begun,
    incident_names,
    new_version,
    ranked_causes,
)
from stream.alerting.titles import first_of, title

MakeEvent = Callable[..., AlertEvent]
T0 = 1_790_002_800_000


def test_alerts_of_a_model_belong_together_and_what_is_stale_apart(make_event: MakeEvent) -> None:
    one = make_event()
    other = make_event("latency", labels={"model_name": "credit", "model_version": "4"})
    assert incident_names(one) == incident_names(other)
    stale = make_event(stale=True)
    assert incident_names(stale) == incident_names(one)[::-1]
    assert begun(stale) != begun(one)
    sent = make_event("disk-full", labels={"host": "a"})
    assert incident_names(sent)[0] == "rule disk-full"


def test_what_is_upstream_is_named_before_what_it_may_have_led_to(make_event: MakeEvent) -> None:
    alerts = [
        make_event("accuracy-drop", cause=("age: q 0",)),
        make_event("data-drift", cause=("age: q 0", "zip: q 0")),
        make_event("data-quality", labels={"model_name": "credit", "feature": "age"}),
        make_event("mine", severity=Severity.CRITICAL, cause=("because",)),
        make_event("pipeline-lag", labels={"namespace": "ml"}, cause=()),
    ]
    assert ranked_causes(alerts, ["version 4 is new"]) == (
        "version 4 is new",
        "pipeline-lag: pipeline-lag is firing",
        "mine: because",
        "data-quality age: data-quality is firing",
        "data-drift: age: q 0; zip: q 0",
    )
    assert ranked_causes(alerts[:1]) == ("age: q 0",), "one alone says why itself"


def test_where_only_segments_are_concerned_they_are_named(make_event: MakeEvent) -> None:
    def of(*segments: str | None) -> list[AlertEvent]:
        labels = [{} if one is None else {"segment": one} for one in segments]
        return [
            make_event(labels={"model_name": "credit"} | one, starts_at=T0 + number)
            for number, one in enumerate(labels)
        ]

    assert ranked_causes(of("country=DE", "country=FR"))[0] == "only country=DE, country=FR"
    assert not any(line.startswith("only") for line in ranked_causes(of("country=DE", None)))
    assert ranked_causes(of(*"abcdefg"))[0] == "only a, b, c, d, e, …"


def test_thousands_of_alerts_make_ten_causes(make_event: MakeEvent) -> None:
    alerts = [
        make_event("data-quality", labels={"model_name": "credit", "feature": f"f{number}"})
        for number in range(3_000)
    ]
    causes = ranked_causes(alerts)
    assert len(causes) == len(set(causes)) == 10


@pytest.mark.parametrize(
    ("seen", "now_ms", "says"),
    [
        ({"2": 0, "3": T0}, T0 + 300_000, "version 3 is new: first seen 5 min ago"),
        ({"2": 0, "3": T0}, T0 + NEW_FOR_MS + 1, None),
        ({"3": T0}, T0, None),  # the first version there is
        ({"3": T0, "4": T0 + 1}, T0 + 2, None),  # the older one
        ({"2": 0, "3": T0}, T0 - 60_000, "version 3 is new: first seen 0 s ago"),
        ({}, T0, None),
    ],
)
def test_a_version_is_news_for_a_day_where_there_is_an_older_one(
    make_event: MakeEvent, seen: dict[str, int], now_ms: int, says: str | None
) -> None:
    assert new_version(make_event(), seen, now_ms) == says


def test_titles_say_how_bad_it_is_and_name_the_worst(make_event: MakeEvent) -> None:
    mild, bad = make_event(), make_event("latency", severity=Severity.ERROR, starts_at=T0 + 1)
    labels = {"model_name": "credit"}
    assert first_of([mild, bad]) is bad
    assert title(Kind.FIRST, (bad,), bad, 1, 0, labels) == "ERROR latency: latency is firing"
    assert title(Kind.REPEAT, (bad,), bad, 2, 0, labels) == (
        "ERROR credit: still 2 alerts fire, first latency: latency is firing"
    )
    assert title(Kind.RESOLVED, (bad,), None, 0, 0, labels) == (
        "RESOLVED latency: latency is firing"
    )
    assert title(Kind.RESOLVED, (mild, bad), None, 0, 1_000, labels) == (
        "RESOLVED credit: all is over, the last 1,002 alerts too"
    )
    assert title(Kind.UPDATE, (mild, bad), None, 0, 0, labels) == (
        "RESOLVED credit: 2 alerts are over"
    )
