"""``streamgauge``: all commands, and how errors reach a person.

A command imports its own module only: all of them take most of a second, which is long for a shell
script that emits one event.
"""

import sys
from importlib import import_module, metadata
from typing import Annotated

import structlog
import typer

from stream.cli.errors import FAILED, USAGE, CommandError
from stream.cli.help import examples
from stream.cli.output import escape, notes
from stream.embedded.errors import EmbeddedError
from stream.kafka import KafkaUnavailableError
from stream.settings import SettingsError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

SEND, LOOK, CONFIGURE, RUN = "Send events", "Look at figures", "Configure", "Run"
COMMANDS = {
    "demo": ("demo", RUN),
    "up": ("up", RUN),
    "worker": ("roles", RUN),
    "agents": ("roles", RUN),
    "doctor": ("doctor", RUN),
    "cleanup": ("cleanup", RUN),
    "emit": ("emit", SEND),
    "emit-labels": ("emit", SEND),
    "watch": ("watch", LOOK),
    "metrics": ("metrics", LOOK),
    "drift": ("drift", LOOK),
    "compare": ("compare", LOOK),
    "backtest": ("backtest", LOOK),
    "models": ("models", CONFIGURE),
    "rules": ("rules", CONFIGURE),
    "baseline": ("baseline", CONFIGURE),
    "alerts": ("alerts", LOOK),
    "profile": ("profile", LOOK),
}
"""Module in this package and panel of the help of each command, or group of commands."""


def _show_version(asked: bool) -> None:
    if asked:
        print(f"streamgauge {metadata.version('streamgauge')}")
        raise typer.Exit


def _streamgauge(
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


def make_app(asked: str | None = None) -> typer.Typer:
    """Make the program.

    Parameters
    ----------
    asked : command that is wanted; the others of the result may be missing. Whatever is none: all
    """
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
    app.callback()(_streamgauge)
    wanted = [COMMANDS[asked]] if asked in COMMANDS else COMMANDS.values()
    for module, panel in dict.fromkeys(wanted):
        part: typer.Typer = import_module(f"stream.cli.{module}").app
        if isinstance(part.info.name, str):
            app.add_typer(part, rich_help_panel=panel)
            continue
        for command in part.registered_commands:
            command.rich_help_panel = panel
            app.registered_commands.append(command)
    return app


def main() -> None:
    """Run a command; an error is one sentence on stderr. Exit codes: 0, 1 failed, 2 usage."""
    # Results go to stdout, which programs read; logs must not be among them.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    # Rich ones show local variables: values of events, and pages of them at every repeat.
    structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
    try:
        make_app(sys.argv[1] if len(sys.argv) > 1 else None)()
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
