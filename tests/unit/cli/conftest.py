"""A stand-in for the place that a channel talks to; it is beside the integration tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "integration"))

from receivers import WebhookReceiver, receiving


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    with receiving(WebhookReceiver()) as running:
        yield running
