"""The labels of model versions: their panes in memory, and the reports that they still change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.metrics import WindowReport
from schemas.models import ModelConfig
from schemas.windows import WindowSpec
from stream.baseline.score_edges import DEFAULT_SCORE_EDGES, score_grid_id
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.label_panes import LabelPanes
from stream.rollup.performance import PerformanceTerms
from stream.rollup.settled import SettledReports
from stream.rollup.with_labels import Callables, LabelContext, with_labels
from stream.settings import WorkerSettings
from stream.state.client import RedisClient
from stream.state.keys import VersionId
from stream.state.store import StateStore
from stream.window.label_terms import seconds_of
from stream.window.labelled import LabelCounts
from stream.window.panes import DAY_MS, HOUR_MS, PaneId, floor_to

ROLLED_AT_ONCE = 50
LOOKED_AT_ONCE = 1_000
"""Windows whose labels changed, of which as many as can be reported at once are chosen."""
ROLLED_AGAIN_MS = 10_000
SPACING_MS_MAX = 600_000
_REVISIONS = 20
_DEFAULT_CELLS = {score_grid_id(DEFAULT_SCORE_EDGES): DEFAULT_SCORE_EDGES}


def has_labels(spec: WindowSpec, end_ms: int) -> bool:
    """Whether the report of a window carries performance: tumbling ones from an hour on do."""
    return spec.size_ms >= HOUR_MS and end_ms % spec.size_ms == 0


class LabelRollup:
    """Label panes and settled reports of all model versions; read from Redis, then followed.

    Parameters
    ----------
    client, store : as everywhere
    callables : installed performance metrics
    options : of them the allowed lateness, and how long a report waits for the next one
    """

    def __init__(
        self,
        client: RedisClient,
        store: StateStore,
        callables: Callables,
        options: WorkerSettings,
    ) -> None:
        self._client = client
        self._store = store
        self._keys = store.keys
        self._callables = callables
        self._lateness_ms = options.allowed_lateness_ms
        self._report_again_ms = options.report_again_ms
        self._settled = SettledReports(client, store.keys)
        self._panes: dict[VersionId, LabelPanes] = {}
        self._rolled_ms: dict[VersionId, int] = {}

    def refresh(
        self, version: VersionId, specs: Sequence[WindowSpec], dropped_until_ms: int
    ) -> LabelPanes:
        """Read the label panes that changed since the last call."""
        panes = self._panes.get(version)
        if panes is None:
            panes = self._panes[version] = LabelPanes(self._client, self._keys, version)
        panes.refresh(specs, dropped_until_ms)
        return panes

    def forget(self, version: VersionId) -> None:
        """Forget a version that has no state any more."""
        self._panes.pop(version, None)

    def context(
        self,
        config: ModelConfig,
        compiled: CompiledBaseline | None,
        known: Iterable[CompiledBaseline],
    ) -> LabelContext:
        """By what the label counts of a window are read.

        Parameters
        ----------
        config : of the model
        compiled : the baseline valid in the window
        known : all baselines of the version, whose cells may be in it
        """
        edges = _DEFAULT_CELLS | dict(one.score_cells for one in known)
        performance = None if compiled is None else compiled.performance
        terms = PerformanceTerms(config.task, config.positive_class, edges, performance)
        figures = {} if compiled is None else compiled.figures
        return LabelContext(terms, self._callables, figures)

    def due(
        self, version: VersionId, closing_ms: int, newest_append_ms: int, horizon_ms: int
    ) -> list[tuple[int, WindowSpec, int]]:
        """Windows that labels changed, oldest first: end, which, and how long they wait, ms.

        Parameters
        ----------
        closing_ms : event time up to which windows are final
        newest_append_ms : append time of the version's newest record
        horizon_ms : how long its predictions wait for labels
        """
        found = self._panes[version].due_until(closing_ms)[:LOOKED_AT_ONCE]
        until = self._settled.until(version, [f"{spec.name}:{end}" for end, spec in found])
        kept_ms = horizon_ms + self._lateness_ms
        out = []
        for end_ms, spec in found:
            reported_ms = until.get(f"{spec.name}:{end_ms}", newest_append_ms + kept_ms) - kept_ms
            age_ms = newest_append_ms - reported_ms
            out.append((end_ms, spec, spacing_ms(age_ms, self._report_again_ms)))
        return out

    def done(self, version: VersionId, spec: WindowSpec, end_ms: int) -> None:
        """Mark a window as dealt with, until its labels change again."""
        self._panes[version].done(spec, end_ms)

    def revision(self, version: VersionId, start_ms: int, end_ms: int) -> int:
        """Label matches and corrections of a window."""
        counts = self._counts(version, start_ms, end_ms)
        return 0 if counts is None else counts.revision

    def windows_kept(self, version: VersionId) -> set[str]:
        """Windows, ``<window>:<end>``, whose reports labels may still change."""
        return self._settled.kept(version)

    def add(
        self,
        version: VersionId,
        reports: Sequence[WindowReport],
        context: LabelContext,
        start_ms: int,
    ) -> list[WindowReport]:
        """Reports of one window with what labels tell; as they are where there are none.

        ``start_ms`` is where the labels' window begins, of the same size.
        """
        end_ms = start_ms + reports[0].window.size_ms
        counts = self._counts(version, start_ms, end_ms)
        return list(reports) if counts is None else with_labels(reports, counts, context)

    def _counts(self, version: VersionId, start_ms: int, end_ms: int) -> LabelCounts | None:
        return self._panes[version].window(start_ms, end_ms)

    def keep(
        self,
        version: VersionId,
        reports: Sequence[WindowReport],
        config: ModelConfig,
        newest_append_ms: int,
    ) -> None:
        """Keep the reports of a window before their labels, as long as one may come."""
        window = reports[0].window
        if self._counts(version, window.start, window.end) is None:
            return  # nothing in it waits for a label
        horizon_ms = seconds_of(config.labels.join_horizon) * 1000
        until_ms = newest_append_ms + horizon_ms + self._lateness_ms
        self._settled.put(version, f"{window.name}:{window.end}", reports, until_ms)

    def kept(self, version: VersionId, spec: WindowSpec, end_ms: int) -> list[WindowReport]:
        """Reports of a window before their labels; none where no label can change them."""
        return self._settled.get(version, f"{spec.name}:{end_ms}")

    def roll(
        self,
        version: VersionId,
        specs: Sequence[WindowSpec],
        closed_ms: int,
        clock_ms: int,
        now_ms: int,
    ) -> None:
        """Roll label panes that no report needs apart into days, and drop days none needs at all.

        Parameters
        ----------
        version, specs : whose, and its windows
        closed_ms : event time up to which windows are final
        clock_ms : log clock of the partition that lags most, of predictions and of labels
        now_ms : wall clock; it is done every ten seconds
        """
        if now_ms - self._rolled_ms.get(version, 0) < ROLLED_AGAIN_MS:
            return
        self._rolled_ms[version] = now_ms
        self._settled.forget(version, clock_ms)
        needed = _Needed.by(self._settled.kept(version), specs)
        for of, tracker in self._panes[version].sources():
            # Other versions need what is shared, too: those that are behind have a week more.
            settled_ms = closed_ms - self._lateness_ms - (0 if of == version else 7 * DAY_MS)
            rolled = [
                pane
                for pane in sorted(tracker.panes)
                if _is_settled(pane, specs, settled_ms)
                and not needed.needs(pane)
                and not tracker.is_due_at(pane.parent() or pane)
            ]
            for first in range(0, len(rolled), ROLLED_AT_ONCE):
                self._store.roll(of, rolled[first : first + ROLLED_AT_ONCE], labelled=True)


def _is_settled(pane: PaneId, specs: Sequence[WindowSpec], settled_ms: int) -> bool:
    """Whether every window that may still be reported for the first time lies behind a pane."""
    parent = pane.parent()
    if parent is not None:
        return parent.end_ms <= settled_ms
    return pane.end_ms + max((spec.size_ms for spec in specs), default=0) <= settled_ms


@dataclass(frozen=True, slots=True)
class _Needed:
    """Days, by their starts, in which a kept report needs label panes: at all, and hours apart."""

    days: set[int]
    apart: set[int]

    @classmethod
    def by(cls, kept: Iterable[str], specs: Sequence[WindowSpec]) -> "_Needed":
        """What reports of these windows need."""
        days: set[int] = set()
        apart: set[int] = set()
        for start_ms, end_ms in filter(None, (_window_of(name, specs) for name in kept)):
            inside = range(floor_to(start_ms, DAY_MS), end_ms, DAY_MS)
            days.update(inside)
            if end_ms - start_ms < DAY_MS or start_ms % DAY_MS:
                apart.update(inside)
        return cls(days, apart)

    def needs(self, pane: PaneId) -> bool:
        """Whether one of them needs a pane apart from those that join the same."""
        parent = pane.parent()
        return pane.start_ms in self.days if parent is None else parent.start_ms in self.apart


def _window_of(name: str, specs: Sequence[WindowSpec]) -> tuple[int, int] | None:
    """Start and end of a window by its name ``<window>:<end>``; None of one there is no more."""
    window, _, end = name.rpartition(":")
    sizes = {spec.name: spec.size_ms for spec in specs}
    return (int(end) - sizes[window], int(end)) if window in sizes else None


def shown_until_ms(end_ms: int) -> int:
    """End of the window whose performance is shown beside a live one: label panes are of hours."""
    return floor_to(end_ms, HOUR_MS)


def spacing_ms(age_ms: int, least_ms: int) -> int:
    """How long a window whose labels still come is not reported again, by the age of its reports.

    Labels of a week of hours come at the same time; were each reported every half minute, that
    would be five reports a second. An old window waits ten minutes.
    """
    return max(least_ms, min(age_ms // _REVISIONS, SPACING_MS_MAX))
