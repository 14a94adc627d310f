import numpy as np

from stream.descriptors.sets import describe_sets

KNOWN = frozenset({"a", "b", "c", "d"})


def test_known_and_unseen_items() -> None:
    coverage, size, unseen = describe_sets([["a", "b", "x"]], KNOWN, 4)[:, 0]
    assert (coverage, size) == (2 / 4, 3)
    assert unseen == 1 / 3


def test_an_item_counts_once_and_nulls_not_at_all() -> None:
    assert describe_sets([["a", "a", None]], KNOWN, 4)[:, 0].tolist() == [1 / 4, 1, 0]


def test_an_empty_set_has_no_unseen_share() -> None:
    described = describe_sets([[], [None]], KNOWN, 4)
    assert described[:2].tolist() == [[0, 0], [0, 0]]
    assert np.isnan(described[2]).all()


def test_what_is_no_set() -> None:
    described = describe_sets([None, "a", 1, {"a": 1}, [1], ["a", 1], [["a"]]], KNOWN, 4)
    assert np.isnan(described[:, 0]).all()
    assert np.isposinf(described[:, 1:]).all()


def test_no_vocabulary_is_not_covered() -> None:
    coverage, size, unseen = describe_sets([["a"]], frozenset(), 0)[:, 0]
    assert np.isnan(coverage)
    assert (size, unseen) == (1, 1)
