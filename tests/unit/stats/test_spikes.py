import numpy as np
import pytest

from stream.stats.spikes import VALUES_MIN, spike


def test_a_usual_value_is_no_spike() -> None:
    history = np.random.default_rng(1).poisson(400, 200).tolist()
    assert abs(spike(405.0, history) or 0) < 1


def test_earlier_spikes_do_not_hide_a_later_one() -> None:
    history = [100.0, 102.0, 98.0, 101.0, 99.0] * 5 + [10_000.0] * 10
    assert (spike(1_000.0, history) or 0) > 3.5


def test_it_has_a_sign() -> None:
    history = [100.0 + i % 5 for i in range(30)]
    above, below = spike(150.0, history), spike(50.0, history)
    assert above is not None
    assert below is not None
    assert above > 0 > below


@pytest.mark.parametrize("history", [[5.0] * (VALUES_MIN - 1), [0.0] * 50])
def test_without_a_history_that_tells_there_is_none(history: list[float]) -> None:
    assert spike(5.0, history) is None
