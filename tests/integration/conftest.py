import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

sys.path.insert(0, str(Path(__file__).parent))  # helpers beside the tests, which are no package

from alert_world import MINE, World, settings_of, world_of
from programs import programs_of


@pytest.fixture
def programs(stack: Any, namespace: Any, tmp_path: Any) -> Iterator[Any]:
    with programs_of(stack, namespace, tmp_path) as running:
        yield running


@pytest.fixture
def read(stack: Any) -> Iterator[Any]:
    """Redis as a user reads it: text."""
    client = redis.Redis.from_url(stack.redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def world(stack: Any, namespace: str) -> Iterator[World]:
    """The alert agent in this process, with one rule; some modules have a world of their own."""
    with world_of(settings_of(stack, namespace)) as made:
        made.rules.set(MINE)
        yield made
