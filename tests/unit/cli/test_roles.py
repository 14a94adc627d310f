"""Which column is what."""

from typing import Any

import pytest

from stream.emit.roles import MappingError, layout_of, parse_map

COLUMNS = ["id", "when", "age", "country", "y", "p", "__index_level_0__"]


def test_columns_named_like_a_role_have_it_and_the_rest_are_features() -> None:
    layout = layout_of(COLUMNS, {"prediction": "y", "timestamp": "when"}, ["p"])
    assert layout.roles == {"id": "id", "timestamp": "when", "prediction": "y"}
    assert layout.features == ("age", "country")
    assert layout.ignored == ("p", "__index_level_0__")


def test_request_id_is_the_id_unless_another_column_is() -> None:
    assert layout_of(["request_id", "a"], {}).roles == {"id": "request_id"}
    mapped = layout_of(["request_id", "a"], {"id": "a"})
    assert mapped.roles == {"id": "a"}
    assert mapped.features == ("request_id",)


def test_latency_is_a_feature_unless_it_is_mapped() -> None:
    assert layout_of(["latency_ms"], {}).features == ("latency_ms",)
    assert layout_of(["latency_ms"], {"latency_ms": "latency_ms"}).features == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["prediction"], "is no ROLE=COLUMN"),
        (["target=y"], "the roles are"),
        (["label=y", "label=p"], "twice"),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused(given: Any, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        parse_map(given)


@pytest.mark.parametrize(
    ("mapped", "ignored", "words"),
    [
        ({"prediction": "yy"}, [], "did you mean 'y'"),
        ({"prediction": "nothing like it"}, [], "the file has id, when"),
        ({"prediction": "y", "label": "y"}, [], "mapped to prediction and to label"),
        ({"prediction": "y"}, ["y"], "mapped and ignored"),
        ({}, ["nope"], "there is no column 'nope'"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(mapped: Any, ignored: Any, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        layout_of(COLUMNS, mapped, ignored)
