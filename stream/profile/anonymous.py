"""Profiles without names: no string that came with an event is left in them.

Categories, words and set items become numbers in the order of the baseline, types of errors are
joined, unseen values are only counted, segments and tags are left out. What remains of values are
numbers: the grid's edges, sums, the smallest and the largest one. Names of the model and of its
features stay.
"""

import msgspec
from msgspec import UNSET

from schemas.baselines import Baseline, FeatureBaseline
from schemas.features import FeatureConfig, FeatureKind
from schemas.models import ModelConfig
from stream.rollup.merge import GridCounts, PaneCounts
from stream.state.codec import NameCounts
from stream.window.constraints import ALLOWED, REGEX, compile_constraints


def anonymous_baseline(baseline: Baseline) -> Baseline:
    """Replace a baseline's categories, words and items by numbers, and leave its labels out."""
    return msgspec.structs.replace(
        baseline,
        features={name: _anonymous(of) for name, of in baseline.features.items()},
        prediction=baseline.prediction and _anonymous(baseline.prediction),
        segments={},
        performance=UNSET,
    )


def _anonymous(of: FeatureBaseline) -> FeatureBaseline:
    numbered = msgspec.structs.replace(of, vocabulary=_numbers("w", len(of.vocabulary)))
    if of.kind is FeatureKind.BOOLEAN:
        return numbered
    return msgspec.structs.replace(
        numbered,
        categories=_numbers("c", len(of.categories)),
        other_categories=_numbers("o", len(of.other_categories)),
    )


def _numbers(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"#{letter}{number}" for number in range(1, count + 1))


def anonymous_config(config: ModelConfig) -> ModelConfig:
    """Keep what figures depend on, without the values that constraints name."""
    return ModelConfig(
        model_name=config.model_name,
        model_version=config.model_version,
        baseline=config.baseline,
        drift=config.drift,
        features={name: _without_values(of) for name, of in config.features.items()},
    )


def _without_values(of: FeatureConfig) -> FeatureConfig:
    return msgspec.structs.replace(of, allowed=None, regex=None)


def anonymous_counts(counts: PaneCounts, grid_id: str | None, config: ModelConfig) -> PaneCounts:
    """Drop the names of counts.

    Parameters
    ----------
    counts : of all traffic, on one grid at most
    grid_id : of the baseline without names, which counts lie under from now on
    config : with names, whose constraints were counted
    """
    (grid,) = counts.grids.values() or (None,)
    grids = {} if grid is None or grid_id is None else {grid_id: _grid(grid)}
    return PaneCounts(
        core=counts.core,
        latencies=counts.latencies,
        latency_ns=counts.latency_ns,
        latency_max_ms=counts.latency_max_ms,
        errors=_joined(counts.errors),
        kinds=counts.kinds,
        ids=counts.ids,
        gained=counts.gained,
        violations=_violations(counts, config),
        grids=grids,
    )


def _grid(grid: GridCounts) -> GridCounts:
    return GridCounts(
        events=grid.events,
        rows=grid.rows,
        sums=grid.sums,
        maxima=grid.maxima,
        moments=grid.moments,
        unseen={row: _joined(names) for row, names in grid.unseen.items()},
        registers=grid.registers,
    )


def _violations(counts: PaneCounts, config: ModelConfig) -> dict[str, NameCounts]:
    """Violations of the constraints that are left, under their id."""
    before = compile_constraints(config.features)
    after = compile_constraints(anonymous_config(config).features)
    if before is None or after is None or before.id not in counts.violations:
        return {}
    found = counts.violations[before.id]
    kept = {
        name: count
        for name, count in found.names.items()
        if not name.startswith((f"{ALLOWED}:", f"{REGEX}:"))
    }
    return {after.id: NameCounts(found.bound, 0, kept)}


def _joined(names: NameCounts) -> NameCounts:
    return NameCounts(names.bound, names.other + sum(names.names.values()), {})
