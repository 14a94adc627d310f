"""``alerts send``: an alert of another program joins the others."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from schemas.alerts import Severity
from schemas.durations import parse_duration_ms
from schemas.sent_alerts import SentAlert, parse_sent
from stream.alerting.outside import document
from stream.cli.connect import require_kafka, require_redis
from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import clean, console, escape, print_json
from stream.settings import Settings

app = typer.Typer()

RuleArgument = Annotated[
    str | None,
    typer.Argument(metavar="RULE", help="What it is called: A-Z a-z 0-9 . _ -", show_default=False),
]
LabelOption = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="NAME=VALUE", help="What it is about. Repeatable."),
]
SeverityOption = Annotated[Severity, typer.Option("--severity", "-s", help="How bad it is.")]
SummaryOption = Annotated[
    str | None, typer.Option("--summary", metavar="TEXT", help="One sentence for a human.")
]
ResolvedOption = Annotated[bool, typer.Option("--resolved", metavar="", help="It is over.")]
ForOption = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="DURATION",
        help="It ends by itself after so long, unless it is sent again.",
    ),
]
ValueOption = Annotated[
    float | None, typer.Option("--value", metavar="X", help="The figure, where there is one.")
]
RunbookOption = Annotated[str | None, typer.Option("--runbook", metavar="URL", help="What to do.")]
ChannelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--channel", metavar="NAME", help="Where it goes, instead of by route. Repeatable."
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="Alerts as JSON lines; - is input."),
]


@app.command(
    epilog=examples(
        "streamgauge alerts send nightly-export-failed --severity error"
        " --label model_name=credit --summary 'no features since 02:00'",
        "# when it is over",
        "streamgauge alerts send nightly-export-failed --label model_name=credit --resolved",
        "# one JSON object a line, with the fields of POST /api/v1/alerts",
        "streamgauge alerts send --file alerts.jsonl",
    )
)
def send(
    rule: RuleArgument = None,
    label: LabelOption = None,
    severity: SeverityOption = Severity.WARNING,
    summary: SummaryOption = None,
    resolved: ResolvedOption = False,
    for_: ForOption = None,
    value: ValueOption = None,
    runbook: RunbookOption = None,
    channel: ChannelOption = None,
    file: FileOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Send an alert: it fires until it is sent as resolved, however often it is sent."""
    if (rule is None) == (file is None):
        raise usage("give the name of an alert, or --file with alerts: one of them")
    if rule is not None:
        fields = {
            "rule": rule,
            "labels": _labels(label or []),
            "severity": severity.value,
            "status": "resolved" if resolved else "firing",
            "summary": summary,
            "value": value,
            "runbook_url": runbook,
            "channels": channel,
            "ends_at": None if for_ is None else _later(for_),
        }
        sent = [_parsed(fields, "")]
    else:
        assert file is not None
        sent = list(_read(file))
    settings = open_settings(config, data_dir, namespace)
    results = _send(settings, sent)
    if as_json:
        print_json(results)
        return
    for one, result in zip(sent, results, strict=True):
        told = "is taken" if result["changed"] else "tells nothing new"
        console().print(escape(clean(f"{one.rule}: {one.status} {told} ({result['fingerprint']})")))


def _send(settings: Settings, sent: list[SentAlert]) -> list[dict[str, Any]]:
    # Half a second to import, which the other commands of the group save.
    from stream.bootstrap import make_engine  # noqa: PLC0415
    from stream.registry import Registry  # noqa: PLC0415

    # What agents say while they work is not for who sends one alert.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    require_kafka(settings)
    client = require_redis(settings, text=False)
    registry = Registry(settings).start()
    try:
        engine = make_engine(settings, client, registry)
        results = []
        for one in sent:
            entries = engine.take(one).entries
            results.append(document(one, entries[-1].alert if entries else None))
        return results
    except ValueError as error:
        raise CommandError(str(error)) from error
    finally:
        registry.close()


def _read(file: Path) -> Iterator[SentAlert]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise usage(f"{file} can't be read: {error}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield _parsed(json.loads(line), f"{file}, line {number}: ")
            except json.JSONDecodeError as error:
                raise usage(f"{file}, line {number} is no JSON: {error}") from error


def _parsed(fields: Any, where: str) -> SentAlert:
    given = fields
    if isinstance(fields, dict):
        given = {name: value for name, value in fields.items() if value is not None}
    try:
        return parse_sent(given)
    except ValueError as error:
        raise usage(f"{where}{error}") from error


def _labels(pairs: list[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise usage(f"--label {pair!r}: write NAME=VALUE")
        labels[name] = value
    return labels


def _later(text: str) -> int:
    try:
        return time.time_ns() // 1_000_000 + parse_duration_ms(text)
    except ValueError as error:
        raise usage(f"--for: {error}") from error
