"""``compare``: what a person sees, and what is wrong usage."""

import sys
from typing import Any

import numpy as np
import pytest

from stream.baseline.build import build_baseline
from stream.cli import compare as command
from stream.cli.main import main
from stream.reading.side_by_side import Side, side_by_side


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("3",), "a second version, or --segments A B of the first: give one"),
        (("3", "4", "--segments", "a=1", "a=2"), "a second version, or --segments A B"),
        (("3", "--segments", "a=1", "a=2", "--segment", "a=1"), "--segment is for two versions"),
        (("3", "4", "--window", "x"), "--window: 'x' is no duration"),
    ],
)
def test_wrong_usage(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    why: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["streamgauge", "compare", "credit", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert why in " ".join(capsys.readouterr().err.split())


@pytest.fixture
def found(counted_window: Any) -> Any:
    rng = np.random.default_rng(0)
    data = {"age": rng.normal(41, 13, 2_000), "[b]": rng.normal(0, 1, 2_000)}
    baseline = build_baseline(data, model_name="credit", model_version="1")

    def events(shift: float) -> Any:
        ages, others = rng.normal(41 + shift, 13, 400), rng.normal(0, 1, 400)
        pairs = zip(ages.tolist(), others.tolist(), strict=True)
        return [{"features": {"age": a, "[b]": b}, "latency_ms": 3.0} for a, b in pairs]

    return side_by_side(
        Side(counted_window(baseline, events(0.0))),
        Side(counted_window(baseline, events(10.0), version="2")),
    )


def test_what_matters_is_shown_first(
    found: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    command.show(found, all_rows=False)
    short = capsys.readouterr().out
    assert max(len(line) for line in short.splitlines() if not line.startswith("·")) <= 100
    assert "credit · 1h to 2026-09-21 15:00 UTC" in short
    (mean,) = [line for line in short.splitlines() if "age mean" in line]
    assert mean.strip().startswith("●")
    assert "< 0.0001" in mean
    assert "more figures: --all shows them" in short
    assert "[b]" not in short
    command.show(found, all_rows=True)
    long = capsys.readouterr().out
    assert "[b] mean" in long
    assert "--all" not in long
