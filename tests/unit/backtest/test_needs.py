"""How much of a window rules want to know."""

from typing import Any

import pytest

from schemas.rules import RuleConfig
from stream.alerting.rules import compile_rules
from stream.backtest.alarms import Alarms
from stream.backtest.needs import Need, looks_at_segments, need_of


def rules(*more: Any) -> Any:
    return Alarms(compile_rules(more)).rules


def rule(metric: str) -> RuleConfig:
    return RuleConfig(name="mine", metric=metric, window="1m", condition="> 0")


def test_what_the_default_rules_want() -> None:
    default = rules()
    found = {w: need_of(default, w, decides=False) for w in ("1m", "5m", "1h", "1d")}
    assert found == {
        "1m": Need.NOTHING,
        "5m": Need.TRAFFIC,
        "1h": Need.ALL,  # missing values
        "1d": Need.NOTHING,  # drift shares are in windows that decide
    }
    assert need_of(default, "1d", decides=True) is Need.ALL
    assert not looks_at_segments(default)


@pytest.mark.parametrize(
    ("metric", "need"),
    [
        ("throughput_per_s", Need.TRAFFIC),
        ("count", Need.TRAFFIC),
        ("drift_share", Need.NOTHING),
        ("feature.age.drifted", Need.NOTHING),
        ("feature.*.psi", Need.ALL),
        ("duplicate_rate", Need.ALL),
        ("prediction_psi", Need.ALL),
        ("a_figure_that_comes_later", Need.ALL),
    ],
)
def test_what_a_figure_takes(metric: str, need: Need) -> None:
    mine = rules(rule(metric))
    assert need_of(mine, "1m", decides=False) is need
    assert looks_at_segments(mine)
