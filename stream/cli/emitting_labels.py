"""What ``emit-labels`` does."""

from collections.abc import Sequence
from pathlib import Path

from schemas.topics import Topic, topic_name
from stream.cli.emitting import STDIN, holds_lines, open_lines, send_lines, send_table
from stream.cli.errors import CommandError, usage
from stream.cli.output import note
from stream.emit.columns import ColumnError
from stream.emit.labels import (
    LABEL_ROLES,
    are_events,
    label_events,
    label_layout,
)
from stream.emit.lines import Lines, key_of_label, line_chunks
from stream.emit.pace import Pace
from stream.emit.roles import MappingError, check_name, id_columns, parse_figures, parse_map
from stream.emit.tables import FileError, open_table
from stream.settings import Settings


def emit_labels(
    settings: Settings,
    file: str,
    model: str | None,
    version: str | None,
    mapped: Sequence[str],
    figures: Sequence[str],
    pace: Pace,
    as_json: bool,
) -> None:
    """Send a file's labels, or a stream of label events, to ``ml.labels``.

    Lines are events where nothing was asked that only rows have, and the first one looks so.
    """
    topic = topic_name(settings.namespace, Topic.LABELS)
    of_rows = bool(model or version or mapped or figures)
    if file == STDIN and of_rows:
        raise usage(
            "standard input takes label events, which say all by themselves: leave --model,"
            " --version, --map and --metric out"
        )
    if file == STDIN or (not of_rows and holds_lines(file) and _first_is_event(file)):
        if pace.by_event_time:
            raise usage("--speed needs rows: label events go as fast as they can, or at --rate")
        send_lines(settings, file, topic, pace, as_json, Lines(key_of_label))
        return
    try:
        for what, name in (("model", model), ("version", version)):
            if name is not None:
                check_name(what, name)
        named = parse_map(mapped, LABEL_ROLES)
        table = open_table(Path(file), id_columns(named))
        layout = label_layout(table.columns, named, parse_figures(figures))
        if pace.by_event_time and "timestamp" not in layout.roles:
            raise MappingError("--speed needs times: name them with --map timestamp=COLUMN")
        events = label_events(table, layout, model, version, note)
        send_table(settings, table, events, topic, pace, as_json, layout.sentence())
    except (MappingError, ColumnError) as error:
        raise usage(f"{file}: {error}") from error
    except FileError as error:
        raise CommandError(str(error)) from error


def _first_is_event(file: str) -> bool:
    for lines in line_chunks(open_lines(file)):
        for line in lines:
            if line.strip():
                return are_events(line)
    return False
