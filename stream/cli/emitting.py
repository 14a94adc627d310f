"""What ``emit`` and ``emit-labels`` do. Arrow is imported here: other commands save the time."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from schemas.topics import Topic, topic_name
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError, usage
from stream.cli.output import console, count_text, events_text, note, print_json
from stream.cli.sending import send_with_progress
from stream.emit.columns import ColumnError
from stream.emit.events import label_events, prediction_events
from stream.emit.lines import Lines, line_chunks
from stream.emit.pace import Pace
from stream.emit.record import Record
from stream.emit.roles import Layout, MappingError, check_name, layout_of, parse_map
from stream.emit.send import Delivery
from stream.emit.tables import FileError, TableFile, format_of, open_table
from stream.settings import Settings

STDIN = "-"
UNKNOWN_VERSION = "unknown"
LABEL_ROLES = ("id", "label", "timestamp")


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
        _send_lines(settings, file, topic, pace, as_json)
        return
    if file == STDIN:
        raise usage("standard input takes events that name their model: leave --model out")
    of = version or UNKNOWN_VERSION
    try:
        check_name("model", model)
        check_name("version", of)
        named = parse_map(mapped)
        table = open_table(Path(file), (named.get("id", "id"),))
        layout = layout_of(table.columns, named, ignore)
        if pace.by_event_time and "timestamp" not in layout.roles:
            raise MappingError("--speed needs event times: name them with --map timestamp=COLUMN")
        events = prediction_events(table, layout, model, of, note)
        _send_table(settings, table, events, topic, pace, as_json, layout)
    except (MappingError, ColumnError) as error:
        raise usage(f"{file}: {error}") from error
    except FileError as error:
        raise CommandError(str(error)) from error


def emit_truth(
    settings: Settings,
    file: str,
    model: str | None,
    version: str | None,
    mapped: Sequence[str],
    pace: Pace,
    as_json: bool,
) -> None:
    """Send a file's labels, or a stream of label events, to ``ml.labels``."""
    topic = topic_name(settings.namespace, Topic.LABELS)
    if file == STDIN or (_is_lines(file) and not mapped):
        _send_lines(settings, file, topic, pace, as_json)
        return
    try:
        for what, name in (("model", model), ("version", version)):
            if name is not None:
                check_name(what, name)
        named = parse_map(mapped, LABEL_ROLES)
        table = open_table(Path(file), (named.get("id", "id"),))
        layout = layout_of(table.columns, named, roles=LABEL_ROLES)
        # Other columns of the file say nothing about the truth.
        layout = Layout(layout.roles, (), layout.features)
        events = label_events(table, layout, model, version, note)
        _send_table(settings, table, events, topic, pace, as_json, layout)
    except (MappingError, ColumnError) as error:
        raise usage(f"{file}: {error}") from error
    except FileError as error:
        raise CommandError(str(error)) from error


def _is_lines(file: str) -> bool:
    try:
        return format_of(Path(file)) == "jsonl"
    except FileError:
        return False


def _send_table(
    settings: Settings,
    table: TableFile,
    events: Iterable[list[Record]],
    topic: str,
    pace: Pace,
    as_json: bool,
    layout: Layout,
) -> None:
    if not as_json:
        note(f"{table.path.name}: {layout.sentence()}")
    require_kafka(settings)
    _finish(send_with_progress(settings, topic, pace, events, table.rows), topic, as_json)


def _send_lines(settings: Settings, file: str, topic: str, pace: Pace, as_json: bool) -> None:
    """Send a stream of JSON lines unchanged."""
    if file != STDIN and not _is_lines(file):
        raise usage(f"{file} holds rows, not events: say whose they are with --model and --version")
    try:
        source = sys.stdin.fileno() if file == STDIN else os.open(file, os.O_RDONLY)
    except OSError as error:
        raise CommandError(f"{file} can't be read ({error.strerror}): check the path") from error
    require_kafka(settings)
    lines = Lines()
    records = lines.records(line_chunks(lambda size: os.read(source, size)))
    delivery = send_with_progress(settings, topic, pace, records, None)
    if lines.odd:
        note(
            f"{count_text(lines.odd)} lines are no JSON object with a usable request_id; they were"
            f" sent as they are, and what is no event will be on {settings.namespace}.rejected"
        )
    _finish(delivery, topic, as_json)


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
