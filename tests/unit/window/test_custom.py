"""Figures that are sent along: what is counted of them, and what bounds it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from schemas.activations import Plan
from stream.ingest.decode import DecodedEvent
from stream.rollup.merge import PaneCounts, decode_pane
from stream.sketches.exact_sums import ExactSums
from stream.state import codec
from stream.window.count import Batch, count_events
from stream.window.custom import (
    FIGURES_LOOKED_AT,
    NAME_CHARACTERS_MAX,
    NAMES_MAX,
    VALUE_LIMIT,
    CustomCounts,
    CustomDelta,
    custom_rows,
    decode_custom_row,
    merge_custom,
)
from stream.window.delta import PaneDelta
from stream.window.panes import MINUTE_MS, PaneId
from stream.window.plan import DEFAULT_PLAN, CountingPlan, compile_plan

Sent = Mapping[str, float | None]


def counted(sent: Sequence[Sent]) -> dict[str, CustomCounts]:
    delta = CustomDelta()
    delta.add(sent)
    return delta.counts()


def content(found: Mapping[str, CustomCounts]) -> dict[str, bytes]:
    return dict(custom_rows(found))


def of(**values: Sequence[float]) -> dict[str, bytes]:
    return content({name: CustomCounts.of(np.array(held)) for name, held in values.items()})


def pane_of(events: Sequence[DecodedEvent], plan: CountingPlan = DEFAULT_PLAN) -> PaneDelta:
    panes: dict[PaneId, PaneDelta] = {}
    size = len(events)
    times, hashes = np.zeros(size, dtype=np.int64), np.arange(size, dtype=np.uint32)
    batch = Batch(events, times, hashes, np.ones(size, dtype=np.bool_), None, {})
    count_events(panes, batch, MINUTE_MS, plan, sampling_rate=0.5)
    return panes[PaneId(MINUTE_MS, 0)]


def decoded(pane: PaneDelta) -> PaneCounts:
    return decode_pane({name.encode(): row for name, row in pane.rows()})


def test_figures_of_all_accepted_events_are_counted_whatever_is_sampled() -> None:
    events = [
        DecodedEvent(prediction=1, metrics={"basket": 10.0, "discount": None}),
        DecodedEvent(error="timeout", metrics={"basket": 20.0}),
        DecodedEvent(prediction=1),
        DecodedEvent(prediction=1, metrics={}),
        DecodedEvent(prediction=1, metrics={"basket": -5.0, "discount": 0.5}),
    ]
    custom = decoded(pane_of(events)).custom
    assert content(custom) == of(basket=[10.0, 20.0, -5.0], discount=[0.5])
    basket = custom["basket"]
    assert (basket.low, basket.high, basket.sums.count) == (-5.0, 20.0, 3)
    assert basket.sums.total == 25.0


def test_events_without_figures_leave_no_rows() -> None:
    pane = pane_of([DecodedEvent(prediction=1), DecodedEvent(prediction=1, metrics={})])
    assert not [name for name, _ in pane.rows() if name.startswith("m")]


def test_segments_have_none() -> None:
    plan = compile_plan(Plan(segments=("country",), segment_values={"country": ("FR",)}), None)
    event = DecodedEvent(prediction=1, features={"country": "FR"}, metrics={"basket": 1.0})
    counts = decoded(pane_of([event], plan))
    assert counts.custom.keys() == {"basket"}
    assert {name: part.custom for name, part in counts.segments.items()} == {"country=FR": {}}


def test_events_that_send_the_same_and_that_do_not_are_counted_alike() -> None:
    rng = np.random.default_rng(1)
    sent = [{"a": float(x), "b": None if x > 3 else -float(x)} for x in rng.lognormal(1, 1, 300)]
    alike = counted(sent)
    other = counted([{"c": 1.0}, *sent])
    del other["c"]
    assert content(alike) == content(other)
    assert alike["a"].sums == ExactSums.of(one["a"] or 0.0 for one in sent)


@pytest.mark.parametrize(
    "name", ["a:b", ":", "a|b", "s:country=FR|x", "m:1:2", "1", "ümlaut \n\x00", "metric.x.mean"]
)
def test_any_name_comes_back(name: str) -> None:
    pane = pane_of([DecodedEvent(prediction=1, metrics={name: 0.1})])
    assert content(decoded(pane).custom) == of(**{name: [0.1]})


@pytest.mark.parametrize("others", [{}, {"y": 1.0}])
def test_names_that_are_empty_or_too_long_are_not_counted(others: Sent) -> None:
    long, longest = "n" * (NAME_CHARACTERS_MAX + 1), "n" * NAME_CHARACTERS_MAX
    found = counted([{"": 1.0, long: 1.0, longest: 1.0, "x": 1.0}, {"x": 2.0, **others}])
    assert found.keys() == {longest, "x", *others}
    assert found["x"].sums.count == 2


@pytest.mark.parametrize("value", [VALUE_LIMIT, -VALUE_LIMIT, 1.7e308, math.inf, math.nan])
def test_what_no_sum_can_hold_is_not_counted(value: float) -> None:
    assert counted([{"x": value}]) == {}
    assert content(counted([{"x": value}, {"x": 1.0}])) == of(x=[1.0])


@pytest.mark.parametrize("value", [np.nextafter(VALUE_LIMIT, 0), 5e-324, 2.0**-33, 1e19])
def test_extreme_values_fit_into_rows(value: float) -> None:
    pane = pane_of([DecodedEvent(prediction=1, metrics={"x": value})] * 3)
    assert content(decoded(pane).custom) == of(x=[value] * 3)


def test_many_names_are_bounded_by_their_hashes() -> None:
    names = [f"figure {i}" for i in range(3 * NAMES_MAX)]
    kept = set(sorted(names, key=codec.name_hash)[:NAMES_MAX])
    at_once = counted([dict.fromkeys(names, 1.0)])
    one_by_one = counted([{name: 1.0} for name in reversed(names)])
    assert at_once.keys() == one_by_one.keys() == kept
    panes = [counted([{name: 1.0} for name in part]) for part in (names[:100], names[100:])]
    assert merge_custom(panes).keys() == kept


def test_of_one_event_only_so_many_figures_are_looked_at() -> None:
    sent = {f"{i:04d}": 1.0 for i in range(FIGURES_LOOKED_AT)}
    more = sent | {f"{i:04d}": 1.0 for i in range(FIGURES_LOOKED_AT, 4 * FIGURES_LOOKED_AT)}
    assert content(counted([more])) == content(counted([sent]))


@pytest.mark.parametrize(
    ("marker", "rest", "row"),
    [
        ("m", "x:0", codec.encode_sums([1, 2, 3])),
        ("m", "x:61", codec.encode_sums([1, 2, 3, 4])),
        ("m", "x:one", codec.encode_sums([1, 2, 3, 4])),
        ("m", "x:0", codec.encode_counts(np.zeros(512, dtype=np.int64))),
        ("mh", "x:13", codec.encode_counts(np.zeros(512, dtype=np.int64))),
        ("mh", "x:12", codec.encode_counts(np.zeros(512, dtype=np.int64))),
        ("mh", "x:-1", codec.encode_counts(np.zeros(512, dtype=np.int64))),
        ("mx", "x", codec.encode_maxima(np.zeros(3))),
    ],
)
def test_a_damaged_row_is_refused(marker: str, rest: str, row: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_custom_row({}, marker, rest, row)
