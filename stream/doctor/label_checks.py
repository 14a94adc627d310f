"""Labels: whether they find their predictions, and whether what waits for them has room."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.models import ModelConfig
from stream.doctor.check import Book, Check, fine, trouble, warning
from stream.settings import JOIN_BYTES_MAX
from stream.state.join import JoinFigures
from stream.state.keys import VersionId

ENTRY_BYTES = 48
"""What a request that waits takes, about: with one probability and a class of one letter."""
ENTRIES_MEASURED_MIN = 1_000
"""From so many on, their mean says better what one takes."""
ORPHANED_SHARE_MAX = 0.05
"""As of refused events: more than one in twenty is worth a look."""
_ALONE = "a part of the labels that come before their prediction"
_MB = 2**20
_MS_PER_S = 1000
_MS_PER_DAY = 86_400_000
_VERSIONS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a model version gives the join to remember.

    Attributes
    ----------
    requests_per_s : that are joined, at its usual rate
    horizon_ms : how long each waits for its label
    """

    requests_per_s: float
    horizon_ms: int


def check_room(
    figures: JoinFigures, bytes_max: int, configs: Mapping[VersionId, ModelConfig]
) -> Check:
    """Compare what is remembered with what may be, and tell whose requests are left out.

    Parameters
    ----------
    figures : of the join
    bytes_max : ``join.max_bytes``
    configs : of the versions that have traffic
    """
    said = f"{figures.entries:,} requests are remembered, {_of(figures.memory_bytes, bytes_max)}"
    halved = []
    for name, share in sorted(figures.rates.items()):
        config = configs.get(VersionId(*name.split(" "))) if name else None
        if not name:
            halved.append(_ALONE)
        elif config is not None and share < config.labels.sampling_rate:
            halved.append(f"{share:.3g} of the requests of {name}")
    if halved:
        return trouble(
            "labels.join",
            f"memory was short, so not all is joined: {_some(halved)}; {said}",
            "figures of performance are of a sample: raise join.max_bytes, or set"
            " labels.sampling_rate of these models to such a share",
        )
    return fine("labels.join", said)


def check_orphans(figures: JoinFigures, books: Iterable[Book], topic: str) -> Check:
    """Tell how many labels found no prediction.

    Parameters
    ----------
    figures : of the join
    books : of all partitions
    topic : of labels

    Notes
    -----
    Those that did include what their absence means, and count once for each version that answered;
    those that were read include what is not in the sample. The share is of the smaller of both.
    """
    found = figures.matched + figures.corrected + figures.repeated
    read = sum(book.accepted for book in books if book.topic == topic)
    known = min(found + figures.orphaned, max(read, figures.orphaned))
    hint = (
        "do predictions carry the request_id of their label, and the same model_name where the"
        " label has one? Is labels.join_horizon longer than labels take?"
    )
    if figures.orphaned:
        share = figures.orphaned / known
        said = f"{figures.orphaned:,} labels waited in vain for their prediction, {share:.2%}"
        if share > ORPHANED_SHARE_MAX:
            return warning("labels.orphaned", said, hint)
        return fine("labels.orphaned", said)
    waiting = max(0, figures.early - found)
    if waiting > found:
        said = f"{waiting:,} labels wait for their prediction, {found:,} found one"
        return warning("labels.orphaned", said, hint)
    if not found:
        return fine("labels.orphaned", "no label was joined yet")
    return fine("labels.orphaned", f"none; {found:,} labels found their prediction")


def check_need(figures: JoinFigures, bytes_max: int, waiting: Sequence[Waiting]) -> Check:
    """Compare what the traffic needs with what it may have.

    Parameters
    ----------
    figures : of the join, which say what a request takes
    bytes_max : ``join.max_bytes``
    waiting : of each version that has traffic
    """
    each_bytes = float(ENTRY_BYTES)
    if figures.entries >= ENTRIES_MEASURED_MIN:
        each_bytes = figures.memory_bytes / figures.entries
    rate = sum(one.requests_per_s for one in waiting)
    requests = sum(one.requests_per_s * one.horizon_ms / _MS_PER_S for one in waiting)
    need_bytes = requests * each_bytes
    if not requests:
        return fine("labels.memory", "no traffic lately, so nothing is needed")
    days = requests / rate * _MS_PER_S / _MS_PER_DAY
    said = (
        f"{rate:,.3g} requests a second × {days:.3g} d until they are forgotten × {each_bytes:.0f}"
        f" bytes = {_of(need_bytes, bytes_max)}"
    )
    if need_bytes <= bytes_max:
        return fine("labels.memory", said)
    share = bytes_max / need_bytes
    more = f"set join.max_bytes to {int(need_bytes):,} or more, "
    return warning(
        "labels.memory",
        said,
        (more if need_bytes <= JOIN_BYTES_MAX else "")
        + f"or labels.sampling_rate to {share:.2g}, or a shorter labels.join_horizon",
    )


def _of(held_bytes: float, bytes_max: int) -> str:
    return f"{held_bytes / _MB:,.1f} MB of join.max_bytes = {bytes_max / _MB:,.1f} MB"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _VERSIONS_NAMED
    return ", ".join(names[:_VERSIONS_NAMED]) + (f" and {rest} more" if rest > 0 else "")
