import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

sys.path.insert(0, str(Path(__file__).parent))  # helpers beside the tests, which are no package

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
