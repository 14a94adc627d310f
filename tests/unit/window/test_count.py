"""Events into panes, for a model that nobody announced."""

import numpy as np

from stream.ingest.decode import DecodedEvent
from stream.sketches import latency
from stream.window.count import FEATURE_NAME_CHARACTERS_MAX, count_events
from stream.window.delta import COUNT, ERRORS, PaneDelta
from stream.window.panes import MINUTE_MS, PaneId
from stream.window.plan import DEFAULT_PLAN


def count(events: list[DecodedEvent], times_ms: list[int]) -> dict[PaneId, PaneDelta]:
    panes: dict[PaneId, PaneDelta] = {}
    count_events(panes, events, np.array(times_ms), MINUTE_MS, DEFAULT_PLAN, None)
    return panes


def test_each_event_is_in_the_pane_of_its_minute() -> None:
    times = [3 * MINUTE_MS, 60_000, 59_999, 119_999, 0, 120_000]
    events = [
        DecodedEvent(prediction=1, latency_ms=float(i)) if i % 2 else DecodedEvent(error="timeout")
        for i in range(len(times))
    ]
    panes = count(events, times)
    cores = {
        pane.start_ms // MINUTE_MS: d.core[[COUNT, ERRORS]].tolist() for pane, d in panes.items()
    }
    assert cores == {0: [2, 2], 1: [2, 0], 2: [1, 0], 3: [1, 1]}
    assert panes[PaneId(MINUTE_MS, 0)].errors == {"timeout": 2}
    second = panes[PaneId(MINUTE_MS, MINUTE_MS)]
    assert second.latency_max_ms == 3.0
    assert second.latency_ns == 4 * latency.NS_PER_MS
    assert panes[PaneId(MINUTE_MS, 0)].latencies is None


def test_kinds_of_features_are_counted_but_not_those_of_failed_requests() -> None:
    good = {"a": 1, "b": "x", "c": True, "d": [1], "e": None, "f": {"g": 1}, "h": 10**40, "": 0.5}
    long_name = {"n" * (FEATURE_NAME_CHARACTERS_MAX + 1): 1}
    events = [
        DecodedEvent(prediction=1, features=good | long_name),
        DecodedEvent(error="timeout", features={"a": "x"}),
        DecodedEvent(prediction=1),
    ]
    [pane] = count(events, [0, 0, 0]).values()
    assert pane.kinds == {"na": 1, "sb": 1, "bc": 1, "ad": 1, "xe": 1, "af": 1, "nh": 1, "n": 1}


def test_the_order_of_events_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(0, 5 * MINUTE_MS, 300).tolist()
    events = [DecodedEvent(prediction=1, latency_ms=float(x)) for x in rng.exponential(20, 300)]
    order = rng.permutation(300).tolist()
    forward = count(events, times)
    shuffled = count([events[i] for i in order], [times[i] for i in order])
    assert forward.keys() == shuffled.keys()
    for pane, delta in forward.items():
        assert dict(delta.rows()) == dict(shuffled[pane].rows())
