"""The command: what it prints, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stream.cli.errors import FAILED, USAGE, CommandError
from stream.cli.main import make_app

CONFIG = """
[[models]]
model_name = "credit"
windows = [{size = "5m", every = "5m"}]
"""


@pytest.fixture
def backtest(tmp_path: Path, monkeypatch: Any) -> Any:
    """Run the command in an empty folder; returns what it printed, and what it ended with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "models.toml").write_text(CONFIG)

    def run(*arguments: str) -> tuple[str, Any]:
        done = CliRunner().invoke(make_app(), ["backtest", *arguments])
        assert done.exception is None or isinstance(done.exception, CommandError), done.exception
        return done.stdout, done.exception

    return run


@pytest.fixture
def log(tmp_path: Path, events: Any) -> str:
    """Half an hour, the last twenty minutes of which fail."""
    path = tmp_path / "log.jsonl"
    failed = events(20, seed=2, first_minute=10, prediction=None, error="timeout")
    lines = [*map(json.dumps, [*events(10), *failed]), "{}"]
    path.write_text("\n".join(lines))
    return path.name


def test_a_timeline_and_what_it_rests_on(backtest: Any, log: str) -> None:
    printed, ended = backtest(log, "--config", "models.toml")
    assert ended is None
    said = " ".join(printed.split())
    assert "120 of 121 events counted" in said
    assert "2023-11-14 00:20 firing error error-rate 1 0.05 error rate of credit 3" in said
    assert "error-rate 1 0" in said
    assert "1 still firing" in said
    not_judged = said.partition("Not judged: ")[2]
    assert "no-traffic, pipeline-lag, which" in not_judged
    assert "accuracy-drop, f1-drop, rmse-rise, since the labels of a log are not joined" in (
        not_judged
    )
    assert said.count("accuracy-drop") == 1


def test_json_reports_and_the_exit_code(backtest: Any, log: str, tmp_path: Path) -> None:
    given = (log, "--config", "models.toml", "--json", "--reports", "reports.jsonl")
    printed, ended = backtest(*given, "--fail-on", "error")
    assert isinstance(ended, CommandError)
    assert (ended.code, str(ended)) == (
        FAILED,
        "1 alert of severity error or worse would have fired",
    )
    (alert,) = json.loads(printed)
    reports = [json.loads(line) for line in (tmp_path / "reports.jsonl").read_text().splitlines()]
    assert [r["count"] for r in reports] == [20] * 6
    assert alert["report_id"] == reports[3]["id"]
    assert backtest(*given, "--fail-on", "critical")[1] is None


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["missing.jsonl"], FAILED, "missing.jsonl can't be read"),
        (["log.jsonl", "--config", "missing.toml"], FAILED, "missing.toml can't be read"),
        (["log.jsonl", "--since", "1h"], USAGE, "--since and --until go with a topic"),
        (["log.jsonl", "--version", "3"], USAGE, "add it"),
        (["topic:ml.predictions", "--model", "m"], USAGE, "leave them out"),
        (["log.jsonl", "--baseline", "nowhere.csv"], USAGE, "there is no such file"),
        (["log.jsonl", "--baseline", "a=cafe"], USAGE, "no Kafka is configured"),
        (["empty.jsonl"], FAILED, "holds no event"),
        (["bad.jsonl"], FAILED, "none of 2 events could be counted; line 2: "),
        (["rows.csv", "-m", "credit"], USAGE, "--map timestamp=COLUMN"),
        (["rows.csv", "-m", "credit", "--map", "id=nowhere"], USAGE, "no column 'nowhere'"),
        (["log.jsonl", "--reports", "no/where"], FAILED, "no/where can't be written"),
        (["log.jsonl", "--config", "names.toml"], USAGE, "--baseline credit=cafecafecafe"),
    ],
)
def test_what_cannot_be_used(
    backtest: Any, log: str, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "bad.jsonl").write_text("\nno\n[1]\n")
    (tmp_path / "rows.csv").write_text("age,prediction\n1,1\n")
    named = f'[[models]]\nmodel_name = "credit"\nbaseline = "{"cafe" * 16}"\n'
    (tmp_path / "names.toml").write_text(named)
    _, ended = backtest(*arguments)
    assert isinstance(ended, CommandError), ended
    assert ended.code == code
    assert says in str(ended)
    assert "\n" not in str(ended)


def test_rows_of_a_table_with_its_reference_data(
    backtest: Any, tmp_path: Path, events: Any
) -> None:
    def write(name: str, rows: Any, label: str = "") -> None:
        lines = [f"when,age,country,y{label and ',' + label}"]
        lines += [
            f"{r['timestamp']},{r['features']['age']},{r['features']['country']},{r['prediction']}"
            + (",1" if label else "")
            for r in rows
        ]
        (tmp_path / name).write_text("\n".join(lines))

    write("log.csv", events(180))
    write("reference.csv", events(600, seed=9, first_minute=-600), label="truth")
    mapped = ("--map", "timestamp=when", "--map", "prediction=y", "--map", "label=truth")
    given = ("log.csv", "-m", "credit", "-v", "3", *mapped, "--baseline", "reference.csv")
    printed, ended = backtest(*given)
    assert ended is None
    assert "47 × 1h" in printed
    assert "Nothing would have alerted." in printed


def test_ids_are_text_under_either_of_their_names(
    backtest: Any, tmp_path: Path, events: Any
) -> None:
    rows = [
        f"{event['timestamp']},{number % 2:0{1 + number % 4}},1"
        for number, event in enumerate(events(10)[:4])
    ]
    reports = tmp_path / "reports.jsonl"
    for column in ("id", "request_id"):
        (tmp_path / "log.csv").write_text("\n".join([f"timestamp,{column},prediction", *rows]))
        backtest("log.csv", "-m", "credit", "--config", "models.toml", "--reports", reports.name)
        (report,) = map(json.loads, reports.read_text().splitlines())
        assert (report["count"], report["metrics"]["duplicate_rate"]) == (4, 0.0), column
