"""What `make chaos` shows, in short: every kind of channel, agents killed, Redis crashed."""

from pathlib import Path

import pytest
from alert_chaos import Plan, run_chaos

from stream.embedded import EmbeddedStack


@pytest.mark.timeout(400)
def test_each_channel_is_told_once_of_each_beginning_and_end(
    tmp_path: Path, namespace: str
) -> None:
    plan = Plan(models=3, episodes=2, minute_s=0.4, kills=3, flaky_down_s=8.0, seed=1)
    with EmbeddedStack.start(tmp_path / "stack") as stack:
        outcome = run_chaos(stack, namespace, tmp_path, plan)
    assert outcome.episodes == 6
