"""When features are shed: under live overload only, and not to and fro."""

from hypothesis import given
from hypothesis import strategies as st

from stream.ingest.shedding import SHED_RATE, Shedding

LAGS = st.dictionaries(st.integers(0, 2), st.integers(-10, 20_000), max_size=3)


def rates(lags_ms: list[dict[int, int]], lag_ms_max: int = 5_000) -> list[float]:
    shedding = Shedding(lag_ms_max)
    out = []
    for lags in lags_ms:
        shedding.update(lags)
        out.append(shedding.rate)
    return out


def test_a_log_that_is_caught_up_with_is_not_shed_however_far_behind() -> None:
    assert rates([{0: 900_000}, {0: 60_000}, {0: 6_000}, {0: 1_001}]) == [1.0] * 4


def test_live_overload_sheds_until_a_fifth_of_the_lag() -> None:
    lags = [{0: 10}, {0: 5_000}, {0: 5_001}, {0: 9_000}, {0: 1_001}, {0: 1_000}, {0: 5_000}]
    shed = SHED_RATE
    assert rates(lags) == [1.0, 1.0, shed, shed, shed, 1.0, 1.0]


def test_the_worst_partition_decides() -> None:
    lags = [{0: 10, 1: 10}, {0: 10, 1: 6_000}, {0: 7_000, 1: 900}, {0: 900, 1: 900}]
    assert rates(lags) == [1.0, SHED_RATE, SHED_RATE, 1.0]


def test_a_partition_that_is_assigned_behind_ends_shedding_until_it_was_live() -> None:
    live, overloaded = {0: 10}, {0: 6_000}
    assert rates([live, overloaded, overloaded | {1: 900_000}]) == [1.0, SHED_RATE, 1.0]
    more = [live, overloaded | {1: 900_000}, overloaded | {1: 500}, overloaded]
    assert rates(more) == [1.0, 1.0, SHED_RATE, SHED_RATE]


def test_a_partition_that_comes_back_has_to_be_live_anew() -> None:
    lags = [{0: 10, 1: 10}, {0: 10}, {0: 10, 1: 6_000}]
    assert rates(lags) == [1.0, 1.0, 1.0]


def test_starting_over_holds_at_once_and_is_told_once() -> None:
    shedding = Shedding(5_000)
    assert [shedding.update({0: lag}) for lag in (0, 6_000, 7_000)] == [False, True, False]
    shedding.start_over()
    assert shedding.rate == 1.0
    assert shedding.update({0: 8_000})
    assert not shedding.active
    assert [shedding.update({0: lag}) for lag in (8_000, 0, 8_000)] == [False, False, True]


@given(st.lists(LAGS, max_size=20))
def test_nothing_is_shed_before_every_partition_was_live_since_it_came(
    history: list[dict[int, int]],
) -> None:
    shedding = Shedding(5_000)
    for n, lags in enumerate(history):
        shedding.update(lags)
        if shedding.rate < 1:
            for partition in lags:
                since = n
                while since > 0 and partition in history[since - 1]:
                    since -= 1
                assert min(one[partition] for one in history[since : n + 1]) < 1_000
            assert max(lags.values()) > 1_000
