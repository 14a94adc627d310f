"""Label panes of a model version, with what was measured of its model alone."""

from collections.abc import Mapping, Sequence
from functools import partial

from schemas.windows import WindowSpec
from stream.rollup.changed_panes import read_changed
from stream.rollup.tracker import LabelTracker
from stream.state.client import RedisClient
from stream.state.keys import EVERY_VERSION, StateKeys, VersionId
from stream.window.labelled import LabelCounts, decode_labels, merge_labels
from stream.window.panes import PaneId


class LabelPanes:
    """Label panes of one version.

    Attributes
    ----------
    own : the version's
    shared : those of its model, which belong to each of its versions
    """

    def __init__(self, client: RedisClient, keys: StateKeys, version: VersionId) -> None:
        self._client = client
        self._keys = keys
        self.own = LabelTracker()
        self.shared = LabelTracker()
        self._sources = (
            (version, self.own),
            (VersionId(version.model, EVERY_VERSION), self.shared),
        )

    def refresh(self, specs: Sequence[WindowSpec], dropped_until_ms: int) -> None:
        """Read the panes that changed since the last call."""
        self.own.dropped_until_ms = dropped_until_ms
        for version, tracker in self._sources:

            def take(
                pane: PaneId,
                rows: Mapping[bytes, bytes],
                at: int,
                tracker: LabelTracker = tracker,
            ) -> None:
                tracker.put_labels(pane, decode_labels(rows), at, specs)

            read_changed(
                self._client,
                self._keys.labelled(version),
                partial(self._keys.label_pane, version),
                tracker,
                take,
            )

    def window(self, start_ms: int, end_ms: int) -> LabelCounts | None:
        """Counts of a window; None where there are none, or panes reach across its ends."""
        own = self.own.window(start_ms, end_ms)
        if own is None:
            return None
        shared = self.shared.window(start_ms, end_ms)
        counts = own if shared is None else merge_labels([own, shared])
        return counts if counts.registered or counts.sums else None

    def due_until(self, closing_ms: int) -> list[tuple[int, WindowSpec]]:
        """Windows that are due and final, oldest first: end, and which."""
        return sorted(
            {
                (end_ms, spec)
                for _, tracker in self._sources
                for spec in tracker.due
                for end_ms in tracker.due_until(spec, closing_ms)
            }
        )

    def done(self, spec: WindowSpec, end_ms: int) -> None:
        """Mark a window as dealt with, until its labels change again."""
        for _, tracker in self._sources:
            tracker.done(spec, end_ms)

    def sources(self) -> Sequence[tuple[VersionId, LabelTracker]]:
        """Whose panes they are, and the panes."""
        return self._sources
