"""What ``drift``, ``compare`` and ``profile`` share: reading windows, and their options."""

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import redis
import typer

from schemas.windows import window_spec
from stream.cli.connect import require_kafka, require_redis
from stream.cli.errors import CommandError, usage
from stream.cli.times import FORMS, parse_moment
from stream.reading.errors import ReadingError
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.reading.reader import WindowReader

WINDOW_DEFAULT = "1d"
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Model name.")]
ReadVersionOption = Annotated[
    str | None,
    typer.Option("--version", "-v", metavar="VERSION", help="Which, where there are several."),
]
WindowOption = Annotated[
    str, typer.Option("--window", "-w", metavar="SIZE", help="Window, such as 1h, 1d, 7d.")
]
EndOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help=f"The last window that ends by TIME: {FORMS}. [dim]Default: the newest.[/]",
    ),
]


@contextlib.contextmanager
def open_reader(settings: Settings) -> Iterator["WindowReader"]:
    """Read windows inside the block; what can't be read is one sentence.

    Raises
    ------
    CommandError
        When Kafka or Redis does not answer, or what is asked for is not there.
    """
    # These load scipy and Arrow, a second that `--help` and wrong usage save.
    from stream.reading.reader import WindowReader  # noqa: PLC0415
    from stream.registry import Registry  # noqa: PLC0415

    require_kafka(settings)
    client = require_redis(settings, text=False)
    registry = Registry(settings).start()
    registry.close()
    snapshot = registry.snapshot
    disorder_ms = settings.worker.disorder_ms
    try:
        yield WindowReader(client, settings.namespace, lambda: snapshot, disorder_ms)
    except ReadingError as error:
        raise CommandError(str(error)) from error
    except redis.RedisError as error:
        raise CommandError(f"Redis stopped answering ({error}): try again") from error
    finally:
        client.close()


def end_of(end: str | None) -> int | None:
    """Return what ``--end`` says, epoch ms; None is the newest window."""
    return None if end is None else parse_moment("--end", end, time.time_ns() // 1_000_000)


def check_window(window: str) -> None:
    """Refuse a ``--window`` that is none, before anything is connected to.

    Raises
    ------
    CommandError
        For wrong usage.
    """
    try:
        window_spec(window)
    except ValueError as error:
        raise usage(f"--window: {error}") from error
