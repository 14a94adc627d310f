"""The label join against a real Redis and a model of it: in any order, however often repeated."""

import math
from collections.abc import Iterator
from typing import Any

import join_model as model
import numpy as np
import pytest
import redis
from join_calls import (
    Join,
    assert_as_expected,
    assert_equal,
    exact,
    merged,
    plain,
    sent_in,
    terms_for,
)
from join_model import Label, Prediction, Terms
from join_records import (
    EDGES,
    FRAUD,
    HORIZON_S,
    SAID,
    START_MS,
    START_S,
    TERMS,
    Drawing,
    asked,
    told,
)

from stream.embedded import EmbeddedStack
from stream.state.keys import VersionId
from stream.state.store import StateStore
from stream.window.label_terms import Mode
from stream.window.labelled import UNUSABLE, LabelCounts, decode_labels
from stream.window.panes import DAY_MS, HOUR_MS


@pytest.fixture
def join(stack: EmbeddedStack, namespace: str) -> Iterator[Join]:
    with redis.Redis.from_url(stack.redis_url) as client:
        yield Join(client, namespace)


def counted(join: Join, version: VersionId = FRAUD) -> LabelCounts:
    return merged(join, version)


# -- any records, any order ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_any_order_any_batches_and_any_repetition_count_the_same(
    stack: EmbeddedStack, namespace: str, seed: int
) -> None:
    drawing = Drawing(seed)
    predictions, labels = drawing.records(30)
    found = []
    with redis.Redis.from_url(stack.redis_url) as client:
        for order in range(4):
            join = Join(client, f"{namespace}{order}")
            join.terms = TERMS
            records = drawing.shuffled([*predictions, *labels])
            at = 0
            while at < len(records):
                until = at + int(drawing.rng.integers(1, 200))
                sent_in(join, records[at:until])
                if drawing.chance(0.3):  # a crash before the commit: cut otherwise, sent again
                    at = max(0, at - int(drawing.rng.integers(0, 100)))
                else:
                    at = until
            figures = join.figures()
            assert (figures.entries, figures.memory_bytes) == join.stored()
            join.sweep(START_S + 100 * HORIZON_S)
            found.append(assert_as_expected(join, predictions, labels))
            figures = join.figures()
            assert (figures.entries, figures.memory_bytes) == join.stored() == (0, 0)
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize("seed", range(4))
def test_sweeping_meanwhile_changes_nothing(
    stack: EmbeddedStack, namespace: str, seed: int
) -> None:
    drawing = Drawing(seed)
    predictions, labels = drawing.records(30)
    found = []
    with redis.Redis.from_url(stack.redis_url) as client:
        for order in range(3):
            join = Join(client, f"{namespace}{order}")
            join.terms = TERMS
            lags = drawing.rng.integers(0, 3 * HORIZON_S, 12)  # of each partition

            def read_at(one: Prediction | Label, lags: Any = lags) -> int:
                of_labels = isinstance(one, Label) and one.place[0] == "labels"
                return one.append_s + int(lags[one.place[-3] % 3 + 3 * of_labels])

            left: list[Prediction | Label] = sorted([*predictions, *labels], key=read_at)
            while left:
                some = left[: int(drawing.rng.integers(1, 60))]
                for _ in range(1 + drawing.chance(0.3)):  # or a crash before the commit
                    sent_in(join, some)
                left = left[len(some) :]
                if drawing.chance(0.7):  # a log clock never stands beyond what is still to be read
                    join.sweep_before(min((one.append_s for one in left), default=0))
            for clock_s in range(START_S, START_S + 12 * HORIZON_S, HORIZON_S // 8):
                join.sweep(clock_s)
            found.append(assert_as_expected(join, predictions, labels))
            assert join.figures().entries == 0
    assert found[0] == found[1] == found[2]


def test_the_same_calls_again_change_not_a_byte(join: Join) -> None:
    drawing = Drawing(3)
    predictions, labels = drawing.records(30)
    labels = [one for one in labels if int(one.id[1:]) % 2]
    few = {one.id: [two for two in labels if two.id == one.id][:8] for one in labels}
    labels = [one for of_request in few.values() for one in of_request]
    join.terms = TERMS

    def everything() -> dict[bytes, Any]:
        keys = join.client.keys(f"{join.namespace}:*")
        return {key: join.client.dump(key) for key in keys if key != join.keys.terms(key[-4:])}

    join.send(predictions, labels)
    before = everything()
    for _ in range(2):
        join.send(drawing.shuffled(predictions), drawing.shuffled(labels))
    assert everything() == before


# -- one thing at a time ---------------------------------------------------------------------------

ABSENT = Terms("class", "1", EDGES, absent=0, absent_after_s=1800)


def test_absence_speaks_when_its_time_is_over_and_a_label_replaces_it(join: Join) -> None:
    join.terms = {FRAUD: ABSENT}
    join.send([asked("a"), asked("b", place=(0, 2, -1))], [told("b", after_s=1800)])
    join.sweep(START_S + 900)
    assert counted(join).confusion() == {("1", "1"): 1}
    join.sweep(START_S + 3000)
    assert counted(join).confusion() == {("1", "1"): 1, ("1", "0"): 1}
    assert counted(join).delays.sum() == 1, "it is no label that came after some time"
    assert counted(join).revision == 2
    join.send([], [told("a", after_s=5000, offset=2)])
    assert counted(join).confusion() == {("1", "1"): 2}
    assert (counted(join).labelled, counted(join).revision) == (2, 3)
    figures = join.figures()
    assert (figures.matched, figures.corrected) == (2, 1)


@pytest.mark.parametrize("order", ["PEL", "PLE", "EPL", "ELP", "LPE", "LEP"])
def test_absence_is_silent_where_a_label_came_in_time_whatever_is_read_first(
    join: Join, order: str
) -> None:
    join.terms = {FRAUD: ABSENT}
    early, late = told(value=1, after_s=1000), told(value=0, after_s=4000, offset=2)
    for what in order:
        join.send([asked()] if what == "P" else [], {"E": [early], "L": [late]}.get(what, []))
    assert_as_expected(join, [asked()], [early, late])
    assert counted(join).revision == 2, "the label, and its correction"
    join.sweep(START_S + 5000)
    assert_as_expected(join, [asked()], [early, late])


@pytest.mark.parametrize("order", ["PL", "LP"])
def test_a_label_out_of_time_corrects_what_absence_said_whatever_is_read_first(
    join: Join, order: str
) -> None:
    join.terms = {FRAUD: ABSENT}
    late = told(value=1, after_s=4000)
    for what in order:
        join.send([asked()] if what == "P" else [], [late] if what == "L" else [])
    assert_as_expected(join, [asked()], [late])
    assert counted(join).revision == 2


def test_absence_of_a_request_that_another_answer_replaces_is_forgotten(join: Join) -> None:
    join.terms = {FRAUD: ABSENT}
    join.send([asked()])
    join.sweep(START_S + 2000)
    earlier = asked(time_ms=START_MS - 5, append_s=START_S + 2500, place=(1, 7, -1))
    join.send([earlier])
    assert counted(join).labelled == 0
    join.sweep(START_S + 9000)
    assert_as_expected(join, [asked(), earlier], [])
    assert join.figures().matched == 1


@pytest.mark.parametrize(("after_s", "matched"), [(7200, 1), (7201, 0), (-7200, 1), (-7201, 0)])
def test_labels_match_within_the_horizon_on_both_sides(
    join: Join, after_s: int, matched: int
) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()])
    join.send([], [told(after_s=after_s)])
    assert counted(join).labelled == matched


def test_what_waits_in_vain_is_left_out_and_counted_once(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    predictions = [asked(f"p{i}", place=(0, i, -1)) for i in range(20)]
    labels = [told(f"l{i}", offset=i) for i in range(30)] + [told("p0", offset=99)]
    join.send(predictions, labels)
    join.sweep_before(START_S + 7200)
    assert join.figures().entries == 50
    for _ in range(3):
        join.sweep(START_S + 9000)
    figures = join.figures()
    assert (figures.entries, figures.memory_bytes) == (0, 0)
    assert (figures.unlabelled, figures.orphaned, figures.matched) == (19, 30, 1)
    assert_as_expected(join, predictions, labels)


def test_an_id_used_again_after_the_horizon_is_another_request(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    again = asked(
        value=0, time_ms=START_MS + 5 * HOUR_MS, append_s=START_S + 18_000, place=(0, 2, -1)
    )
    first, second = told(value=1), told(value=0, after_s=18_500, offset=2)
    join.send([asked()], [first])
    join.send([again], [second])
    for _ in range(2):  # read again after a crash
        join.send([asked(), again], [first, second])
    panes = join.panes(FRAUD)
    assert [counts.confusion() for _, counts in sorted(panes.items())] == [
        {("1", "1"): 1},
        {("0", "0"): 1},
    ]
    assert counted(join).cells.tolist() == [2, 2, 0, 0]
    assert (join.figures().entries, join.figures().matched) == (1, 2)


def test_labels_of_other_versions_push_no_label_out(join: Join) -> None:
    models = [VersionId(f"m{i}", "1") for i in range(20)]
    join.terms = dict.fromkeys(models, SAID)
    predictions = [asked(model=one.model, place=(0, i, -1)) for i, one in enumerate(models)]
    labels = [
        told(value=i % 2, after_s=i, model=one.model, place=("predictions", 0, i, -1))
        for i, one in enumerate(models)
    ]
    join.send(predictions, labels)
    assert_as_expected(join, predictions, labels)
    assert join.figures().matched == 20


def test_figures_that_follow_a_label_do_not_push_it_out(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    labels = [told(value=1)]
    labels += [
        told(value=None, after_s=60 + i, offset=1 + i, metrics={"dwell_s": float(i)})
        for i in range(1, 30)
    ]
    join.send([asked()], labels)
    assert_as_expected(join, [asked()], labels)
    assert counted(join).sums["metric.dwell_s"].total == 29


def test_numbers_sent_as_text_and_as_numbers_are_told_apart_where_that_matters(join: Join) -> None:
    price = VersionId("price", "1")
    join.terms = {price: Terms("number"), FRAUD: SAID}
    predictions = [asked(model="price", value=5.0), asked(value=3)]
    labels = [told(value=v, after_s=i, offset=i) for i, v in enumerate(["3", 3, True, 1, 4])]
    for label in labels:
        join.send([], [label])
        join.send(predictions)
        assert_as_expected(join, predictions, labels[: labels.index(label) + 1])


def test_an_item_that_is_shown_twice_gains_once(join: Join) -> None:
    ranker = VersionId("ranker", "1")
    join.terms = {ranker: Terms("ranking")}
    join.send([asked(model="ranker", value=["a", "a", "b"])], [told(value=["a"])])
    assert counted(join, ranker).sums["ndcg"].mean == 1.0


# -- roll-ups --------------------------------------------------------------------------------------


def test_labels_of_hours_that_were_rolled_into_a_day_change_the_day(join: Join) -> None:
    join.terms = {FRAUD: Terms("class", "1", EDGES, countries=("FR",), horizon_s=86_400)}
    midnight_ms = START_MS // DAY_MS * DAY_MS
    rng = np.random.default_rng(1)
    predictions = [
        asked(
            f"r{i}",
            value=i % 2,
            time_ms=midnight_ms + int(rng.integers(0, DAY_MS)),
            place=(0, i, -1),
            probability=float(rng.random()),
            country="FR" if i % 3 else None,
        )
        for i in range(200)
    ]
    labels = [
        told(f"r{i % 200}", value=int(rng.integers(2)), after_s=i, offset=i) for i in range(600)
    ]
    join.send(predictions[:150], labels[:150])
    store = StateStore(join.client, join.namespace)
    hours = list(join.panes(FRAUD))
    assert {pane.tier_ms for pane in hours} == {HOUR_MS}
    assert store.roll(FRAUD, hours[::2], labelled=True) == len(hours[::2])
    join.send(predictions[150:], labels[150:400])
    hours = [pane for pane in join.panes(FRAUD) if pane.tier_ms == HOUR_MS]
    assert store.roll(FRAUD, hours, labelled=True) == len(hours) > 0
    join.send([], labels[400:])
    assert [pane.tier_ms for pane in join.panes(FRAUD)] == [DAY_MS]
    whole = model.joined(
        predictions,
        labels,
        {FRAUD: Terms("class", "1", EDGES, countries=("FR",), horizon_s=86_400, pane_ms=DAY_MS)},
    )
    assert_equal(counted(join), whole[(*FRAUD, midnight_ms)])


# -- too little memory, lost memory ----------------------------------------------------------------


def test_where_memory_is_short_fewer_requests_are_joined_and_coverage_stays_true(
    stack: EmbeddedStack, namespace: str
) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        join = Join(client, namespace, bytes_max=20_000)
        join.terms = {FRAUD: SAID}
        requests = 4000
        for first in range(0, requests, 200):
            join.send([asked(f"r{i}", place=(0, i, -1)) for i in range(first, first + 200)])
            for _ in range(3):
                join.client.hset(join.keys.join, "cursor", 0)
                join.store.sweep(join.horizon_s)
        for _ in range(1000):
            join.store.sweep(join.horizon_s)
        figures = join.figures()
        rate = figures.rates[" ".join(FRAUD)]
        assert 0 < rate < 0.2
        assert figures.memory_bytes <= 20_000
        registered = counted(join).registered
        assert registered == figures.entries
        assert 0.5 < registered / (rate * requests) < 2
        join.send([], [told(f"r{i}", offset=i) for i in range(requests)])
        assert counted(join).labelled == registered == join.figures().matched
        after = join.figures()
        assert (
            after.matched + after.early <= requests <= after.matched + after.early + after.dropped
        )


def test_versions_that_answer_the_same_requests_share_what_memory_there_is(
    stack: EmbeddedStack, namespace: str
) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        join = Join(client, namespace, bytes_max=10_000)
        shadow = VersionId("fraud", "2")
        join.terms = {FRAUD: SAID, shadow: SAID}
        for version in (FRAUD.version, shadow.version):
            join.send([asked(f"r{i}", version=version, place=(0, i, -1)) for i in range(2000)])
        for _ in range(1500):
            join.store.sweep(join.horizon_s)
        figures = join.figures()
        assert figures.memory_bytes <= 10_000
        assert (figures.entries, figures.memory_bytes) == join.stored()
        assert min(figures.rates.values()) >= 1 / 32
        for one in (FRAUD, shadow):
            assert counted(join, one).registered > 30


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_while_memory_is_short_the_figures_stay_sound(
    stack: EmbeddedStack, namespace: str, seed: int
) -> None:
    drawing = Drawing(seed)
    predictions, labels = drawing.records(60)
    records = drawing.shuffled([*predictions, *labels])
    with redis.Redis.from_url(stack.redis_url) as client:
        join = Join(client, namespace, bytes_max=5_000)
        join.terms = TERMS
        for first in range(0, len(records), 50):
            sent_in(join, records[first : first + 100])  # half of it again
            for _ in range(50):
                join.store.sweep(HORIZON_S)
        figures = join.figures()
        assert (figures.entries, figures.memory_bytes) == join.stored()
        assert figures.evicted > 0
        join.sweep(START_S + 100 * HORIZON_S)
        assert join.stored() == (0, 0)
        for counts in join.counted().values():
            assert 0 <= counts.labelled <= counts.registered
            assert counts.pairs.other == 0
            assert sum(counts.pairs.names.values()) + counts.cells[UNUSABLE] <= counts.labelled
            assert all(sums.count >= 0 for sums in counts.sums.values())


def test_terms_that_redis_lost_are_sent_again(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()])
    for key in join.client.keys(f"{join.namespace}:state:j:terms:*"):
        join.client.delete(key)
    join.send([asked("b", place=(0, 2, -1))], [told("a"), told("b", offset=2)])
    assert counted(join).labelled == 2


def test_an_emptied_redis_begins_anew(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()], [told()])
    join.client.delete(*join.client.keys(f"{join.namespace}:*"))
    join.send([], [told()])
    join.send([asked()])
    assert_as_expected(join, [asked()], [told()])
    assert join.figures().entries == 1


def test_terms_of_the_same_code_are_kept_apart(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    made = terms_for(FRAUD, SAID).of(Mode.CLASS, (), binary=False)
    code = next(made.codes(made.payload()))
    join.client.set(join.keys.terms(code), b"terms of somebody else")
    join.send([asked()], [told()])
    assert counted(join).labelled == 1
    assert join.client.get(join.keys.terms(code)) == b"terms of somebody else"


# -- what nobody should send -----------------------------------------------------------------------


def test_hostile_records_corrupt_nothing_beside_them(join: Join) -> None:
    long = VersionId("l" * 128, "v" * 128)
    ranker, price = VersionId("ranker", "1"), VersionId("price", "1")
    join.terms = {
        FRAUD: SAID,
        long: Terms("class", "p\x1fq" * 40, EDGES),
        ranker: Terms("ranking"),
        price: Terms("number", target_edges=(0.0,)),
    }
    odd: list[Any] = ["", "\x1f", "|", ":", "s:1:", "\x00", "\n", "x" * 10_000, "ж" * 300, "0x10"]
    odd += ["nan", "inf", " 7 ", 10**299, -(10**299), 1e308, -1e308, 5e-324, -0.0, [], {}, ["\x1f"]]
    odd += [[str(i) for i in range(10_000)], {str(i): 1.0 + i for i in range(10_000)}, {"a": None}]
    odd += [{"a": 1e308, "b": 1e308}, True, "\ud800"]
    predictions = []
    for i, value in enumerate(v for v in odd if not isinstance(v, dict)):
        for one in join.terms:
            probability: Any = {f"c{k}": 1 / 100 for k in range(100)} if i % 3 else None
            if i % 3 == 1:
                probability = {"p\x1fq" * 40: 0.3, "other": None, str(value)[:20]: math.nan}
            predictions.append(
                asked(
                    f"r{i}",
                    value=value,
                    model=one[0],
                    version=one[1],
                    place=(16_383, 2**63 - 1 - i, 65_535),
                    probability=probability,
                    append_s=2**40 if i == 3 else START_S,
                )
            )
    labels = []
    for i in range(len(odd)):
        for k, value in enumerate(odd):
            metrics = {
                name: float(j) for j, name in enumerate(["", "\x00", "a:b:1", "ж" * 64, "|"])
            }
            metrics |= {str(j): 1.7e308 for j in range(30)}
            labels.append(
                told(
                    f"r{i}",
                    value=value,
                    offset=2**40 + i,
                    place=("labels", 0, 2**40 + k, 65_535),
                    after_s=k,
                    metrics=metrics if k % 3 == 0 else None,
                    append_s=2**41 if k == 5 else START_S + k,
                )
            )
    plain_ones = [asked("plain", model=v[0], version=v[1]) for v in (FRAUD, long)]
    join.send(plain_ones, [told("plain")])
    before = {v: counted(join, VersionId(*v)) for v in (FRAUD, long)}
    join.send(predictions, labels)
    join.send(predictions, labels)
    join.sweep(START_S + 10**6)
    for version, counts in before.items():
        after = counted(join, VersionId(*version))
        assert after.confusion()["1", "1"] >= counts.confusion()["1", "1"]
    for name, of in join.terms.items():
        counts = counted(join, VersionId(*name))
        assert counts.labelled <= counts.registered
        assert (counts.cells >= 0).all()
        assert all((row >= 0).all() for of in counts.scores.values() for row in of.values())
        if of.mode == "class":
            paired = sum(counts.pairs.names.values()) + counts.pairs.other
            assert paired + counts.cells[UNUSABLE] == counts.labelled
        assert all(sums.count >= 0 for sums in counts.sums.values())


DAMAGED = {b"pairs": b"N?", b"delay": b"S"}


def test_a_damaged_row_stays_and_the_others_go_on(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    join.send([asked()], [told()])
    [pane] = join.panes(FRAUD)
    key = join.keys.label_pane(FRAUD, pane.member())
    for name, row in DAMAGED.items():
        join.client.hset(key, name, row)
    join.send([asked("b", place=(0, 2, -1))], [told("b", offset=2)])
    rows = join.client.hgetall(key)
    assert {name: rows[name] for name in DAMAGED} == DAMAGED
    assert decode_labels({b"n": rows[b"n"]}).labelled == 2


def test_of_too_many_pairs_none_is_lost_from_the_sum(join: Join) -> None:
    join.terms = {FRAUD: SAID}
    n = 5000
    predictions = [asked(f"r{i}", value=f"p{i}", place=(0, i, -1)) for i in range(n)]
    join.send(predictions, [told(f"r{i}", value=f"a{i}", offset=i) for i in range(n)])
    pairs = counted(join).pairs
    assert (len(pairs.names), pairs.other) == (4096, n - 4096)
    join.send([], [told(f"r{i}", value="b", after_s=90, offset=n + i) for i in range(0, n, 7)])
    pairs = counted(join).pairs
    assert len(pairs.names) <= 4096
    assert sum(pairs.names.values()) + pairs.other == n


def test_of_too_many_figures_the_same_ones_stay_in_any_order(
    stack: EmbeddedStack, namespace: str
) -> None:
    rng = np.random.default_rng(5)
    predictions = [asked(f"r{i}", place=(0, i, -1)) for i in range(40)]
    labels = [
        told(
            f"r{i % 40}",
            after_s=i,
            offset=i,
            metrics={f"f{int(k)}": float(k) for k in rng.choice(200, 10, replace=False)},
        )
        for i in range(120)
    ]
    found = []
    with redis.Redis.from_url(stack.redis_url) as client:
        for order in range(3):
            join = Join(client, f"{namespace}{order}")
            join.terms = {FRAUD: SAID}
            for i in rng.permutation(len(labels)).tolist():
                join.send(predictions if i == 0 else [], [labels[i]])
            counts = counted(join)
            assert len(counts.magnitudes) == 64
            found.append((plain(counts), exact(counts)))
    assert found[0] == found[1] == found[2]
