"""One real Kafka and one real Redis for each process; a namespace of its own for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
import structlog

from stream.embedded import EmbeddedStack

# As wide as output is that goes to no terminal, whatever this one is; commands inherit it.
os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Start Kafka and Redis once, at the first test that asks for them.

    Tests share the servers and keep apart by `namespace`; a test that ends or restarts a server
    starts a stack of its own.
    """
    with EmbeddedStack.start(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(autouse=True)
def _logs_where_they_went() -> Iterator[None]:
    """Undo what a command configured: its stderr is pytest's, and closed after the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def namespace() -> str:
    """Return a name that no other test uses, for topics, keys and groups."""
    return f"t{uuid.uuid4().hex[:8]}"
