"""A window of a model version: what was counted in it, and what that is compared with."""

from dataclasses import dataclass

from schemas.metrics import WindowReport
from schemas.models import ModelConfig, config_id
from schemas.windows import WindowSpec
from stream.arrays import FloatArray
from stream.rollup.comparison import Comparison, CompiledBaseline, compare
from stream.rollup.deciding import DecisionTerms, decide_window, terms_of
from stream.rollup.merge import GridCounts, PaneCounts
from stream.rollup.quality import add_schema_drift
from stream.rollup.report import ReportContext, build_reports
from stream.state.keys import VersionId
from stream.window.constraints import Constraints


@dataclass(frozen=True, slots=True)
class CountedWindow:
    """A window, counted.

    Attributes
    ----------
    spec, end_ms : which window
    counts : all of its panes
    config : of the model, now
    compiled : the baseline valid in it, if there is one
    constraints : those valid in it, if there are any
    hours : (168,) share of each hour of the week in it; None unless it is compared by season
    seen_until_ms : throughput is over the part of the window before this
    complete : whether the whole window was seen
    """

    version: VersionId
    spec: WindowSpec
    end_ms: int
    counts: PaneCounts
    config: ModelConfig
    compiled: CompiledBaseline | None
    constraints: Constraints | None
    hours: FloatArray | None
    seen_until_ms: int
    complete: bool

    @property
    def start_ms(self) -> int:
        """First ms of the window."""
        return self.end_ms - self.spec.size_ms

    @property
    def terms(self) -> DecisionTerms | None:
        """Terms on which it would decide were it a decision window, at the configured budget.

        None without a baseline.
        """
        if self.compiled is None:
            return None
        return terms_of(self.config, self.spec.size_ms)

    def counts_of(self, segment: str | None) -> PaneCounts | None:
        """Counts of all traffic, or of a segment; None where it had no event."""
        return self.counts if segment is None else self.counts.segments.get(segment)

    def grid_of(self, segment: str | None) -> GridCounts:
        """Counts on the baseline's grid, of all traffic or of a segment."""
        counts = self.counts_of(segment)
        if counts is None or self.compiled is None:
            return GridCounts()
        return counts.grids.get(self.compiled.grid_id, GridCounts())

    def compared(self, segment: str | None) -> Comparison:
        """Figures of all traffic, or of a segment, against the baseline; nothing is decided."""
        assert self.compiled is not None, "without a baseline there is nothing to compare with"
        return compare(
            self.compiled,
            self.grid_of(segment),
            hours=self.hours,
            segment=segment,
        )

    def decided(self) -> dict[str | None, Comparison]:
        """Figures and decisions by segment, None for all traffic; they share the budget."""
        terms, compiled = self.terms, self.compiled
        assert terms is not None
        assert compiled is not None
        segments = sorted(self.counts.segments)
        found = {segment: self.compared(segment) for segment in (None, *segments)}
        decide_window(terms, found)
        whole = found[None]
        add_schema_drift(self.counts, compiled.baseline.features, whole.metrics, whole.features)
        return found

    def reports(self) -> list[WindowReport]:
        """Reports of all traffic and of each segment, decided."""
        return build_reports(self.spec, self.end_ms, self.counts, self._context())

    def _context(self) -> ReportContext:
        return ReportContext(
            model=self.version.model,
            version=self.version.version,
            config_id=config_id(self.config),
            compiled=self.compiled,
            constraints=self.constraints,
            terms=self.terms,
            hours=self.hours,
            seen_until_ms=self.seen_until_ms,
            complete=self.complete,
        )
