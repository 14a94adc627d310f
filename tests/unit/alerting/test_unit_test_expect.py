"""Several expected alerts, and which of those found each of them is."""

import doctest
from typing import Any

import pytest

from stream.alerting import unit_test_expect
from stream.alerting.unit_test_expect import matched


def test_examples() -> None:
    assert doctest.testmod(unit_test_expect).failed == 0


@pytest.mark.parametrize(
    ("wishes", "things"),
    [
        ([], []),
        ([[0], [0, 1]], [0, 1]),
        ([[0, 1], [0]], [1, 0]),
        ([[0, 1], [1, 2], [1]], [0, 2, 1]),
        ([[], [0]], [None, 0]),
    ],
)
def test_wishes_are_met_as_far_as_can_be(wishes: Any, things: Any) -> None:
    assert matched(wishes) == things
