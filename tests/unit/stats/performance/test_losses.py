import math

import pytest

from stream.sketches.exact_sums import ExactSums
from stream.stats.performance.losses import LOG_LOSS_CLIP, loss_figures


def test_the_clip_is_what_scikit_learn_clips_doubles_by() -> None:
    assert math.ulp(1.0) == LOG_LOSS_CLIP


def test_nothing_summed_is_absent() -> None:
    assert loss_figures(ExactSums(), ExactSums()) == {}
    assert set(loss_figures(ExactSums.of([0.5]), ExactSums())) == {"log_loss"}


def test_intervals_do_not_go_below_zero() -> None:
    found = loss_figures(ExactSums.of([0.0, 36.0]), ExactSums.of([0.0, 1.0]))
    assert (found["log_loss"].low, found["brier"].low) == (0.0, 0.0)
    assert found["log_loss"].value == pytest.approx(18)
