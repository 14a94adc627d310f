"""Classes, numbers and items as the join writes them."""

import math
import struct
import zlib
from typing import Any

import pytest

from schemas.names import canonical_class
from stream.window.label_text import (
    CLASS_CHARACTERS_MAX,
    ITEMS_MAX,
    class_text,
    item_hash,
    name_hash,
    ranking_bytes,
    relevance_bytes,
    scalar_text,
)


@pytest.mark.parametrize("name", ["", "spam", "x" * 64, "ж" * 32, "a|b:c", "\x00", "\n", "😀"])
def test_short_names_stay_as_they_are(name: str) -> None:
    assert class_text(name) == name


@pytest.mark.parametrize("name", ["x" * 65, "ж" * 33, "😀" * 17, "x" * 62 + "😀", "x" * 10_000])
def test_long_names_are_cut_by_bytes_and_end_in_a_hash(name: str) -> None:
    text = class_text(name)
    assert len(text.encode()) <= CLASS_CHARACTERS_MAX
    assert text != class_text(name + "x")
    assert class_text(text) == text


def test_the_separator_of_pairs_is_in_no_name() -> None:
    assert "\x1f" not in class_text("a\x1fb" * 50)
    assert class_text("a\x1fb") == "a b"


@pytest.mark.parametrize("values", [(True, 1, 1.0, "1"), (False, 0, -0.0, "0"), (0.5, "0.5")])
def test_what_is_one_class_has_one_text(values: tuple[Any, ...]) -> None:
    assert len({scalar_text(value) for value in values}) == 1


@pytest.mark.parametrize("value", [1e64, -1e300, 1e308, 10**299, -(10**70), 12345678901234567890])
def test_large_numbers_stay_numbers(value: float) -> None:
    assert float(scalar_text(value)) == float(value)


def test_an_integer_that_no_double_holds_is_a_name() -> None:
    assert scalar_text(10**400) == class_text(canonical_class(10**400))


def test_names_of_models_are_hashed_by_their_bytes() -> None:
    assert name_hash("credit") == struct.pack("<I", zlib.crc32(b"credit"))


def test_items_are_known_by_their_class() -> None:
    assert len({item_hash(item) for item in (1, 1.0, "1", True)}) == 1
    assert item_hash("ж") == zlib.crc32("ж".encode())


def test_a_ranking_is_its_first_items() -> None:
    items = [f"i{k}" for k in range(ITEMS_MAX + 5)]
    assert ranking_bytes(items) == ranking_bytes(items[:ITEMS_MAX])
    assert ranking_bytes([None, math.nan, math.inf, "a"]) == struct.pack("<I", item_hash("a"))
    assert ranking_bytes([]) == b""


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ([], {}),
        ({}, {}),
        (["a", "a", "b"], {"a": 1.0, "b": 1.0}),
        ({"a": 2.0, "b": 0.0, "c": -1.0, "d": None, "e": math.nan}, {"a": 2.0}),
        ({"a": 1e308, "b": 5e-324}, {"a": 1e308, "b": 5e-324}),
    ],
)
def test_relevant_is_what_has_a_positive_relevance(label: Any, expected: dict[str, float]) -> None:
    found = dict(struct.iter_unpack("<Id", relevance_bytes(label)))
    assert found == {item_hash(item): by for item, by in expected.items()}


def test_the_same_relevance_is_the_same_bytes_in_any_order() -> None:
    label = {str(i): float(i % 7) for i in range(3_000)}
    backwards = dict(reversed(label.items()))
    assert relevance_bytes(label) == relevance_bytes(backwards)
    assert len(relevance_bytes(label)) == 12 * ITEMS_MAX
