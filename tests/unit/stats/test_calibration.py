import numpy as np
import pytest

from stream.arrays import BoolArray, FloatArray
from stream.stats.calibration import calibrate, expected_calibration_error, isotonic


def sample(n: int, power: float, seed: int = 1) -> tuple[FloatArray, BoolArray]:
    """Scores whose true probability is a power of them."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    return scores, rng.random(n) < scores**power


def test_scores_that_mislead_are_calibrated() -> None:
    scores, labels = sample(20_000, 3.0)
    found = calibrate(scores, labels)
    assert found is not None
    x = np.linspace(0.05, 0.95, 19)
    assert np.abs(isotonic(found)(x) - x**3).max() < 0.06
    assert np.abs(x - x**3).max() > 0.3
    fresh, truth = sample(20_000, 3.0, seed=2)
    before = expected_calibration_error(fresh, truth)
    assert expected_calibration_error(isotonic(found)(fresh), truth) < before / 10


def test_scores_that_are_right_are_left_alone_where_a_fit_of_few_rows_is_worse() -> None:
    left_alone = [calibrate(*sample(100, 1.0, seed)) is None for seed in range(20)]
    assert sum(left_alone) > 10


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ([0.1, 0.7, 0.9], [True, True, True]),
        ([0.1, 0.7, 0.9], [False, False, True]),
        (np.arange(100) / 100, np.arange(100) > 60),
    ],
    ids=["one class", "one row of it", "classes told apart"],
)
def test_nothing_is_fitted_to_what_shows_nothing(scores: FloatArray, labels: BoolArray) -> None:
    assert calibrate(np.array(scores), np.array(labels)) is None


def test_a_calibration_is_flat_beyond_its_ends_and_keeps_what_is_missing() -> None:
    scores, labels = sample(2_000, 4.0)
    found = calibrate(scores, labels)
    assert found is not None
    out = isotonic(found)(np.array([0.0, found.x[0], found.x[-1], 1.0, np.nan]))
    assert out[0] == out[1] == found.y[0]
    assert out[2] == out[3] == found.y[-1]
    assert np.isnan(out[4])


def test_bins_hold_equally_many_rows() -> None:
    p = np.array([0.1, 0.1, 0.6, 0.6, 0.9])
    y = np.array([False, True, True, True, False])
    # Two rows, then three: |0.2 - 1| and |2.1 - 2|, of five.
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(0.9 / 5)
