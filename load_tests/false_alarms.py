"""False alarms and power of the drift decision, beside what others do, by simulation.

Models of ten features (`load_tests.shapes`): without drift, how many windows have any alarm; with
one feature moved, how many find it. References go through the product's own `build_baseline`,
windows through its grid, and the first ones of each cell also through its `drift_figures` and
`decide`, which must say what the arrays of `load_tests.rules` say.

* 40 references of 5,000 rows, 250 windows each: 10,000 windows a cell.
* Up to 1,000 rows every row of every window is drawn. Beyond, counts of independent rows are drawn
  from their multinomial distribution, and autocorrelated windows are put together from 500
  sequences, of which each feature of a window has another one.
* Raw tests and peers see a fifth of the windows, and a twenty-fifth of those beyond 1,000 rows.

Usage: ``python -m load_tests.false_alarms [--quick] [--jobs 1] [--seed 0]``; 10 minutes on one
core, quick 15 seconds.
"""

import argparse
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from load_tests.rules import Feature, Tests, beside, drifted, evidently, nannyml, rejected, textbook
from load_tests.shapes import CATEGORICAL, CLASSES, LEVELS, SHAPES, levels, table
from stream.arrays import FloatArray, IntArray
from stream.baseline.build import build_baseline
from stream.baseline.columns import Classes, Numbers
from stream.baseline.dispersion import dispersion_of
from stream.baseline.times import TimeOrder
from stream.stats.drift.budget import DAY_MS, HOUR_MS, MONTH_MS, ROWS_MIN, WEEK_MS, alpha
from stream.stats.drift.decision import EFFECT_MIN, decide
from stream.stats.reference import Reference

ALPHA = 0.01
ROWS = 5_000
RHOS = (0.0, 0.3, 0.6, 0.9)
SHIFTS = (0.25, 0.5, 1.0)
MONTH_ROWS = 250
_START_MS = 1_700_000_000_000
_CHUNKS = 10
_DRAWN_MAX = 1_000
_SEQUENCES = 500
_NAMES = [f"c{number}" for number in range(len(CLASSES))]


@dataclass(frozen=True)
class Extent:
    """How much is simulated."""

    references: int
    windows: int
    sizes: tuple[int, ...]
    power_sizes: tuple[int, ...]
    months: int
    seed: int = 0


SIZES = (50, 100, 250, 500, 1_000, 5_000, 20_000, 100_000)
FULL = Extent(40, 250, sizes=SIZES, power_sizes=SIZES[:6], months=200)
QUICK = Extent(4, 50, sizes=(50, 250, 5_000), power_sizes=(250,), months=2)


def times_ms(n: int) -> IntArray:
    """Event times of the reference's rows: n rows in each window that `auto` decides by."""
    return _START_MS + np.arange(ROWS) * (HOUR_MS if n >= ROWS_MIN else WEEK_MS) // n


@lru_cache(None)
def model(seed: int, rho: float, number: int) -> tuple[Feature, ...]:
    """Build one reference of all ten features."""
    rng = np.random.default_rng([seed, 1, int(10 * rho), number])
    rows = {shape: levels(rng, rho, 1, ROWS)[0] for shape in SHAPES}
    data: dict[str, Any] = {shape: table(shape)[of] for shape, of in rows.items()}
    data[CATEGORICAL] = np.array(_NAMES)[data[CATEGORICAL].astype(int)]
    data["timestamp"] = times_ms(MONTH_ROWS)
    features = build_baseline(data, model_name="simulated", model_version="1").features
    return tuple(
        Feature(shape, Reference.from_baseline(features[shape]), of) for shape, of in rows.items()
    )


def timed(feature: Feature, n: int | None) -> Feature:
    """Give the reference what its time order says about windows of n rows; None: it has none."""
    dispersion = None
    if n is not None:
        values = table(feature.shape)[feature.rows]
        named = feature.shape == CATEGORICAL
        column = Classes(tuple(_NAMES), values.astype(np.int64)) if named else Numbers(values)
        dispersion = dispersion_of(feature.reference.baseline, column, TimeOrder(times_ms(n)))
    baseline = msgspec.structs.replace(feature.reference.baseline, dispersion=dispersion)
    return replace(feature, reference=replace(feature.reference, baseline=baseline))


def tests_of(features: tuple[Feature, ...], counts: list[IntArray], n: int | None) -> Tests:
    """Test windows of all features, with the reference's time order for windows of n rows."""
    dated = [timed(feature, n) for feature in features]
    tests = beside([one.tests(row) for one, row in zip(dated, counts, strict=True)])
    product = {one.shape: one.product(row[0]) for one, row in zip(dated, counts, strict=True)}
    assert np.allclose([test.p_value for test in product.values()], tests.p_value[0], rtol=1e-6)
    decisions = decide(product, ALPHA)
    ours = drifted(tests, ALPHA, EFFECT_MIN)[0].tolist()
    assert [decision.drifted for decision in decisions.values()] == ours
    return tests


def sequences(rng: np.random.Generator, rho: float, n: int) -> npt.NDArray[np.int32]:
    """Draw autocorrelated windows as running sums by level, (sequences, LEVELS)."""
    reached = np.empty((_SEQUENCES, LEVELS), dtype=np.int32)
    for row in reached:
        np.cumsum(np.bincount(levels(rng, rho, 1, n)[0], minlength=LEVELS), out=row)
    return reached


def false_alarms(extent: Extent, cell: tuple[float, int]) -> dict[str, FloatArray]:
    """Share of windows with any alarm by rule, for each reference."""
    rho, n = cell
    rng = np.random.default_rng([extent.seed, 2, int(10 * rho), n])
    few = extent.windows // (5 if n <= _DRAWN_MAX else 25)
    pool = sequences(rng, rho, n) if n > _DRAWN_MAX and rho else None
    shares: dict[str, list[float]] = {}
    for number in range(extent.references):
        features = model(extent.seed, rho, number)
        alarms: dict[str, npt.NDArray[np.bool_]] = {}
        drawn = None
        if n <= _DRAWN_MAX:
            drawn = [levels(rng, rho, extent.windows, n) for _ in features]
            counts = [one.counts(row) for one, row in zip(features, drawn, strict=True)]
        elif pool is not None:
            picks = [rng.choice(_SEQUENCES, extent.windows) for _ in features]
            counts = [f.counts_of(pool)[pick] for f, pick in zip(features, picks, strict=True)]
        else:
            counts = [one.independent(rng, extent.windows, n) for one in features]
            drawn = [levels(rng, rho, few, n) for _ in features]
        tests = tests_of(features, counts, n)
        alarms["ours"] = drifted(tests, ALPHA, EFFECT_MIN)
        alarms["no floor"] = drifted(tests, ALPHA, 0.0)
        alarms["no time"] = drifted(tests_of(features, counts, None), ALPHA, EFFECT_MIN)
        if drawn is not None:
            alarms |= _others(features, [row[:few] for row in drawn])
        for rule, found in alarms.items():
            shares.setdefault(rule, []).append(float(found.any(axis=1).mean()))
    return {rule: np.array(values) for rule, values in shares.items()}


def _others(features: tuple[Feature, ...], drawn: list[Any]) -> dict[str, npt.NDArray[np.bool_]]:
    n = drawn[0].shape[1]
    pairs = list(zip(features, drawn, strict=True))
    values = [np.sort(table(one.shape)[row], axis=1) for one, row in pairs]
    counts = [one.counts(row) for one, row in pairs]
    raw = [textbook(one, row) for one, row in zip(features, values, strict=True)]
    peers = [evidently(one, row) for one, row in zip(features, values, strict=True)]
    found = {"raw": rejected(np.stack(raw, 1), ALPHA), "Evidently": np.stack(peers, 1)}
    for name, rows in (("NannyML", ROWS // _CHUNKS), ("as window", n)):
        if ROWS // rows > 1:
            over = [nannyml(one, row, rows) for one, row in zip(features, counts, strict=True)]
            found[name] = np.stack(over, 1)
    return found


def power(extent: Extent, n: int) -> dict[tuple[str, float], FloatArray]:
    """Share of windows in which the feature that moved is found, by shape and shift.

    By rule: raw tests, ours without time order, and with it.
    """
    rng = np.random.default_rng([extent.seed, 3, n])
    windows = max(10, extent.windows // 5)
    found: dict[tuple[str, float], list[list[float]]] = {}
    for number in range(extent.references):
        features = model(extent.seed, 0.0, number)
        rules: list[tuple[tuple[Feature, ...], Any]] = [
            (tuple(timed(one, order) for one in features), None) for order in (None, n)
        ]
        drawn = [levels(rng, 0.0, windows, n) for _ in features]
        still = [
            beside([one.tests(one.counts(row)) for one, row in zip(dated, drawn, strict=True)])
            for dated, _ in rules
        ]
        raw = np.stack([_raw(one, row, 0.0) for one, row in zip(features, drawn, strict=True)], 1)
        for k, feature in enumerate(features):
            for shift in SHIFTS:
                moved = levels(rng, 0.0, windows, n)
                raw_moved = raw.copy()
                raw_moved[:, k] = _raw(feature, moved, shift)
                rates = [float(rejected(raw_moved, ALPHA)[:, k].mean())]
                counts = feature.counts(moved, shift)
                for (dated, _), tests in zip(rules, still, strict=True):
                    with_moved = _replaced(tests, k, dated[k].tests(counts))
                    rates.append(float(drifted(with_moved, ALPHA, EFFECT_MIN)[:, k].mean()))
                found.setdefault((feature.shape, shift), []).append(rates)
    return {key: np.mean(rates, axis=0) for key, rates in found.items()}


def _raw(feature: Feature, drawn: Any, shift: float) -> FloatArray:
    return textbook(feature, np.sort(table(feature.shape, shift)[drawn], axis=1))


def _replaced(tests: Tests, k: int, one: Tests) -> Tests:
    parts = [part.copy() for part in tests.parts()]
    for part, column in zip(parts, one.parts(), strict=True):
        part[:, k] = column
    return Tests(*parts)


def month(extent: Extent, rho: float) -> dict[int, tuple[float, float]]:
    """False alarms in 30 days with a budget of one: windows and features, by decision window."""
    rng = np.random.default_rng([extent.seed, 4, int(10 * rho)])
    hours = MONTH_MS // HOUR_MS
    windows = extent.months * hours // extent.references
    sizes = (HOUR_MS, DAY_MS)
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for number in range(extent.references):
        features = model(extent.seed, rho, number)
        counts = [one.counts(levels(rng, rho, windows, MONTH_ROWS)) for one in features]
        tests = tests_of(features, counts, MONTH_ROWS)
        for size in sizes:
            alarms = drifted(tests, alpha(1.0, size), EFFECT_MIN)
            share = float(alarms.any(axis=1).mean()), float(alarms.sum(axis=1).mean())
            found[size].append((share[0] * MONTH_MS / size, share[1] * MONTH_MS / size))
    return {size: tuple(np.mean(shares, axis=0).tolist()) for size, shares in found.items()}


def _percent(shares: FloatArray | None, of: Callable[[FloatArray], float] = np.mean) -> str:
    return "-" if shares is None else f"{100 * of(shares):.2f}"


def print_false_alarms(rows: Iterator[tuple[tuple[float, int], Mapping[str, FloatArray]]]) -> None:
    """Print share of windows with any alarm, in percent."""
    rules = ("no floor", "no time", "raw", "Evidently", "NannyML", "as window")
    print(f"\nWindows of ten features without drift that have any alarm, %, at alpha = {ALPHA:.0%}")
    print("(ours: mean, its standard error, worst reference; the others: mean)")
    titles = ("rho", "n", "ours", "+-", "worst", *rules)
    print(" ".join(f"{title:>9}" for title in titles))
    for (rho, n), shares in rows:
        ours = shares["ours"]
        figures = [_percent(ours), _percent(ours, lambda x: float(x.std() / len(x) ** 0.5))]
        figures += [_percent(ours, np.max), *(_percent(shares.get(rule)) for rule in rules)]
        print(" ".join(f"{text:>9}" for text in (rho, f"{n:,}", *figures)), flush=True)


def print_power(rows: Iterator[tuple[int, Mapping[tuple[str, float], FloatArray]]]) -> None:
    """Print share of windows in which the moved feature is found, in percent."""
    print("\nOne of ten features moved: windows that find it, %")
    for n, found in rows:
        print(f"n = {n}: raw, ours, ours in time order; for {SHIFTS} standard deviations")
        for shape in SHAPES:
            shares = [found[shape, shift] for shift in SHIFTS]
            text = "   ".join(" ".join(f"{100 * x:6.1f}" for x in share) for share in shares)
            print(f"{shape:>12} {text}", flush=True)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small part, in a minute")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    arguments = parser.parse_args()
    extent = replace(QUICK if arguments.quick else FULL, seed=arguments.seed)
    began = time.monotonic()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}")
    print(f"{extent.references} references of {ROWS:,} rows, {extent.windows} windows each", end="")
    print(f"; {extent.months} months; seed {extent.seed}")
    with ProcessPoolExecutor(arguments.jobs) as pool:
        cells = [(rho, n) for rho in RHOS for n in extent.sizes]
        alarms = pool.map(partial(false_alarms, extent), cells)
        found = pool.map(partial(power, extent), extent.power_sizes)
        months = pool.map(partial(month, extent), RHOS)
        print_false_alarms(zip(cells, alarms, strict=True))
        print_power(zip(extent.power_sizes, found, strict=True))
        print("\nA budget of one false alarm a month: windows (and features) that had one, 30 days")
        for rho, of_size in zip(RHOS, months, strict=True):
            for name, size in (("hourly", HOUR_MS), ("daily", DAY_MS)):
                windows, features = of_size[size]
                print(f"rho {rho} {name:>7}: {windows:.2f} ({features:.2f})", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
