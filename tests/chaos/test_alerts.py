"""Twenty kills of agents and a crash of Redis, on every kind of channel: takes six minutes."""

from pathlib import Path

import pytest
from alert_chaos import Plan, run_chaos

from stream.embedded import EmbeddedStack


@pytest.mark.timeout(1200)
def test_every_episode_is_told_once_while_agents_are_killed(tmp_path: Path, namespace: str) -> None:
    plan = Plan(models=10, episodes=6, minute_s=1.8, kills=20, flaky_down_s=60.0, seed=20261129)
    with EmbeddedStack.start(tmp_path / "stack") as stack:
        print(run_chaos(stack, namespace, tmp_path, plan))
