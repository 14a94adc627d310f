"""Moments and figures as people write and read them."""

from typing import Any

import pytest

from stream.cli.errors import USAGE, CommandError
from stream.cli.output import figure_text, time_text
from stream.cli.reports import canonical_window, feature_figure
from stream.cli.times import parse_moment

NOW = 1_790_002_800_000  # 2026-09-21 15:00 UTC


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("now", NOW),
        ("90m", NOW - 5_400_000),
        ("1789999200000", 1_789_999_200_000),
        ("2026-09-21", NOW - 15 * 3_600_000),
        ("2026-09-21 15:00", NOW),
        ("2026-09-21T15:00:00Z", NOW),
        ("2026-09-21T17:00:00.5+02:00", NOW + 500),
    ],
)
def test_moments(text: str, ms: Any) -> None:
    assert parse_moment("--since", text, NOW) == ms


def test_what_is_no_moment_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="--since 'tomorrow' is no time: write") as caught:
        parse_moment("--since", "tomorrow", NOW)
    assert caught.value.code == USAGE


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("error_rate", 0.0125, "1.25 %"),
        ("latency_p95_ms", 1234.5, "1,234 ms"),
        ("throughput_per_s", 4.0, "4/s"),
        ("drifted_features", 3, "3"),
        ("prediction_drifted", True, "yes"),
        ("accuracy", None, "–"),
        ("prediction_psi", 0.0, "0"),
        ("metric.clicks.sum", 1.5e9, "1.50e+09"),
    ],
)
def test_figures_have_their_unit(name: str, value: Any, text: str) -> None:
    assert figure_text(name, value) == text


def test_names() -> None:
    assert canonical_window("24h") == "1d"
    assert feature_figure("feature.a.b.psi") == ("a.b", "psi")
    assert feature_figure("psi") == ("", "")
    assert time_text(NOW) == "2026-09-21 15:00"
