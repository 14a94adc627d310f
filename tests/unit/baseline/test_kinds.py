import uuid
from typing import Any

import numpy as np
import pytest

from schemas.features import FeatureKind
from stream.baseline.columns import as_table, read_column
from stream.baseline.errors import BaselineError
from stream.baseline.kinds import (
    ROWS_PER_VALUE_MIN,
    STRINGS_MIN,
    VALUES_MAX,
    kind_of,
    prediction_kind,
)

RNG = np.random.default_rng(0)
VALUES: dict[str, Any] = {
    "reals": RNG.normal(size=200),
    "halves": np.tile([0.5, 1.0, 1.5], 50),
    "stars": np.tile([1, 2, 3, 4, 5], 40),
    "stars as floats": [1.0, 2.0, None] * 50,
    "many integers": np.tile(np.arange(VALUES_MAX + 1), 10),
    "few rows": [1, 2, 3, 4],
    "flags": [0, 1] * 20,
    "booleans": [True, False, None],
    "always true": [True, True, None],
    "one number": [3.5, 3.5, None],
    "one string": ["a", None, "a"],
    "countries": ["FR", "DE", "US"] * 40,
    "uuids": [str(uuid.UUID(int=i)) for i in range(STRINGS_MIN)],
    "few uuids": [str(uuid.UUID(int=i)) for i in range(STRINGS_MIN - 1)],
    "moments": [f"2020-01-01 10:{i // 60:02}:{i % 60:02}" for i in range(100)],
    "reviews": [f"order {i} came in {i % 9} days" for i in range(STRINGS_MIN)],
    "repeated reviews": [f"good thing {i % 40}" for i in range(100)],
    "names": [f"{'A' + 'b' * i} Smith" for i in range(100)],
    "vectors": RNG.normal(size=(5, 3)),
    "tags": [["a"], ["b", "c"], None],
}


def column(name: str) -> Any:
    return read_column(as_table({name: VALUES[name]}), name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("reals", "numeric"),
        ("halves", "numeric"),
        ("stars", "discrete"),
        ("stars as floats", "discrete"),
        ("many integers", "numeric"),
        ("few rows", "numeric"),
        ("flags", "discrete"),
        ("booleans", "boolean"),
        ("always true", "constant"),
        ("one number", "constant"),
        ("one string", "constant"),
        ("countries", "categorical"),
        ("uuids", "id"),
        ("few uuids", "categorical"),
        ("moments", "id"),
        ("reviews", "text"),
        ("repeated reviews", "categorical"),
        ("names", "text"),
        ("vectors", "embedding"),
        ("tags", "set"),
    ],
)
def test_kinds_of_features(name: str, kind: str) -> None:
    assert kind_of(name, column(name)) == kind
    # What is inferred may also be given.
    assert kind_of(name, column(name), FeatureKind(kind)) == kind


def test_discrete_values_have_rows_enough() -> None:
    values = np.repeat([1, 2, 3], ROWS_PER_VALUE_MIN)
    for rows, kind in ((values, "discrete"), (values[1:], "numeric")):
        read = read_column(as_table({"x": rows}), "x")
        assert read is not None
        assert kind_of("x", read) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("reals", "numeric"),
        ("stars", "categorical"),
        ("one number", "numeric"),
        ("few rows", "categorical"),
        ("booleans", "categorical"),
        ("always true", "categorical"),
        ("one string", "categorical"),
        ("uuids", "categorical"),
        ("reviews", "text"),
        ("vectors", "embedding"),
        ("tags", "set"),
    ],
)
def test_kinds_of_predictions(name: str, kind: str) -> None:
    assert prediction_kind(column(name)) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("stars", "categorical"),
        ("stars", "numeric"),
        ("stars", "id"),
        ("few rows", "discrete"),
        ("halves", "discrete"),
        ("flags", "boolean"),
        ("booleans", "categorical"),
        ("countries", "text"),
        ("countries", "id"),
        ("uuids", "categorical"),
        ("one string", "categorical"),
        ("one number", "numeric"),
        ("always true", "boolean"),
    ],
)
def test_kinds_that_may_be_given(name: str, kind: str) -> None:
    assert kind_of(name, column(name), FeatureKind(kind)) == kind


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("countries", "numeric", "`countries` holds strings, so it can't be numeric: make it "),
        ("countries", "boolean", "holds 'DE', so it can't be boolean"),
        ("countries", "embedding", "holds strings, so it can't be embedding"),
        ("countries", "constant", "holds several values, so it can't be constant"),
        ("stars", "boolean", "holds '2', so it can't be boolean"),
        ("stars", "text", "holds numbers, so it can't be text"),
        ("many integers", "discrete", "holds 33 different numbers, so it can't be discrete"),
        ("reals", "id", "holds fractions, so it can't be id"),
        ("booleans", "numeric", "holds booleans, so it can't be numeric"),
        ("booleans", "text", "holds booleans, so it can't be text"),
        ("vectors", "set", "holds arrays of numbers, so it can't be set: make it embedding"),
        ("vectors", "constant", "can't be constant"),
        ("tags", "embedding", "holds arrays of strings, so it can't be embedding: make it set"),
    ],
)
def test_kinds_that_the_values_cannot_be(name: str, kind: str, said: str) -> None:
    with pytest.raises(BaselineError, match=said) as caught:
        kind_of(name, column(name), FeatureKind(kind))
    assert f"`{name}`" in str(caught.value)
    assert ". " not in str(caught.value)
