"""Redis memory of model versions in the steady state, by partitions and by rate of events.

What stands in Redis after nine days of steady traffic at default windows is written as the worker
and the agents write it: the panes that are not rolled up yet, by the product's own rule, through
``commit.lua``; then the live and the final windows, computed from those panes, through
``view.lua``. The events themselves are not sent: nine days of 50,000 a second are 39 thousand
millions. Each pane's counts are drawn from the distribution that so many events would have instead,
which fills the same cells; sums have a fixed size whatever they are of.

Traffic: 20 numeric features of a normal distribution, a class, a probability, latencies, errors of
three types, and request ids.

Usage: ``python -m load_tests.memory``
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import redis
from scipy.special import ndtr

from schemas.keys import SERIES_ENTRIES_MAX
from schemas.models import WINDOWS_DEFAULT
from schemas.windows import WindowSpec, window_spec
from stream.arrays import FloatArray
from stream.baseline.build import build_baseline
from stream.embedded import EmbeddedStack
from stream.rollup.comparison import CompiledBaseline, histograms
from stream.rollup.finality import live_end_ms, settled_from_ms
from stream.rollup.merge import PaneCounts, decode_pane, merge_panes
from stream.rollup.readmodel import ReadModel
from stream.rollup.report import ReportContext, build_report
from stream.rollup.tracker import PaneTracker
from stream.settings import load_settings
from stream.sketches import latency
from stream.sketches.sums import DEVIATION_BITS
from stream.state.client import RedisClient
from stream.state.keys import PartitionId, StateKeys, VersionId
from stream.state.store import PartitionCommit, StateStore, VersionCommit, Watermark, new_owner
from stream.stats.multivariate import UNITS
from stream.window.delta import (
    COUNT,
    ERRORS,
    IDENTIFIED,
    IDS_MAX,
    SQUARES,
    SUM,
    PaneDelta,
    Rows,
)
from stream.window.layout import FEATURE, GridLayout
from stream.window.panes import DAY_MS, MINUTE_MS, TIERS_MS, PaneId, floor_to

FEATURES = 20
VERSIONS = (1, 10, 100)
PARTITIONS = (1, 16)
RATES = (1_000, 50_000)
SEGMENTS = 10
GOAL_BYTES = 8_000_000
NAMESPACE = "memory"
NOW_MS = 1_790_035_200_000 - 30 * MINUTE_MS
"""The newest event: in the last hour before a midnight, when most panes stand."""
RETENTION_DAYS = 90
_DAYS = 9
_BASELINE_ROWS = 10_000
_PANES_AT_ONCE = 20
_ERROR_SHARE = 0.01
_MISSING_SHARE = 0.01


class Shape(NamedTuple):
    """One case: what traffic there is."""

    versions: int
    partitions: int
    events_per_s: int
    segments: int = 0


@cache
def reference() -> CompiledBaseline:
    """The baseline of every version."""
    rng = np.random.default_rng(1)
    columns = {f"feature_{i:02d}": rng.normal(size=_BASELINE_ROWS) for i in range(FEATURES)}
    columns["prediction"] = (columns["feature_00"] > 0).astype(np.int64)
    columns["probability"] = ndtr(columns["feature_00"])
    baseline = build_baseline(pa.table(columns), model_name="m", model_version="1")
    return CompiledBaseline("0" * 64, baseline, 0)


def steady_panes(specs: Sequence[WindowSpec], lateness_ms: int) -> list[PaneId]:
    """Panes that are not rolled up: each piece of time is in the smallest that is still needed."""
    panes: dict[PaneId, None] = {}
    for start_ms in range(NOW_MS - _DAYS * DAY_MS, NOW_MS, MINUTE_MS):
        for tier_ms in TIERS_MS:
            pane = PaneId(tier_ms, floor_to(start_ms, tier_ms))
            if settled_from_ms(pane, specs, lateness_ms) > NOW_MS:
                panes[pane] = None
                break
    return list(panes)


def cell_shares(layout: GridLayout) -> Iterator[tuple[int, FloatArray]]:
    """Share of the events that each cell of each row gets."""
    for column in layout.numeric:
        edges = column.grid.edges
        below = ndtr(edges) if column.role == FEATURE else np.clip(edges, 0.0, 1.0)
        shares = np.append(np.diff(below, prepend=0.0), _MISSING_SHARE)
        yield column.row, shares / shares.sum()
    for classes in layout.categorical:
        shares = np.zeros(classes.cells)
        shares[:2] = 0.5
        yield classes.row, shares


def draw_grid(pane: PaneDelta, layout: GridLayout, events: int, rng: np.random.Generator) -> None:
    """Count so many events on a grid."""
    grid = pane.grid(layout)
    grid.events = events
    offsets = layout.row_offsets
    for row, shares in cell_shares(layout):
        grid.counts[offsets[row] : offsets[row + 1]] = rng.multinomial(events, shares)
    scale = 2.0**DEVIATION_BITS  # units of a standard deviation
    sizes = {SUM: events**0.5 * scale, SQUARES: events * scale**2}
    grid.sums = [
        [int(x) for x in np.abs(rng.normal(size, 0.01 * size, len(layout.numeric)))]
        for size in (sizes.get(kind, 0.01 * events * scale) for kind in range(len(grid.sums)))
    ]
    grid.maxima = rng.normal(4.0, 0.3, len(grid.maxima))
    if layout.moments is not None:
        d = len(layout.moments.places)
        products = np.diag(np.full(d, events * UNITS**2))[np.triu_indices(d)]
        grid.moments = np.concatenate([[events], np.zeros(d), products]).astype(np.float64)


def draw_traffic(pane: PaneDelta, events: int, rng: np.random.Generator) -> None:
    """Count so many events, their latencies and their errors."""
    errors = int(_ERROR_SHARE * events)
    pane.core[[COUNT, ERRORS]] = events, errors
    pane.errors = {name: errors // 3 + 1 for name in ("timeout", "upstream", "out of memory")}
    bounds = ndtr((np.log(latency.BOUNDS_MS) - 3.0) / 0.8)
    shares = np.diff(np.concatenate([[0.0], bounds, [1.0]]))
    pane.latencies = rng.multinomial(events, shares).astype(np.int64)
    pane.latency_ns = int(events * latency.NS_PER_MS * 27.6)
    pane.latency_max_ms = 900.0


def draw_pane(tier_ms: int, shape: Shape, rng: np.random.Generator) -> Rows:
    """Rows of one pane."""
    events = shape.events_per_s * tier_ms // 1000
    layout = reference().layout
    pane = PaneDelta()
    draw_traffic(pane, events, rng)
    pane.core[IDENTIFIED] = events
    pane.ids = [rng.integers(0, 2**32, 2 * IDS_MAX, dtype=np.uint32)]
    draw_grid(pane, layout, events, rng)
    for number in range(shape.segments):
        part = pane.segments[f"region={number}"] = PaneDelta()
        draw_traffic(part, events // shape.segments, rng)
        draw_grid(part, layout.coarse, events // shape.segments, rng)
    return pane.rows()


def write_panes(
    store: StateStore, versions: Sequence[VersionId], panes: dict[PaneId, Rows], partitions: int
) -> None:
    """Commit the panes of every version, as a worker that owns all partitions does."""
    owner = new_owner()
    places = [PartitionId("topic", n) for n in range(partitions)]
    for place in places:
        store.claim(place, owner)
        store.start(place, 0, 0)
    mark = Watermark(NOW_MS, NOW_MS)
    offset = 0
    items = list(panes.items())
    for version in versions:
        for first in range(0, len(items), _PANES_AT_ONCE):
            moved = [
                PartitionCommit(p, offset, offset + 1, NOW_MS, {"consumed": 1}, {version: mark})
                for p in places
            ]
            some = items[first : first + _PANES_AT_ONCE]
            store.commit(owner, moved, [VersionCommit(version, some, dict.fromkeys(places, mark))])
            offset += 1


def write_windows(
    client: RedisClient,
    versions: Sequence[VersionId],
    specs: Sequence[WindowSpec],
    panes: dict[PaneId, Rows],
) -> None:
    """Write the live windows and the final ones, and forget reports as the agents do."""
    model, compiled, keys = ReadModel(client, NAMESPACE), reference(), StateKeys(NAMESPACE)
    tracker = PaneTracker()
    for pane, rows in panes.items():
        counts = decode_pane({name.encode(): row for name, row in rows})
        tracker.put(pane, counts, 1, specs)
    for spec in specs:
        end_ms = live_end_ms(spec, NOW_MS)
        inside = [c for p, c in tracker.panes.items() if end_ms - spec.size_ms <= p.start_ms]
        counts = merge_panes(inside)
        for version in versions:
            _write_window(model, version, spec, end_ms, counts)
    for version in versions:
        model.announce(
            version, [spec.name for spec in specs], set(compiled.baseline.features), set()
        )
        fence = keys.fence(version)
        reported = [name.decode() for name in client.hkeys(fence)]
        client.hdel(fence, *tracker.out_of_reach(reported, specs))


def _write_window(
    model: ReadModel, version: VersionId, spec: WindowSpec, end_ms: int, counts: PaneCounts
) -> None:
    compiled = reference()
    context = ReportContext(
        *version, "0" * 64, compiled, None, None, None, seen_until_ms=NOW_MS, complete=True
    )
    report = build_report(spec, end_ms, counts, context)
    extra: dict[str, float] = {"watermark": NOW_MS}
    model.show_live(report, histograms(compiled, counts), extra, None, NOW_MS, RETENTION_DAYS)
    for segment, part in counts.segments.items():
        below = build_report(spec, end_ms, part, context, segment)
        model.show_live(below, {}, extra, None, NOW_MS, RETENTION_DAYS)
    last_ms = floor_to(NOW_MS, spec.every_ms)
    first_ms = max(last_ms - SERIES_ENTRIES_MAX * spec.every_ms, NOW_MS - _DAYS * DAY_MS)
    windows = [
        msgspec.structs.replace(report.window, start=end - spec.size_ms, end=end)
        for end in range(last_ms, first_ms, -spec.every_ms)
    ]
    finals = [msgspec.structs.replace(report, window=window) for window in reversed(windows)]
    model.record_finals(finals, NOW_MS)


class Memory(NamedTuple):
    """What Redis uses for each version; and for the keys of one, by what they hold."""

    bytes_each: float
    by_kind: dict[str, int]


def kind_of(key: str) -> str:
    """What a key of a version holds."""
    marks = {
        ":pane:": "panes",
        ":reports": "fence",
        ":ts:": "final windows",
        ":f:": "live features",
        ":h:": "live histograms",
        ":m:": "live windows",
    }
    return next((kind for mark, kind in marks.items() if mark in key), "rest")


def measure(client: RedisClient, shape: Shape) -> Memory:
    """Fill an empty Redis and see how much that takes."""
    client.flushall()
    settings = load_settings(environment={}, options={"namespace": NAMESPACE})
    store = StateStore(client, NAMESPACE)
    specs = tuple(window_spec(size) for size in WINDOWS_DEFAULT)
    versions = [VersionId(f"model-{n:03d}", "1") for n in range(shape.versions)]
    rng = np.random.default_rng(shape.events_per_s)
    panes = {
        pane: draw_pane(pane.tier_ms, shape, rng)
        for pane in steady_panes(specs, settings.worker.allowed_lateness_ms)
    }
    before = client.info("memory")["used_memory"]
    write_panes(store, versions, panes, shape.partitions)
    write_windows(client, versions, specs, panes)
    each = (client.info("memory")["used_memory"] - before) / shape.versions
    by_kind: dict[str, int] = {}
    for key in client.scan_iter(f"*{versions[0].model}*", count=1000):
        kind = kind_of(key.decode())
        by_kind[kind] = by_kind.get(kind, 0) + int(client.memory_usage(key, samples=0) or 0)
    return Memory(each, by_kind)


def shapes() -> Iterator[Shape]:
    """Every case; then one with segments."""
    for versions in VERSIONS:
        for partitions in PARTITIONS:
            for rate in RATES:
                yield Shape(versions, partitions, rate)
    for rate in RATES:
        yield Shape(1, 1, rate, SEGMENTS)


def text(shape: Shape, found: Memory, without: Memory | None) -> str:
    """A line for a person; ``without`` is the same case without its segments."""
    kinds = sorted(found.by_kind.items(), key=lambda kind: -kind[1])
    parts = ", ".join(f"{name} {size / 1e6:.2f}" for name, size in kinds)
    line = f"{shape.versions:8d} {shape.partitions:10d} {shape.events_per_s:8,d} "
    line += f"{shape.segments:8d} {found.bytes_each / 1e6:12.2f}   {parts}"
    if without is not None:
        each = (found.bytes_each - without.bytes_each) / shape.segments
        return f"{line}\n{'':39s}{each / 1e6:9.2f}   each segment"
    return line


def main() -> None:
    """Measure every case; print what a version takes, and a segment."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedStack.start(Path(folder)) as stack:
        client = redis.Redis.from_url(stack.redis_url)
        print("versions partitions events/s segments MB a version   by what its keys hold")
        seen: dict[Shape, Memory] = {}
        for shape in shapes():
            seen[shape] = measure(client, shape)
            without = seen[shape._replace(segments=0)] if shape.segments else None
            print(text(shape, seen[shape], without), flush=True)
        worst = max(m.bytes_each for shape, m in seen.items() if not shape.segments)
        print(f"largest without segments {worst / 1e6:.2f} MB, goal {GOAL_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
