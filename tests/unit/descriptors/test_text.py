import numpy as np
import pytest

from stream.descriptors.text import describe_texts, words_of


@pytest.mark.parametrize(
    "text", ["Good day, Sir!", "2 + 2 = 4", "", "   ", "a_b-c\tD\n", "x" * 300, "It's 50% off"]
)
def test_the_fast_way_finds_the_same_as_the_general_one(text: str) -> None:
    # A letter of another script behind the text sends it the general way.
    assert [*words_of(text), "ж"] == words_of(text + " ж")
    short, long = describe_texts([text, text + " ж"], frozenset({"good", "ж"})).T.tolist()
    assert long[0] == short[0] + 2
    assert long[3] == short[3] + 1
    if text:
        assert long[1] * long[0] == pytest.approx(short[1] * short[0])


def test_letters_of_any_script_make_words() -> None:
    assert words_of("Ça, c'est ÉTÉ; дом 123 naïve") == ["ça", "c", "est", "été", "дом", "naïve"]


def test_shares_are_of_characters_and_of_words() -> None:
    length, others, unknown, words = describe_texts(["the cat, 42!"], frozenset({"the"}))[:, 0]
    assert (length, words) == (12, 2)
    assert others == 4 / 12
    assert unknown == 1 / 2


def test_a_repeated_word_counts_each_time() -> None:
    assert describe_texts(["spam spam the"], frozenset({"the"}))[2, 0] == 2 / 3


def test_what_is_no_text() -> None:
    described = describe_texts([None, 5, 1.5, True, ["a"], {"a": 1}], frozenset())
    assert np.isnan(described[:, 0]).all()
    assert np.isposinf(described[:, 1:]).all()


def test_a_text_without_words_has_no_share_of_them() -> None:
    length, others, unknown, words = describe_texts(["123"], frozenset())[:, 0]
    assert (length, others, words) == (3, 1, 0)
    assert np.isnan(unknown)


def test_no_values() -> None:
    assert describe_texts([], frozenset()).shape == (4, 0)
