"""``drift``: what a person sees, and what is wrong usage before anything is connected to."""

import sys
from typing import Any

import numpy as np
import pytest

from stream.baseline.build import build_baseline
from stream.cli import drift as command
from stream.cli.main import main
from stream.reading.drift_check import check_drift


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command that fails, without any server; returns its exit code and what it said."""

    def run(*arguments: str) -> tuple[Any, str]:
        monkeypatch.setenv("STREAMGAUGE_DATA_DIR", "/nonexistent")
        monkeypatch.setattr(sys, "argv", ["streamgauge", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, " ".join(capsys.readouterr().err.split())

    return run


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--window", "1w"), "--window: '1w' is no duration"),
        (("--window", "90d"), "--window: window '90d': sizes go from 1m to 30d"),
        (("--end", "soon"), "--end 'soon' is no time: write"),
        ((), "no Kafka is configured"),
    ],
)
def test_wrong_usage(run: Any, arguments: tuple[str, ...], why: str) -> None:
    code, said = run("drift", "credit", *arguments)
    assert code == 2
    assert why in said


def test_a_check_is_shown(
    counted_window: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    rng = np.random.default_rng(0)
    data = {"[b]age": rng.normal(41, 13, 2_000), "income": rng.normal(0, 1, 2_000)}
    baseline = build_baseline(data, model_name="credit", model_version="1")
    moved = [
        {"features": {"[b]age": float(age) + 20, "income": float(income)}}
        for age, income in zip(rng.normal(41, 13, 500), rng.normal(0, 1, 500), strict=True)
    ]
    command.show(check_drift(counted_window(baseline, moved)))
    shown = capsys.readouterr().out
    table = [line for line in shown.splitlines() if not line.startswith(("·", "credit"))]
    assert max(map(len, table)) <= 100
    assert "strong drift in 1 of 2 features ([b]age)" in shown
    (row,) = [line for line in table if line.strip().startswith("[b]age")]
    assert "strong" in row
    assert "100 %" in row
    assert "moved up by 1." in row
    assert "· 500 events" in shown
    assert "· compared with 2,000 rows of baseline" in shown
