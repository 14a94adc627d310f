"""Page-Hinkley: what River has no tests of ours for; its detections are in `tests/golden`."""

import msgspec
import pytest

from stream.stats.concept.page_hinkley import PageHinkley


def fed(test: PageHinkley, values: list[float], weight: int = 1) -> PageHinkley:
    for value in values:
        test = test.updated(value, weight)
    return test


@pytest.mark.parametrize("alpha", [1.0, 0.9999, 0.9])
def test_a_weight_stands_for_as_many_equal_values(alpha: float) -> None:
    singly = fed(PageHinkley(alpha=alpha), [0.25] * 40)
    at_once = PageHinkley(alpha=alpha).updated(0.25, weight=40)
    assert at_once.count == singly.count
    assert at_once.rise == pytest.approx(singly.rise)
    assert at_once.fall == pytest.approx(singly.fall)


def test_nothing_is_detected_before_enough_values() -> None:
    eager = PageHinkley(min_instances=1, threshold=1.0)
    patient = PageHinkley(min_instances=30, threshold=1.0)
    values = [0.0] * 9 + [1.0] * 2
    assert fed(eager, values).drifted
    assert not fed(patient, values).drifted


@pytest.mark.parametrize(
    ("mode", "levels", "drifted"),
    [
        ("up", (0.1, 0.4), True),
        ("up", (0.4, 0.1), False),
        ("down", (0.4, 0.1), True),
        ("down", (0.1, 0.4), False),
        ("both", (0.1, 0.4), True),
        ("both", (0.4, 0.1), True),
    ],
)
def test_a_mode_looks_one_way(mode: object, levels: tuple[float, float], drifted: bool) -> None:
    test = msgspec.convert({"mode": mode}, PageHinkley)
    test = fed(test, [levels[0]] * 10, weight=100).updated(levels[1], weight=1_000)
    assert test.drifted is drifted


def test_after_a_detection_it_starts_anew_with_the_same_settings() -> None:
    test = fed(PageHinkley(threshold=5.0), [0.1, 0.1, 0.5], weight=100)
    assert test.drifted
    assert test.updated(0.5) == PageHinkley(threshold=5.0).updated(0.5)


def test_it_can_be_stored_before_the_first_value_and_later() -> None:
    test = PageHinkley()
    assert test.statistic == 0.0
    for value in (0.1, 0.3, 0.2):
        stored = msgspec.json.encode(test)
        assert msgspec.json.decode(stored, type=PageHinkley) == test
        test = test.updated(value, weight=50)


def test_a_value_that_stands_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not for 0"):
        PageHinkley().updated(0.1, weight=0)
