"""One poll's measurements into label panes: figures of a model that belong to no request.

A measurement that names a version is its; one that names a model alone is of all its versions, and
counted under the version `EVERY_VERSION`. One that names no model is accepted and counts nowhere
yet.
"""

from collections.abc import Callable, Mapping, Sequence

from schemas.events import MeasurementEvent
from schemas.names import text_of_id
from stream.ingest.accepted import Limits, accept
from stream.ingest.progress import Progress, Refused
from stream.ingest.records import Record
from stream.state.keys import EVERY_VERSION, VersionId
from stream.window.measured import MeasuredDelta
from stream.window.panes import HOUR_MS, PaneId, floor_to

Measured = dict[VersionId, dict[PaneId, MeasuredDelta]]


def add_measurements(
    measured: Measured,
    refused: list[Refused],
    polled: Sequence[Record],
    progress: Mapping[int, Progress],
    limits: Limits,
    tier_ms: Callable[[VersionId], int],
) -> None:
    """Count the measurements of one poll and move ``progress`` past them.

    Parameters
    ----------
    measured, refused : extended
    polled : records of the topic of measurements
    progress : by partition
    limits : by which they are judged
    tier_ms : length of the panes of a version's events
    """
    for one in accept(MeasurementEvent, polled, progress, refused, limits):
        event = one.event
        if event.model_name is None:
            continue
        named = event.model_version
        version = VersionId(event.model_name, EVERY_VERSION if named is None else text_of_id(named))
        length_ms = max(HOUR_MS, tier_ms(version))
        pane = PaneId(length_ms, floor_to(one.time_ms, length_ms))
        panes = measured.setdefault(version, {})
        panes.setdefault(pane, MeasuredDelta()).add(event.metrics)
