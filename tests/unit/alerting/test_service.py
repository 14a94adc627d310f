"""What one turn of the alert agent does where something fails."""

from typing import Any

import pytest
import redis

from stream.alerting.service import TICK_MS, Alerting
from stream.kafka import KafkaUnavailableError

NOW = 1_790_002_800_000


class Part:
    """Stands for engine, relay, notifier and watchdog; says what it was asked, and may fail."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name, self.asked = name, asked
        self.error: Exception | None = None

    def __getattr__(self, method: str) -> Any:
        def ask(*_: Any) -> None:
            self.asked.append(f"{self.name}.{method}")
            if self.error is not None:
                raise self.error

        return ask


@pytest.fixture
def asked() -> list[str]:
    return []


class Agent:
    def __init__(self, asked: list[str]) -> None:
        self.now = NOW
        self.parts = {name: Part(name, asked) for name in ("engine", "relay", "notifier", "dog")}
        engine, relay, notifier, dog = self.parts.values()
        parts: Any = {"engine": engine, "relay": relay, "notifier": notifier, "watchdog": dog}
        self.alerting = Alerting(**parts, now_ms=lambda: self.now)


def test_a_turn_in_order_and_the_checks_now_and_then(asked: list[str]) -> None:
    agent = Agent(asked)
    agent.alerting.turn()
    every = ["relay.turn", "notifier.turn", "dog.turn"]
    assert asked == ["engine.restore", "engine.tick", "relay.tick", *every]
    asked.clear()
    agent.now += TICK_MS - 1
    agent.alerting.turn()
    assert asked == ["engine.restore", *every]
    asked.clear()
    agent.now -= 86_400_000  # the clock goes back
    agent.alerting.turn()
    assert "engine.tick" in asked


@pytest.mark.parametrize("error", [KafkaUnavailableError("down"), redis.ConnectionError("down")])
@pytest.mark.parametrize("name", ["engine", "relay", "notifier"])
def test_what_fails_holds_up_nothing_else_but_stops_the_heartbeat(
    asked: list[str], name: str, error: Exception
) -> None:
    agent = Agent(asked)
    agent.parts[name].error = error
    agent.alerting.turn()
    assert {"engine.restore", "relay.turn", "notifier.turn"} <= set(asked)
    assert "dog.turn" not in asked
    agent.parts[name].error = None
    asked.clear()
    agent.alerting.turn()
    assert asked[-1] == "dog.turn"


def test_a_bug_is_not_swallowed(asked: list[str]) -> None:
    agent = Agent(asked)
    agent.parts["relay"].error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        agent.alerting.turn()
