"""Words for the size of drift."""

import numpy as np
import pytest
from scipy.stats import norm

from stream.reading.severity import Severity, severity, strongest


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({"drifted": False, "effect": 5.0}, Severity.NONE),
        ({"effect": 5.0}, Severity.NONE),
        ({"drifted": True, "effect": 0.02}, Severity.SLIGHT),
        ({"drifted": True}, Severity.SLIGHT),
        ({"drifted": True, "effect": 0.09}, Severity.CLEAR),
        ({"drifted": True, "effect": 0.25}, Severity.STRONG),
        # Values as they were, but half of them are gone.
        (
            {"drifted": True, "effect": 0.0, "missing_rate": 0.5, "missing_increase": 0.5},
            Severity.STRONG,
        ),
    ],
)
def test_severity(figures: dict[str, bool | float], word: Severity) -> None:
    assert severity(figures) is word


@pytest.mark.parametrize(("shift", "word"), [(0.14, "slight"), (0.32, "clear"), (0.52, "strong")])
def test_the_words_are_for_shifts_of_a_normal_distribution(shift: float, word: str) -> None:
    """Far more reference than window: the effect is Pearson's divergence on the deciles."""
    deciles = norm.ppf(np.arange(1, 10) / 10)
    shares = np.diff(np.concatenate([[0.0], norm.cdf(deciles - shift), [1.0]]))
    effect = float(np.sum((shares - 0.1) ** 2 / 0.1))
    assert severity({"drifted": True, "effect": effect}) == word


def test_the_strongest() -> None:
    assert strongest([]) is Severity.NONE
    assert strongest([Severity.SLIGHT, Severity.STRONG, Severity.CLEAR]) is Severity.STRONG
