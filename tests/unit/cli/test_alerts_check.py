"""``alerts check``: what it prints, how it ends, and that its documentation is true."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from schemas.config import parse_config
from schemas.metrics import Window, WindowReport, with_report_id
from schemas.rules import RuleConfig
from stream.cli.errors import FAILED, USAGE, CommandError
from stream.cli.main import make_app

DOC = (Path(__file__).parents[3] / "docs" / "alert-rules.md").read_text("utf-8")
T0 = 1_790_002_800_000  # 2026-09-21 15:00 UTC
MINUTE_MS = 60_000

GOOD = """
[[tests]]
name = "errors"
series = [{model_name = "credit", window = "5m", values = {error_rate = "0.2x6"}}]
episodes = [{rule = "error-rate", fires_at = "5m"}]
"""

Check = Callable[..., tuple[str, str, Any]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: Any) -> Check:
    """Run the command in an empty folder: what it printed and said, and what it ended with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **files: str) -> tuple[str, str, Any]:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.with_suffix(".toml").write_text(text)
        done = CliRunner().invoke(make_app(), ["alerts", "check", *arguments])
        assert done.exception is None or isinstance(done.exception, CommandError), done.exception
        return done.stdout, done.stderr, done.exception

    return run


def blocks(mark: str) -> list[str]:
    return re.findall(rf"<!-- {mark} -->\n```\w*\n(.*?)```", DOC, re.DOTALL)


# -- the documentation -----------------------------------------------------------------------------


def test_the_example_of_the_documentation_prints_what_it_says(check: Check) -> None:
    (text,) = blocks("tested: rules.toml")
    (printed,) = blocks("printed: 1")
    command, *lines = printed.splitlines()
    assert command == "$ streamgauge alerts check rules.toml"
    out, _, ended = check("rules.toml", rules=text)
    assert [*out.splitlines(), f"streamgauge: {ended}"] == lines
    assert ended.code == FAILED


def test_all_rules_of_the_documentation_are_rules() -> None:
    rules: list[RuleConfig] = []
    for text in re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL):
        rules += parse_config(tomllib.loads(text)).rules
    for text in re.findall(r"```json\n(.*?)```", DOC, re.DOTALL):
        rules += parse_config(json.loads(text)).rules
    assert len(rules) >= 5
    guides = next(rule for rule in rules if rule.name == "high-latency")
    assert (guides.metric, guides.window, guides.cooldown) == ("latency_p95_ms", "5m", "1h")


# -- what it prints, and how it ends ---------------------------------------------------------------


def test_all_passed(check: Check) -> None:
    assert check("a.toml", a=GOOD) == ("ok      errors\n", "", None)
    out, _, ended = check("a.toml", "b.toml", a=GOOD, b=GOOD)
    assert (out, ended) == ("ok      a.toml: errors\nok      b.toml: errors\n", None)


def test_json(check: Check) -> None:
    out, _, ended = check("a.toml", "b.toml", "--json", a=GOOD, b=GOOD.replace('"5m"}]', '"4m"}]'))
    assert (str(ended), ended.code) == ("1 of 2 tests failed", FAILED)
    first, second = json.loads(out)
    assert (first["file"], first["name"], first["ok"], first["failures"]) == (
        "a.toml",
        "errors",
        True,
        [],
    )
    (episode,) = first["episodes"]
    assert episode["fired_at"] - episode["starts_at"] == 5 * MINUTE_MS
    assert episode["resolved_at"] is None
    assert (second["ok"], len(second["failures"])) == (False, 2)


def test_a_rule_that_is_never_judged_is_told(check: Check) -> None:
    rule = '[[rules]]\nname = "mine"\ncondition = "acuracy < 1"\nwindow = "1d"\n'
    out, said, ended = check("a.toml", a=rule + GOOD)
    assert (out, ended) == ("ok      errors\n", None)
    assert " ".join(said.split()).startswith("warning: a.toml: rule mine is never judged: ")


def test_rules_of_other_files(check: Check) -> None:
    rule = '[[rules]]\nname = "mine"\ncondition = "error_rate > 0.1"\n'
    tests = GOOD.replace("episodes = [", 'episodes = [{rule = "mine", fires_at = "0m"}, ')
    files = {"deep__rules": rule, "deep__tests": 'rule_files = ["rules.toml"]\n' + tests}
    assert check("deep/tests.toml", **files)[2] is None
    twice = {"deep__tests": files["deep__tests"] + rule}
    _, _, ended = check("deep/tests.toml", **twice)
    assert (ended.code, "rule 'mine' is in deep/tests.toml and in rules.toml" in str(ended)) == (
        USAGE,
        True,
    )


def test_a_file_of_json(check: Check, tmp_path: Path) -> None:
    series = {"model_name": "credit", "window": "5m", "values": {"error_rate": "0.2x6"}}
    episode = {"rule": "error-rate", "fires_at": "5m"}
    test = {"name": "errors", "series": [series], "episodes": [episode]}
    (tmp_path / "a.json").write_text(json.dumps({"tests": [test]}))
    assert check("a.json") == ("ok      errors\n", "", None)


# -- recorded reports ------------------------------------------------------------------------------


def report(minute: int, rate: float) -> WindowReport:
    end = T0 + minute * MINUTE_MS
    return with_report_id(
        WindowReport(
            id="",
            model_name="credit",
            model_version="3",
            segment=None,
            window=Window(
                name="5m", size_ms=300_000, start=end - 300_000, end=end, tumbling=minute % 5 == 0
            ),
            revision=100,
            complete=True,
            exact=True,
            count=100,
            sampled_count=100,
            label_count=0,
            baseline=None,
            config_id=None,
            metrics={"error_rate": rate},
            features={},
        )
    )


REPORTS = [report(minute, 0.2 if minute > 2 else 0.0) for minute in range(10)]
RECORDED = """
[[tests]]
name = "monday"
reports = "recorded/monday"
episodes = [{rule = "error-rate", fires_at = "2026-09-21T15:08:00Z", labels = {model_version = 3}}]
"""


@pytest.mark.parametrize(
    "recorded",
    [
        msgspec.json.encode(REPORTS),
        b"\n  " + msgspec.json.format(msgspec.json.encode(REPORTS)) + b"\n",
        b"\n".join(map(msgspec.json.encode, REPORTS)) + b"\n\n",
    ],
    ids=["an array", "an indented array", "lines"],
)
def test_recorded_reports(check: Check, tmp_path: Path, recorded: bytes) -> None:
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded/monday").write_bytes(recorded)
    assert check("a.toml", a=RECORDED) == ("ok      monday\n", "", None)
    _, _, ended = check("a.toml", a=RECORDED.replace("15:08", "15:09"))
    assert ended.code == FAILED


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        (None, "recorded/monday can't be read (No such file or directory)"),
        (b"", "recorded/monday holds no report"),
        (b"[]", "recorded/monday holds no report"),
        (b'{"count": 3}', "holds something that is no window report"),
        (b"[{}]", "holds something that is no window report"),
        (b"error_rate\n", "holds something that is no window report"),
        (b"\xff", "holds something that is no window report"),
    ],
)
def test_recorded_reports_that_are_none(
    check: Check, tmp_path: Path, recorded: bytes | None, says: str
) -> None:
    (tmp_path / "recorded").mkdir()
    if recorded is not None:
        (tmp_path / "recorded/monday").write_bytes(recorded)
    _, _, ended = check("a.toml", a=RECORDED)
    assert ended.code == USAGE
    assert says in str(ended)
    assert "\n" not in str(ended)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("missing.toml", "", "missing.toml can't be read (No such file or directory)"),
        ("a.yaml", "", "a.yaml: tests of rules are in a .toml or .json file"),
        ("a.toml", "x = ", "a.toml is no TOML"),
        ("a.toml", "", "a.toml: there is no test"),
        ("a.toml", GOOD.replace("error_rate", "eror_rate"), "a.toml: test 'errors': series 1: `v"),
        ("a.toml", 'rule_files = ["gone.toml"]' + GOOD, "gone.toml can't be read"),
        ("a.toml", 'rule_files = ["a.toml"]\nrules = 3' + GOOD, "`rules` must be a list of tables"),
    ],
)
def test_a_file_that_cannot_be_used(check: Check, file: str, text: str, says: str) -> None:
    _, _, ended = check(file, a=text)
    assert ended.code == USAGE
    assert says in str(ended)
    assert "\n" not in str(ended)


def test_no_test_runs_where_one_of_the_files_cannot_be_used(check: Check) -> None:
    out, _, ended = check("a.toml", "b.toml", a=GOOD, b="")
    assert (out, ended.code) == ("", USAGE)
