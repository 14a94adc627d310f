"""One real Kafka and one real Redis for the whole run; a namespace of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from stream.embedded import EmbeddedStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Start Kafka and Redis once, at the first test that asks for them.

    Tests share the servers and keep apart by `namespace`; a test that ends or restarts a server
    starts a stack of its own.
    """
    with EmbeddedStack.start(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def namespace() -> str:
    """Return a name that no other test uses, for topics, keys and groups."""
    return f"t{uuid.uuid4().hex[:8]}"
