"""From a counted window to a profile, and back to figures: from the file alone."""

from dataclasses import replace

import msgspec
import numpy as np

from schemas.baselines import Baseline, baseline_id
from schemas.durations import default_every_ms, window_name
from schemas.metrics import WindowReport
from schemas.windows import WindowSpec
from stream.arrays import FloatArray
from stream.profile.anonymous import anonymous_baseline, anonymous_config, anonymous_counts
from stream.profile.content import Part, Profile, covered_ms
from stream.profile.file import UNSOUND, content_id, unsound
from stream.profile.merge import counts_of
from stream.profile.rows import encode_rows
from stream.reading.window import CountedWindow
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.merge import PaneCounts
from stream.rollup.terms import SEASONAL, hours_of_week
from stream.state.keys import VersionId
from stream.window.constraints import compile_constraints
from stream.window.layout import layout_id


def profile_of(window: CountedWindow, *, named: bool) -> Profile:
    """Make a profile of a window.

    Parameters
    ----------
    window : of a model version
    named : whether names that came with events are kept (`stream.profile.anonymous`)
    """
    compiled = window.compiled
    baseline = None if compiled is None else compiled.baseline
    counts = _on_one_grid(window.counts, None if compiled is None else compiled.grid_id)
    config = window.config
    if not named:
        baseline = baseline and anonymous_baseline(baseline)
        grid = None if baseline is None else layout_id(baseline)
        counts = anonymous_counts(counts, grid, config)
        config = anonymous_config(config)
    part = Part(
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        id="",
        events=window.counts.count,
        seen_until_ms=min(window.end_ms, window.seen_until_ms),
        complete=window.complete,
    )
    made = Profile(
        model_name=window.version.model,
        model_version=window.version.version,
        parts=(part,),
        named=named,
        grid=None if baseline is None else layout_id(baseline),
        baseline=baseline,
        config=config,
        rows=encode_rows(counts),
    )
    identified = msgspec.structs.replace(part, id=content_id(made))
    return msgspec.structs.replace(made, parts=(identified,))


def _on_one_grid(counts: PaneCounts, grid_id: str | None) -> PaneCounts:
    """Leave out what was counted on other grids, before a baseline was changed."""
    parts = counts.segments.items()
    return replace(
        counts,
        grids={grid_id: counts.grids[grid_id]} if grid_id in counts.grids else {},
        segments={segment: _on_one_grid(part, grid_id) for segment, part in parts},
    )


def window_of(profile: Profile) -> CountedWindow:
    """Return a profile as a window: from the start of its first part to the end of its last."""
    start_ms, end_ms = profile.start_ms, profile.end_ms
    size_ms = end_ms - start_ms
    compiled = _compiled(profile.baseline)
    seasonal = compiled is not None and profile.config.baseline == SEASONAL
    seen_ms = covered_ms(profile.parts)
    whole = seen_ms == size_ms or len(profile.parts) == 1
    return CountedWindow(
        version=VersionId(profile.model_name, profile.model_version),
        spec=WindowSpec(size_ms, default_every_ms(size_ms), window_name(size_ms)),
        end_ms=end_ms,
        counts=counts_of(profile),
        config=profile.config,
        compiled=compiled,
        constraints=compile_constraints(profile.config.features),
        hours=_hours(profile) if seasonal else None,
        seen_until_ms=start_ms + seen_ms,
        complete=whole and all(part.complete for part in profile.parts),
    )


def reports_of(profile: Profile, name: str) -> list[WindowReport]:
    """Compute the reports of a profile: of all traffic and of each segment, decided.

    Raises
    ------
    ProfileError
        Where its baseline does not hold together; ``name`` is that of the file, for the message.
    """
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            return window_of(profile).reports()
    except UNSOUND as error:
        raise unsound(name, error) from error


def _compiled(baseline: Baseline | None) -> CompiledBaseline | None:
    return None if baseline is None else CompiledBaseline(baseline_id(baseline), baseline, 0)


def _hours(profile: Profile) -> FloatArray:
    """Share of each hour of the week in all parts."""
    lengths = np.array([part.end_ms - part.start_ms for part in profile.parts], dtype=np.float64)
    hours = np.array([hours_of_week(part.start_ms, part.end_ms) for part in profile.parts])
    shares: FloatArray = lengths @ hours / lengths.sum()
    return shares
