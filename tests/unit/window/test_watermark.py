import numpy as np
import pytest

from stream.window.watermark import NEVER_MS, running_max, too_late

SLACK_MS = 10


def test_a_record_is_judged_by_those_before_it() -> None:
    times = np.array([100, 90, 89, 200, 190, 189, 100])
    late = too_late(times, NEVER_MS, SLACK_MS)
    assert late.tolist() == [False, False, True, False, False, True, True]


def test_the_stored_watermark_counts_from_the_first_record_on() -> None:
    assert too_late(np.array([89, 90, 300]), 100, SLACK_MS).tolist() == [True, False, False]


@pytest.mark.parametrize("cut", range(1, 8))
def test_batches_make_no_difference(cut: int) -> None:
    times = np.array([50, 70, 65, 55, 90, 75, 81, 79])
    whole = running_max(times, NEVER_MS)
    first = running_max(times[:cut], NEVER_MS)
    second = running_max(times[cut:], int(times[:cut].max()))
    assert np.concatenate([first, second]).tolist() == whole.tolist()
