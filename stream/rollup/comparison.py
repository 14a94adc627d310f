"""A window's counts against the baseline they were counted with: figures and decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from schemas.baselines import Baseline, FeatureBaseline
from schemas.features import FeatureConfig
from stream.rollup.histogram import Bars, Histogram
from stream.rollup.merge import GridCounts, PaneCounts
from stream.rollup.quality import Figures
from stream.stats.descriptive import describe
from stream.stats.drift.decision import FeatureTest, decide
from stream.stats.drift.figures import drift_figures
from stream.stats.drift.fixed_threshold import exceeds
from stream.stats.quality import quality_figures
from stream.stats.reference import Reference
from stream.window.plan import FEATURE, PREDICTION, PROBABILITY, grid_id_of, reference_rows

_PREDICTION_KEY = "\0prediction"
_PROBABILITY_KEY = "\0probability"
"""Keys among the tests that no feature can have."""


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One row of the grid: what it counts, and what it is compared with.

    ``numeric`` is the row's place among the numeric ones, or None.
    """

    role: str
    name: str
    kind: str
    reference: Reference
    numeric: int | None


@dataclass(frozen=True)
class CompiledBaseline:
    """A baseline, compiled once for comparing many windows with it."""

    baseline_id: str
    baseline: Baseline
    effective_from_ms: int

    @property
    def grid_id(self) -> str:
        """Under which the worker's counts lie."""
        return grid_id_of(self.baseline_id)

    @cached_property
    def rows(self) -> tuple[ReferenceRow, ...]:
        """Rows in the order of the counting plan."""
        rows = []
        numeric = 0
        for role, name, feature in reference_rows(self.baseline):
            place = numeric if feature.edges else None
            numeric += bool(feature.edges)
            reference = Reference.from_baseline(feature)
            rows.append(ReferenceRow(role, name, _kind_of(feature), reference, place))
        return tuple(rows)

    @cached_property
    def bars(self) -> dict[int, tuple[str, Bars]]:
        """Features that can be drawn, by row."""
        drawn = {}
        for number, (role, name, feature) in enumerate(reference_rows(self.baseline)):
            bars = Bars.of(feature) if role == FEATURE else None
            if bars is not None:
                drawn[number] = (name, bars)
        return drawn


def histograms(compiled: CompiledBaseline, counts: PaneCounts) -> dict[str, Histogram]:
    """Draw the features of a window beside those of its baseline."""
    grid = counts.grids.get(compiled.grid_id, GridCounts())
    return {
        name: bars.draw(grid.rows[number])
        for number, (name, bars) in compiled.bars.items()
        if number in grid.rows
    }


@dataclass(frozen=True, slots=True)
class DecisionTerms:
    """On what terms a window decides: the budget's share and the smallest effect."""

    alpha: float
    effect_min: float
    features: Mapping[str, FeatureConfig]


def _kind_of(feature: FeatureBaseline) -> str:
    return str(feature.kind)


def compare(
    compiled: CompiledBaseline, grid: GridCounts, terms: DecisionTerms | None
) -> tuple[dict[str, bool | int | float], Figures]:
    """Figures of the whole window, and of each feature.

    Parameters
    ----------
    compiled : the baseline valid in the window
    grid : the window's counts on its grid
    terms : given where the window decides; without them only distances and p-values are computed

    Returns
    -------
    metrics : by the contract's names
    features : by feature, then by name
    """
    metrics: dict[str, bool | int | float] = {}
    features: Figures = {}
    tests: dict[str, FeatureTest] = {}
    for number, row in enumerate(compiled.rows):
        counts = grid.rows.get(number)
        if counts is None:
            continue
        drift = drift_figures(row.reference, counts)
        values = describe(row.reference, counts, *_exact(grid, row.numeric))
        if row.role == FEATURE:
            features[row.name] = {"kind": row.kind, **values, **drift.figures}
            key = row.name
        else:
            key = _PREDICTION_KEY if row.role == PREDICTION else _PROBABILITY_KEY
            metrics |= _output_metrics(row.role, values, drift.figures)
        if drift.test is not None:
            tests[key] = drift.test
    metrics |= quality_figures(
        (row.reference, grid.rows[number])
        for number, row in enumerate(compiled.rows)
        if row.role == FEATURE and number in grid.rows
    )
    if terms is not None:
        metrics |= _decide(terms, tests, features)
    return metrics, features


def _exact(
    grid: GridCounts, numeric: int | None
) -> tuple[tuple[int, int] | None, tuple[float, float] | None]:
    """Exact sums and extremes of a numeric row."""
    if numeric is None or grid.maxima is None:
        return None, None
    columns = len(grid.sums) // 2
    sums = (grid.sums[numeric], grid.sums[columns + numeric])
    low, high = grid.maxima[2 * numeric : 2 * numeric + 2].tolist()
    return sums, (0.0 - low, high)


def _output_metrics(
    role: str, values: Mapping[str, int | float], drift: Mapping[str, float]
) -> dict[str, bool | int | float]:
    """Metrics of the prediction or the probability, under their prefixes."""
    distances = ("psi", "js") if role == PREDICTION else ("psi",)
    moments = ("mean", "std", "p50") if role == PREDICTION else ()
    prefix = PREDICTION if role == PREDICTION else PROBABILITY
    chosen = [(name, drift) for name in distances] + [(name, values) for name in moments]
    return {f"{prefix}_{name}": source[name] for name, source in chosen if name in source}


def _decide(
    terms: DecisionTerms, tests: Mapping[str, FeatureTest], features: Figures
) -> dict[str, bool | int | float]:
    """Decide, write the decisions into ``features``, and return those of the whole window.

    ``prediction_drifted`` is about the model's output: the prediction or its probability.
    """
    fixed = {
        name: config.drift
        for name, config in terms.features.items()
        if config.drift is not None and name in features
    }
    tested = {name: test for name, test in tests.items() if name not in fixed}
    decisions = decide(tested, terms.alpha, terms.effect_min)
    for name, figure in features.items():
        if name in decisions:
            figure["drift_q_value"] = decisions[name].q_value
            figure["drifted"] = decisions[name].drifted
        elif name in fixed:
            numbers = {k: v for k, v in figure.items() if not isinstance(v, str)}
            over = exceeds(numbers, fixed[name])
            if over is not None:
                figure["drifted"] = over
    decided = [bool(figure["drifted"]) for figure in features.values() if "drifted" in figure]
    metrics: dict[str, bool | int | float] = {}
    if decided:
        metrics["drift_share"] = sum(decided) / len(decided)
        metrics["drifted_features"] = sum(decided)
    outputs = [decisions[k] for k in (_PREDICTION_KEY, _PROBABILITY_KEY) if k in decisions]
    if outputs:
        metrics["prediction_drifted"] = any(output.drifted for output in outputs)
    return metrics
