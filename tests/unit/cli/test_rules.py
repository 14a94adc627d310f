"""Rules as people are shown them."""

from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from schemas.config import parse_model, parse_rule
from stream.alerting.rule_list import ListedRule, listed_rules
from stream.cli.errors import USAGE, CommandError
from stream.cli.main import make_app
from stream.cli.rule_views import rule_table, rules_table


def printed(table: Any) -> list[str]:
    console = Console(width=240, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return [" ".join(line.split()) for line in capture.get().splitlines()]


@pytest.fixture
def rules() -> dict[str, ListedRule]:
    given = [
        parse_rule({"name": "slow", "condition": "latency_ms > 9"}),
        parse_rule(
            {
                "name": "error-rate",
                "condition": "> 0.02",
                "match": {"model_name": "cred*", "segment": "country=[FR]"},
                "channels": ["pager", "chat"],
                "summary": "errors \x1b[31mof\x1b[0m [bold]credit[/]",
            }
        ),
    ]
    models = (
        parse_model({"model_name": "credit", "performance_threshold": {"bias": 2}}),
        parse_model({"model_name": "credit", "model_version": "3"}),
    )
    return {rule.name: rule for rule in listed_rules({r.name: r for r in given}, models)}


def test_all_rules_are_rows(rules: dict[str, ListedRule]) -> None:
    lines = printed(rules_table([*rules.values()]))
    for expected in (
        "error-rate error_rate > 0.02 5m 5m error pager chat default, overridden"
        " model_name=cred* segment=country=[FR] docs/runbooks/error-rate.md",
        "slow latency_p95_ms > 9 5m – warning by route configured all –",
        "data-quality missing_rate > baseline + 0.05 1h – warning by route default all"
        " docs/runbooks/data-quality.md",
        "or type_mismatch_rate > 0.01",
        "credit-bias bias > 2 1d – warning by route performance_threshold model_name=credit"
        " but version 3 –",
        "or bias < -2",
    ):
        assert expected in lines, lines


def test_columns_in_which_no_rule_says_anything_are_left_out() -> None:
    lines = printed(rules_table(listed_rules({}, [])))
    assert "Rule Fires when Over For Severity From Runbook" in lines
    assert "latency latency_p95_ms > 2 * baseline 5m 10m warning default" in " ".join(lines)


def test_one_rule_is_shown_field_by_field(rules: dict[str, ListedRule]) -> None:
    lines = printed(rule_table(rules["error-rate"]))
    for expected in (
        "error-rate",
        "error when error_rate > 0.02",
        "window 5m",
        "for 5m",
        "about model_name=cred* segment=country=[FR]",
        "channels pager chat",
        "summary errors [31mof[0m [bold]credit[/]",
        "runbook_url docs/runbooks/error-rate.md",
        "from default, overridden (match, condition, channels, summary)",
    ):
        assert expected in lines, lines
    lines = printed(rule_table(rules["accuracy-drop"]))
    known = "accuracy_high < baseline (where it is known)"
    assert f"error when accuracy < baseline - 0.1 and {known}" in lines


def test_a_file_that_cannot_be_used_is_told_before_anything_is_asked_for(
    tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "rules.toml").write_text('[[rules]]\nname = "High Error Rate"\n')
    done = CliRunner().invoke(make_app(), ["rules", "apply", "rules.toml"])
    assert isinstance(done.exception, CommandError)
    assert done.exception.code == USAGE
    assert "did you mean `high-error-rate`?" in str(done.exception)
