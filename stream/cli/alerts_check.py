"""``alerts check``: unit tests of rules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.config import ConfigFile
from schemas.metrics import WindowReport
from stream.alerting.never_judged import rule_warnings
from stream.alerting.unit_test_expect import Outcome
from stream.alerting.unit_test_form import ConfigError, parse_file
from stream.alerting.unit_tests import UnitTest, joined, make_test, run_test
from stream.cli.config_files import STDIN, check_constraints, read_config_file, read_document
from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.options import JsonOption
from stream.cli.output import clean, console, escape, notes, print_json

app = typer.Typer()


@app.command(
    epilog=examples(
        "streamgauge alerts check rules.toml",
        "# the least of a rules.toml with a test; docs/alert-rules.md has all there is",
        "# [[rules]]",
        '# name = "slow"',
        '# condition = "latency_p95_ms > 100"',
        "# [[tests]]",
        '# name = "a slow window is an alert"',
        '# series = [{model_name = "credit", window = "5m", values = {latency_p95_ms = "90 120"}}]',
        '# episodes = [{rule = "slow", fires_at = "1m"}]',
        "# tests on what was: record it first",
        "streamgauge metrics credit --window 5m --since 24h --json > monday.json",
        then="[bold]streamgauge rules apply rules.toml[/] makes the rules count;"
        " [bold]streamgauge backtest[/] tries them on a log of predictions.",
    )
)
def check(
    files: Annotated[
        list[str],
        typer.Argument(metavar="RULES", help="Files with tests of rules, TOML or JSON."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Run unit tests of rules: reports in, and whether what is expected fires."""
    runs = [(file, _read(file)) for file in files]
    outcomes = [(file, run_test(test)) for file, tests in runs for test in tests]
    if as_json:
        print_json([{"file": file, **msgspec.to_builtins(outcome)} for file, outcome in outcomes])
    else:
        for file, outcome in outcomes:
            _show(outcome, file if len(files) > 1 else None)
    failed = sum(not outcome.ok for _, outcome in outcomes)
    if failed:
        raise CommandError(f"{failed} of {len(outcomes)} tests failed")


def _read(file: str) -> list[UnitTest]:
    """Read a file and those that it names.

    Raises
    ------
    CommandError
        Usage, for the first thing that can't be used.
    """
    try:
        form = parse_file(_document(file))
        others = {name: read_config_file(str(_beside(file, name))) for name in form.rule_files}
        config = joined(file, form, others)
        for model in form.config.models:
            check_constraints(file, model)
        tests = [make_test(test, config, _recorded(file, test.reports)) for test in form.tests]
    except ConfigError as error:
        raise usage(f"{file}: {error}") from error
    except CommandError as error:
        raise usage(str(error)) from error
    _warn(file, config)
    return tests


def _document(file: str) -> Any:
    if file == STDIN or Path(file).suffix.lower() in {".toml", ".json"}:
        return read_document(file)
    raise usage(f"{file}: tests of rules are in a .toml or .json file")


def _beside(file: str, name: str) -> Path:
    """Return the path of a file that another names."""
    return (Path() if file == STDIN else Path(file).parent) / name


def _recorded(file: str, name: str | None) -> Sequence[WindowReport]:
    """Read recorded reports: a JSON array, as `metrics --json` prints them, or JSON lines.

    Raises
    ------
    CommandError
        Naming the first that is none.
    """
    if name is None:
        return ()
    path = _beside(file, name)
    try:
        data = path.read_bytes().strip()
    except OSError as error:
        raise usage(f"{file}: {path} can't be read ({error.strerror}): check the path") from error
    try:
        if data.startswith(b"["):
            reports = msgspec.json.decode(data, type=list[WindowReport])
        else:
            lines = filter(None, data.splitlines())
            reports = [msgspec.json.decode(line, type=WindowReport) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise usage(f"{file}: {path} holds something that is no window report: {error}") from error
    if not reports:
        raise usage(f"{file}: {path} holds no report: was there traffic in that time?")
    return reports


def _warn(file: str, config: ConfigFile) -> None:
    names = [rule.name for rule in config.rules]
    for sentence in rule_warnings(names, config.rules, config.models):
        notes().print(f"[yellow]warning:[/] {escape(f'{file}: {sentence}')}")


def _show(outcome: Outcome, file: str | None) -> None:
    out = console()
    mark = "[green]ok[/]    " if outcome.ok else "[bold red]FAILED[/]"
    where = "" if file is None else f"{file}: "
    out.print(f"{mark}  {escape(clean(where + outcome.name))}", soft_wrap=True)
    for failure in outcome.failures:
        out.print(f"        {escape(clean(failure))}", soft_wrap=True)
