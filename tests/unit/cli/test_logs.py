"""What is logged when something fails that nobody foresaw."""

import sys

import pytest
import structlog

from stream.cli.main import main


def test_a_traceback_shows_no_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["streamgauge", "--version"])
    with pytest.raises(SystemExit):
        main()
    monkeypatch.setattr(sys, "argv", ["streamgauge"])

    def fail(secret: str) -> None:
        raise RuntimeError("it broke")

    try:
        fail("a" + "value")
    except RuntimeError:
        structlog.get_logger("agents").exception("rollup_failed")
    said = capsys.readouterr().err
    assert "rollup_failed" in said
    assert "RuntimeError: it broke" in said
    assert "avalue" not in said
