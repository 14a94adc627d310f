from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import keys

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES)
def test_encoding_is_reversible_and_leaves_nothing_special(name: str) -> None:
    encoded = keys.encoded(name)
    assert unquote(encoded) == name
    assert set(encoded) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-%"
    )
    assert encoded.upper().count("%") == encoded.count("%")


@pytest.mark.parametrize(
    ("name", "encoded"),
    [("credit", "credit"), ("a:b", "a%3Ab"), ("{x}", "%7Bx%7D"), ("é@", "%C3%A9%40"), ("~.", "~.")],
)
def test_encoding(name: str, encoded: str) -> None:
    assert keys.encoded(name) == encoded


@given(st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=2, max_size=2, unique=True))
def test_different_features_have_different_keys(both: list[tuple[str, str, str]]) -> None:
    (one, other) = (keys.feature_key("ml", m, v, "1h", f) for m, v, f in both)
    assert one != other


def test_a_segment_is_encoded_part_by_part() -> None:
    key = keys.live_key("ml", "credit", "3", "1h", "land=a=b/c")
    assert key == "ml:{credit}:m:3:1h@land=a%3Db%2Fc"


def test_every_key() -> None:
    built = [
        keys.models_key("ml"),
        keys.versions_key("ml", "credit"),
        keys.windows_key("ml", "credit"),
        keys.segments_key("ml", "credit", "3"),
        keys.features_key("ml", "credit", "3"),
        keys.live_key("ml", "credit", "3", "5m"),
        keys.live_key("ml", "credit", "3", "5m", "country=FR"),
        keys.feature_key("ml", "credit", "3", "5m", "age"),
        keys.histogram_key("ml", "credit", "3", "5m", "age"),
        keys.series_key("ml", "credit", "3", "5m"),
        keys.active_alerts_key("ml"),
        keys.alert_key("ml", "f1"),
        keys.state_key("ml", "x"),
        keys.updates_channel("ml", "credit"),
    ]
    holes = {"<version>": "3", "<window>": "5m", "<feature>": "age", "<fingerprint>": "f1"}
    holes |= {"<model>": "credit", "*": "x"}
    expected = []
    for key in keys.REDIS_KEYS:
        pattern = key.pattern
        for hole, value in holes.items():
            pattern = pattern.replace(hole, value)
        expected.append(pattern)
    assert built == expected
