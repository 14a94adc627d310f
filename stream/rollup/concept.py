"""Concept drift of a model version: its errors, pane by pane, against their own past.

The window test decides (:mod:`stream.stats.concept.adaptive_window`); Page-Hinkley's statistic is
shown beside it.

Panes are taken once, in order, when their labels have had their time (the maturity cut). What a
correction changes in a pane later changes no verdict. So concept drift is shown beside the live
figures, as spikes are, and is in no report.

A verdict ends in one of two ways:

- the error is back: the window no longer differs from what was before the change. That is asked
  anew with each pane, so a change that is only half undone shows again as soon as there are enough
  requests to tell;
- a week has passed since the last change showed: `NORMAL_AFTER_MS`. Every hour of the week was
  then seen at the new level, and "moved against its own past" is true no more. How far the level
  lies from the baseline is for other figures to say, and they go on.

Both directions are drift. Errors that suddenly vanish are as often a fault of the labels as a
better model.
"""

from collections.abc import Sequence

import msgspec

from schemas.models import Task
from stream.rollup.quality import Metrics
from stream.sketches.exact_sums import ExactSums
from stream.stats.concept.adaptive_window import WindowTest
from stream.stats.concept.error_pane import ErrorLevel, ErrorPane
from stream.stats.concept.page_hinkley import PageHinkley
from stream.window.labelled import ERROR, NDCG, LabelCounts
from stream.window.panes import DAY_MS

NORMAL_AFTER_MS = 7 * DAY_MS
"""Event time from where the last change showed; then the new level is the usual one."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the error that is not forgotten yet.

    Attributes
    ----------
    since_ms
        Start of the pane in which the first change began, epoch ms.
    drifted_at_ms
        Start of the pane that showed it, epoch ms.
    moved_at_ms
        The same of the last change.
    before
        Errors before it.
    """

    since_ms: int
    drifted_at_ms: int
    moved_at_ms: int
    before: ErrorLevel


class ConceptState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model version's errors so far; it can be stored as JSON and continued.

    Attributes
    ----------
    window
        The test that decides.
    page_hinkley
        The second opinion.
    unit
        Error that counts as one wrong prediction in it: 1 of classes, otherwise the mean error of
        the first pane that has any; None before that.
    last_start_ms
        Start of the newest pane taken; None before the first.
    episode
        The change since which the error differs, or did lately.
    drifted
        Whether the error differs from what was before the change.
    """

    window: WindowTest = WindowTest()
    page_hinkley: PageHinkley = PageHinkley()
    unit: float | None = 1.0
    last_start_ms: int | None = None
    episode: Episode | None = None
    drifted: bool = False

    @classmethod
    def of(cls, task: Task) -> "ConceptState":
        """State before the first pane."""
        if task is Task.REGRESSION:
            return cls(window=WindowTest(bounded=False), unit=None)
        return cls()

    @property
    def direction(self) -> str | None:
        """Whether the error is `up` or `down`; None where it has not drifted."""
        if self.episode is None or not self.drifted:
            return None
        return "up" if self.window.level.mean > self.episode.before.mean else "down"


def error_pane(start_ms: int, counts: LabelCounts, task: Task) -> ErrorPane | None:
    r"""Errors of a label pane.

    Parameters
    ----------
    start_ms : first millisecond of the pane, epoch ms
    counts : what the join counted in it
    task : what the model does; `auto` must be resolved

    Returns
    -------
    None where no labelled request has an error that can be told.

    Raises
    ------
    ValueError
        When the task is `auto`.

    Notes
    -----
    The error of a request is 1 where the predicted class is not the actual one, the magnitude of
    prediction - target, or 1 - NDCG of a ranking.

    Examples
    --------
    >>> from stream.state.codec import NameCounts
    >>> pairs = NameCounts(4096, 0, {"1\x1f1": 7, "1\x1f0": 2, "0\x1f0": 11})
    >>> error_pane(0, LabelCounts(pairs=pairs), Task.BINARY)
    ErrorPane(start_ms=0, requests=20, total=2.0, squares=2.0)
    """
    match task:
        case Task.BINARY | Task.MULTICLASS:
            pairs = counts.confusion()
            requests = sum(pairs.values())
            wrong = float(sum(n for (said, was), n in pairs.items() if said != was))
            pane = ErrorPane(start_ms, requests, wrong, wrong)
        case Task.REGRESSION:
            sums = counts.sums.get(ERROR, ExactSums())
            pane = ErrorPane(start_ms, sums.count, sums.absolute, sums.squares)
        case Task.RANKING:
            sums = counts.sums.get(NDCG, ExactSums())
            n, total = sums.count, sums.total
            pane = ErrorPane(start_ms, n, n - total, n - 2 * total + sums.squares)
        case Task.AUTO:
            raise ValueError("errors of the task auto are not known: resolve the task first")
    return pane if pane.requests else None


def advance(state: ConceptState, panes: Sequence[ErrorPane]) -> ConceptState:
    """State after more panes.

    Parameters
    ----------
    state : so far
    panes : of one length, past the maturity cut, in order of time; those at or before
        ``state.last_start_ms`` were taken before and are passed over. Days are better than hours
        where weeks have a pattern, see :class:`stream.stats.concept.adaptive_window.WindowTest`
    """
    for pane in panes:
        if state.last_start_ms is None or pane.start_ms > state.last_start_ms:
            state = _after(state, pane)
    return state


def _after(state: ConceptState, pane: ErrorPane) -> ConceptState:
    window, cut = state.window.updated(pane)
    episode = state.episode
    if cut is not None and (episode is None or not state.drifted):
        episode = Episode(
            since_ms=cut.since_ms,
            drifted_at_ms=pane.start_ms,
            moved_at_ms=pane.start_ms,
            before=cut.before,
        )
    elif cut is not None and episode is not None:
        episode = msgspec.structs.replace(episode, moved_at_ms=pane.start_ms)
    if episode is not None and pane.start_ms - episode.moved_at_ms >= NORMAL_AFTER_MS:
        episode = None
    unit = state.unit or pane.mean or None
    test = state.page_hinkley
    return ConceptState(
        window=window,
        page_hinkley=test if unit is None else test.updated(pane.mean / unit, pane.requests),
        unit=unit,
        last_start_ms=pane.start_ms,
        episode=episode,
        drifted=episode is not None and window.differs_from(episode.before),
    )


def concept_metrics(state: ConceptState) -> Metrics:
    """Figures of concept drift, by the contract's names.

    Returns
    -------
    Without `concept_drift` as long as no change could be found, without the times and levels of a
    change where there is none.
    """
    metrics: Metrics = {}
    if state.window.ready:
        metrics["concept_drift"] = state.drifted
    if state.drifted and state.episode is not None:
        metrics["concept_drift_since"] = state.episode.since_ms
        metrics["concept_error_before"] = state.episode.before.mean
        metrics["concept_error_after"] = state.window.level.mean
    test = state.page_hinkley
    if test.count >= test.min_instances:
        metrics["page_hinkley"] = test.statistic
    return metrics
