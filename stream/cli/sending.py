"""Send records under a progress bar."""

import sys
from collections.abc import Iterable

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from stream.cli.errors import CommandError
from stream.cli.output import events_text, notes
from stream.emit.pace import Pace
from stream.emit.record import Record
from stream.emit.send import Delivery, Sender
from stream.settings import Settings


def send_with_progress(
    settings: Settings,
    topic: str,
    pace: Pace,
    batches: Iterable[list[Record]],
    total: int | None,
) -> Delivery:
    """Send all records; the bar shows what has arrived, not what was queued.

    Raises
    ------
    CommandError
        When the user stops it.
    """
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    columns += [TaskProgressColumn(show_speed=True), TimeRemainingColumn(compact=True)]
    bar = Progress(
        *columns, console=notes(), transient=True, disable=not sys.stderr.isatty(), expand=False
    )
    sender = Sender(settings, topic)
    with bar:
        task = bar.add_task(f"to {topic}", total=total)
        pace.on_wait(sender.wait)
        try:
            for chunk in pace.chunks(batches):
                sender.send(chunk)
                bar.update(task, completed=sender.delivered)
            return sender.close(lambda arrived: bar.update(task, completed=arrived))
        except KeyboardInterrupt:
            bar.stop()
            delivery = sender.close()
            raise CommandError(
                f"stopped: {events_text(delivery.sent)} had been sent to {topic}"
            ) from None
