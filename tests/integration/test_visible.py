"""How soon an event is visible in Redis: measured and printed, not judged."""

from pathlib import Path
from typing import Any

import pytest

from load_tests.traffic import settings_of
from load_tests.visible import measure

RATE = 5_000
SECONDS = 20


def test_events_become_visible_while_they_are_sent(
    stack: Any, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(stack.bootstrap_servers, stack.redis_url, namespace)
    measured = measure(settings, RATE, SECONDS, tmp_path)
    with capsys.disabled():
        print("\n" + measured.text(RATE))
    assert measured.sent > 0
    assert len(measured.ages_s) > 1, (tmp_path / "roles.log").read_text("utf-8")
