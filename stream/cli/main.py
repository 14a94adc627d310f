"""``streamgauge``: all commands, and how errors reach a person."""

import sys
from importlib import metadata
from typing import Annotated

import structlog
import typer

from stream.cli import (
    alerts,
    backtest,
    baseline,
    cleanup,
    compare,
    demo,
    doctor,
    drift,
    emit,
    metrics,
    models,
    profile,
    roles,
    rules,
    up,
    watch,
)
from stream.cli.errors import FAILED, USAGE, CommandError
from stream.cli.help import examples
from stream.cli.output import escape, notes
from stream.embedded.errors import EmbeddedError
from stream.kafka import KafkaUnavailableError
from stream.settings import SettingsError

app = typer.Typer(
    name="streamgauge",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "streamgauge up                   # everything on this machine",
        """echo '{"model_name": "credit", "prediction": 1}' | streamgauge emit -""",
        "streamgauge watch",
        then="[bold]streamgauge COMMAND --help[/] has examples for each command.",
    ),
)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

SEND, LOOK, CONFIGURE, RUN = "Send events", "Look at figures", "Configure", "Run"

for _group, _panel in (
    (demo.app, RUN),
    (up.app, RUN),
    (roles.app, RUN),
    (doctor.app, RUN),
    (cleanup.app, RUN),
    (emit.app, SEND),
    (watch.app, LOOK),
    (metrics.app, LOOK),
    (drift.app, LOOK),
    (compare.app, LOOK),
    (backtest.app, LOOK),
):
    for _command in _group.registered_commands:
        _command.rich_help_panel = _panel
        app.registered_commands.append(_command)
for _named, _panel in (
    (models.app, CONFIGURE),
    (rules.app, CONFIGURE),
    (baseline.app, CONFIGURE),
    (alerts.app, LOOK),
    (profile.app, LOOK),
):
    app.add_typer(_named, rich_help_panel=_panel)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"streamgauge {metadata.version('streamgauge')}")
        raise typer.Exit


@app.callback()
def streamgauge(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_show_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Know how your models are doing, now: a streaming monitor on Kafka and Redis."""


def main() -> None:
    """Run a command; an error is one sentence on stderr. Exit codes: 0, 1 failed, 2 usage."""
    # Results go to stdout, which programs read; logs must not be among them.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    # Rich ones show local variables: values of events, and pages of them at every repeat.
    structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
    try:
        app()
    except CommandError as error:
        _end(str(error), error.code)
    except SettingsError as error:
        _end(str(error), USAGE)
    except (KafkaUnavailableError, EmbeddedError) as error:
        _end(str(error), FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has seen enough; Python would complain once more at exit.
        sys.stderr.close()
        sys.exit(FAILED)


def _end(message: str, code: int) -> None:
    notes().print(f"[bold red]streamgauge:[/] {escape(message)}")
    sys.exit(code)


if __name__ == "__main__":
    main()
