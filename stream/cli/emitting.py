"""What ``emit`` does, and what ``emit-labels`` shares with it.

Arrow is imported here: other commands save the time.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa

from schemas.topics import Topic, topic_name
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError, usage
from stream.cli.output import console, count_text, events_text, note, print_json
from stream.cli.sending import send_with_progress
from stream.emit.columns import ColumnError
from stream.emit.events import prediction_events
from stream.emit.lines import Lines, line_chunks
from stream.emit.pace import Pace
from stream.emit.record import Record
from stream.emit.roles import MappingError, check_name, id_columns, layout_of, parse_map
from stream.emit.send import Delivery
from stream.emit.tables import FileError, TableFile, format_of, open_table
from stream.settings import Settings

STDIN = "-"
UNKNOWN_VERSION = "unknown"


def emit_predictions(
    settings: Settings,
    file: str,
    model: str | None,
    version: str | None,
    mapped: Sequence[str],
    ignore: Sequence[str],
    pace: Pace,
    as_json: bool,
) -> None:
    """Send a file's rows, or a stream of events, to ``ml.predictions``."""
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    if model is None:
        if mapped or ignore or version or pace.by_event_time:
            raise usage("--version, --map, --ignore and --speed go with --model: add it")
        if file != STDIN and not holds_lines(file):
            raise usage(
                f"{file} holds rows, not events: say whose they are with --model and --version"
            )
        send_lines(settings, file, topic, pace, as_json, Lines())
        return
    if file == STDIN:
        raise usage("standard input takes events that name their model: leave --model out")
    of = version or UNKNOWN_VERSION
    try:
        check_name("model", model)
        check_name("version", of)
        named = parse_map(mapped)
        table = open_table(Path(file), id_columns(named))
        layout = layout_of(table.columns, named, ignore)
        if pace.by_event_time and "timestamp" not in layout.roles:
            raise MappingError("--speed needs event times: name them with --map timestamp=COLUMN")
        events = prediction_events(table, layout, model, of, note)
        send_table(settings, table, events, topic, pace, as_json, layout.sentence())
    except (MappingError, ColumnError) as error:
        raise usage(f"{file}: {error}") from error
    except FileError as error:
        raise CommandError(str(error)) from error


def holds_lines(file: str) -> bool:
    """Tell whether a file's name says that it holds JSON lines."""
    try:
        return format_of(Path(file)) == "jsonl"
    except FileError:
        return False


def send_table(
    settings: Settings,
    table: TableFile,
    events: Iterable[list[Record]],
    topic: str,
    pace: Pace,
    as_json: bool,
    columns: str,
) -> None:
    """Send a file's rows as events; ``columns`` says for a person what was made of each.

    Raises
    ------
    CommandError
        When Kafka does not answer, or anything was not delivered.
    """
    if not as_json:
        note(f"{table.path.name}: {columns}")
    require_kafka(settings)
    _finish(send_with_progress(settings, topic, pace, events, table.rows), topic, as_json)


def send_lines(
    settings: Settings, file: str, topic: str, pace: Pace, as_json: bool, lines: Lines
) -> None:
    """Send a stream of JSON lines unchanged; ``lines`` looks at each.

    Raises
    ------
    CommandError
        When the file can't be read, Kafka does not answer, or anything was not delivered.
    """
    chunks = line_chunks(open_lines(file))
    require_kafka(settings)
    delivery = send_with_progress(settings, topic, pace, lines.records(chunks), None)
    if lines.odd:
        are = "line is no event" if lines.odd == 1 else "lines are no events"
        note(
            f"{count_text(lines.odd)} {are} of one request each ({lines.first_odd}); sent as they"
            f" are, and what can't be used will be on {settings.namespace}.rejected"
        )
    _finish(delivery, topic, as_json)


def open_lines(file: str) -> Callable[[int], bytes]:
    """Open a file, or standard input, to be read by pieces; a name tells what is compressed.

    Raises
    ------
    CommandError
        When it can't be opened, or later read.
    """
    if file == STDIN:
        source = sys.stdin.fileno()
        return lambda size: os.read(source, size)
    try:
        stream = pa.input_stream(file, compression="detect")
    except OSError as error:
        raise _unreadable(file, error) from error

    def read(size: int) -> bytes:
        try:
            return cast("bytes", stream.read(size))
        except (OSError, pa.ArrowException) as error:  # a compressed file that is cut off
            raise _unreadable(file, error) from error

    return read


def _unreadable(file: str, error: Exception) -> CommandError:
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    return CommandError(f"{file} can't be read ({why}): check the path")


def _finish(delivery: Delivery, topic: str, as_json: bool) -> None:
    """Print what became of it; raise where anything was not delivered."""
    if as_json:
        print_json(
            {
                "topic": topic,
                "sent": delivery.sent,
                "failed": delivery.failed,
                "seconds": round(delivery.seconds, 3),
            }
        )
    else:
        rate = delivery.sent / delivery.seconds if delivery.seconds > 0 else 0.0
        console().print(
            f"[green]✓[/] {events_text(delivery.sent)} to {topic}"
            f" in {delivery.seconds:.1f} s ({count_text(rate)}/s)"
        )
    if delivery.failed:
        raise CommandError(
            f"{events_text(delivery.failed)} not delivered to {topic} ({delivery.why}):"
            " send again what is missing"
        )
