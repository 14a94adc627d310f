"""Read a window of a model version from the state in Redis: read only, and of one moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from schemas.durations import window_name
from schemas.models import window_specs
from schemas.windows import WindowSpec, window_spec
from stream.reading.concept import ConceptFinding, concept_finding
from stream.reading.errors import ReadingError
from stream.reading.times import moment_text
from stream.reading.window import CountedWindow
from stream.registry import Snapshot
from stream.rollup.concept import ConceptState
from stream.rollup.finality import live_end_ms
from stream.rollup.merge import PaneCounts, decode_pane
from stream.rollup.readmodel import stored_decisions
from stream.rollup.terms import References, seasonal_hours, valid_at
from stream.rollup.tracker import PaneTracker
from stream.state.client import RedisClient
from stream.state.codec import LAYOUT_VERSION
from stream.state.keys import PartitionId, StateKeys, VersionId
from stream.state.store import Watermark
from stream.window.panes import PaneId, floor_to

_TRIES = 20
"""A new pane comes once a minute or less often: a second look nearly always finds no other."""


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a model version was counted: newest event, panes there, panes gone, first record."""

    newest_ms: int
    panes: frozenset[PaneId]
    dropped_until_ms: int
    seen_from_ms: int


class WindowReader:
    """Reads windows of one namespace.

    Parameters
    ----------
    client : Redis, bytes in and out
    namespace : of the state
    snapshot : what is registered now
    disorder_ms : how far events may be out of order, see the settings of the worker
    """

    def __init__(
        self,
        client: RedisClient,
        namespace: str,
        snapshot: Callable[[], Snapshot],
        disorder_ms: int,
    ) -> None:
        self._client = client
        self._keys = StateKeys(namespace)
        self._snapshot = snapshot
        self._disorder_ms = disorder_ms
        self._references = References()

    def versions(self, model: str) -> list[str]:
        """Versions of a model that have been counted.

        Raises
        ------
        ReadingError
            When there is none.
        """
        members = (member.decode() for member in self._client.smembers(self._keys.versions))
        known = [VersionId(*member.split(" ")) for member in members]
        found = sorted(of.version for of in known if of.model == model)
        if not found:
            models = ", ".join(sorted({of.model for of in known})[:20]) or "none yet"
            raise ReadingError(f"no model {model!r} has sent an event: the models are {models}")
        return found

    def one_version(self, model: str, version: str | None) -> VersionId:
        """The version that is meant: the given one, or the only one.

        Raises
        ------
        ReadingError
            When it is unknown, or none is given and there are several.
        """
        there = self.versions(model)
        named = ", ".join(there[:20])
        if version is None:
            if len(there) > 1:
                raise ReadingError(f"{model} has the versions {named}: choose one with --version")
            return VersionId(model, there[0])
        if version not in there:
            raise ReadingError(f"{model} has no version {version!r}: there are {named}")
        return VersionId(model, version)

    def spec(self, version: VersionId, size: str) -> WindowSpec:
        """A window of this size: as the model has it configured, else with the default `every`.

        Raises
        ------
        ValueError
            For a text that is no duration, or a size that no window has.
        """
        wanted = window_spec(size)
        for configured in window_specs(self._snapshot().model(version)):
            if configured.name == wanted.name:
                return configured
        return wanted

    def newest_end_ms(self, version: VersionId, spec: WindowSpec) -> int:
        """End of the live window."""
        return live_end_ms(spec, self._progress(version).newest_ms)

    def read(self, version: VersionId, spec: WindowSpec, end_ms: int | None) -> CountedWindow:
        """Read the window that ends at ``end_ms`` or last before it; None is the live one.

        Raises
        ------
        ReadingError
            When the window is not held any more, is not yet there, or had no events.
        """
        progress = self._progress(version)
        newest_ms = live_end_ms(spec, progress.newest_ms)
        end_ms = newest_ms if end_ms is None else min(newest_ms, floor_to(end_ms, spec.every_ms))
        start_ms = end_ms - spec.size_ms
        counts, progress = self._read_counts(version, progress, start_ms, end_ms)
        if counts is None:
            raise _not_held(version, spec, end_ms, progress)
        if counts.count == 0:
            raise ReadingError(
                f"{_named(version)} had no events in the {spec.name} to {moment_text(end_ms)}:"
                f" its newest one is of {moment_text(progress.newest_ms)}"
            )
        snapshot = self._snapshot()
        config = snapshot.model(version)
        compiled = valid_at(self._references.of(snapshot, version), end_ms - 1)
        return CountedWindow(
            version=version,
            spec=spec,
            end_ms=end_ms,
            counts=counts,
            config=config,
            compiled=compiled,
            constraints=self._references.constraints_at(snapshot, version, end_ms - 1),
            hours=seasonal_hours(config, compiled, start_ms, end_ms),
            seen_until_ms=max(start_ms, progress.newest_ms - self._disorder_ms),
            complete=start_ms >= progress.seen_from_ms,
        )

    def concept(self, version: VersionId) -> ConceptFinding | None:
        """Read what labels say of a version; None where there are none."""
        state, decided = self._client.mget(self._keys.concept(version), self._keys.decided(version))
        return concept_finding(
            None if state is None else msgspec.json.decode(state, type=ConceptState),
            None if decided is None else stored_decisions(decided),
        )

    def _progress(self, version: VersionId) -> _Progress:
        with self._client.pipeline(transaction=True) as pipe:
            self._ask_progress(pipe, version)
            meta, clocks, index = pipe.execute()
        return self._told(version, meta, clocks, index)

    def _ask_progress(self, pipe: RedisClient, version: VersionId) -> None:
        pipe.hgetall(self._keys.version(version))
        pipe.hkeys(self._keys.clocks)
        pipe.zrange(self._keys.panes(version), 0, -1)

    def _told(
        self,
        version: VersionId,
        meta: Mapping[bytes, bytes],
        clocks: Iterable[bytes],
        index: Iterable[bytes],
    ) -> _Progress:
        known = {clock.decode() for clock in clocks}
        marks = {
            name[2:].decode(): Watermark.parse(value.decode())
            for name, value in meta.items()
            if name.startswith(b"w:") and name[2:].decode() in known
        }
        if not marks:
            raise ReadingError(
                f"{_named(version)} has no counts in Redis: `streamgauge doctor` says what is wrong"
            )
        layout = int(meta.get(b"layout", LAYOUT_VERSION))
        if layout != LAYOUT_VERSION:
            raise ReadingError(
                f"the counts of {_named(version)} are in layout {layout}, and this is a streamgauge"
                f" of layout {LAYOUT_VERSION}: use the one that the workers run"
            )
        partitions = [self._keys.partition(PartitionId.parse(mark)) for mark in marks]
        starts = [self._client.hget(partition, "seen_from") for partition in partitions]
        return _Progress(
            max(mark.event_ms for mark in marks.values()),
            frozenset(PaneId.parse(member.decode()) for member in index),
            int(meta.get(b"dropped_until", 0)),
            max(int(start or 0) for start in starts),
        )

    def _read_counts(
        self, version: VersionId, progress: _Progress, start_ms: int, end_ms: int
    ) -> tuple[PaneCounts | None, _Progress]:
        """Read the panes of a window in one step.

        The panes they would be rolled up into are asked for too: only where another one has come,
        of a minute that has begun, is it read again.
        """
        for _ in range(_TRIES):
            asked = _with_parents(_overlapping(progress.panes, start_ms, end_ms))
            with self._client.pipeline(transaction=True) as pipe:
                for pane in asked:
                    pipe.hgetall(self._keys.pane(version, pane.member()))
                self._ask_progress(pipe, version)
                *rows, meta, clocks, index = pipe.execute()
            progress = self._told(version, meta, clocks, index)
            there = _overlapping(progress.panes, start_ms, end_ms)
            found = dict(zip(asked, rows, strict=True))
            if found.keys() >= set(there):
                tracker = PaneTracker()
                tracker.dropped_until_ms = progress.dropped_until_ms
                for pane in there:
                    tracker.put(pane, _decoded(version, pane, found[pane]), 0, ())
                return tracker.window(start_ms, end_ms), progress
        raise ReadingError(f"the panes of {_named(version)} change too fast to be read: try again")


def _decoded(version: VersionId, pane: PaneId, rows: Mapping[bytes, bytes]) -> PaneCounts:
    try:
        return decode_pane(rows)
    except ValueError as error:
        raise ReadingError(
            f"the counts of {_named(version)} from {moment_text(pane.start_ms)} on can't be read"
            f" ({error}): `streamgauge rebuild` counts them again"
        ) from error


def _overlapping(panes: Iterable[PaneId], start_ms: int, end_ms: int) -> list[PaneId]:
    return sorted(pane for pane in panes if pane.start_ms < end_ms and pane.end_ms > start_ms)


def _with_parents(panes: Iterable[PaneId]) -> list[PaneId]:
    found: set[PaneId] = set()
    for pane in panes:
        at: PaneId | None = pane
        while at is not None and at not in found:
            found.add(at)
            at = at.parent()
    return sorted(found)


def _not_held(
    version: VersionId, spec: WindowSpec, end_ms: int, progress: _Progress
) -> ReadingError:
    """Say which window is there instead of one whose panes are gone or part of longer ones."""
    asked = f"the {spec.name} to {moment_text(end_ms)} of {_named(version)} is not held any more"
    ends = {floor_to(pane.end_ms, spec.every_ms) for pane in progress.panes}
    ends |= {floor_to(pane.start_ms, spec.every_ms) + spec.size_ms for pane in progress.panes}
    newest_ms = live_end_ms(spec, progress.newest_ms)
    ends.add(newest_ms)
    held = [end for end in ends if end <= newest_ms and _is_held(progress, end - spec.size_ms, end)]
    if not held:
        longer = window_name(max(pane.tier_ms for pane in progress.panes))
        return ReadingError(f"{asked}: take a --window of {longer} or more")
    nearest = min(sorted(held), key=lambda end: abs(end - end_ms))
    return ReadingError(
        f"{asked}, only longer panes are: the nearest one that is held ends at"
        f" {moment_text(nearest)}"
    )


def _is_held(progress: _Progress, start_ms: int, end_ms: int) -> bool:
    inside = _overlapping(progress.panes, start_ms, end_ms)
    return (
        start_ms >= progress.dropped_until_ms
        and len(inside) > 0
        and all(pane.start_ms >= start_ms and pane.end_ms <= end_ms for pane in inside)
    )


def _named(version: VersionId) -> str:
    return f"{version.model} {version.version}"
