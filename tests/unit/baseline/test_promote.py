from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Baseline, FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.baseline.promote import CountedMoments, CountedRow, promoted
from stream.baseline.soundness import check_baseline
from stream.descriptors.compute import compile_describer
from stream.sketches.grid import NumericGrid
from stream.stats.reference import Reference

HOUR_MS = 3_600_000
START_MS = 1_577_836_800_000
ROWS = 168 * 3 * 4


def data(seed: int, shift: float = 0.0, rows: int = ROWS) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "amount": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(shift, 1.0, rows)),
        "stars": rng.integers(1, 6, rows),
        "country": rng.choice(["DE", "FR", "US"], rows, p=[0.5, 0.3, 0.2]).astype(object),
        "same": np.ones(rows),
        "note": [f"text {'word ' * int(k)}" for k in rng.integers(1, 9, rows)],
        "timestamp": START_MS + HOUR_MS * np.arange(rows) // 4,
        "prediction": rng.integers(0, 2, rows),
        "probability": rng.random(rows),
    }


OLD = build_baseline(
    data(0), model_name="m", model_version="1", kinds={"note": FeatureKind.TEXT}, provisional=True
)


def numbers_row(reference: FeatureBaseline, values: FloatArray) -> CountedRow:
    there = values[~np.isnan(values)]
    counts = NumericGrid.from_baseline(reference).count_sorted(np.sort(values))
    return CountedRow(
        counts.tolist(), float(there.mean()), float(there.std()), there.min(), there.max()
    )


def classes_row(reference: FeatureBaseline, values: Any) -> CountedRow:
    names, found = np.unique(np.array(values, dtype=str), return_counts=True)
    counts = dict(zip(names.tolist(), found.tolist(), strict=True))
    known = [counts.pop(name, 0) for name in reference.categories]
    return CountedRow([*known, sum(counts.values()), 0, 0], unseen=counts)


def rows_of(window: Mapping[str, Any]) -> dict[tuple[str, str], CountedRow]:
    features = OLD.features
    assert OLD.prediction is not None
    assert OLD.probability is not None
    rows = {
        ("feature", name): numbers_row(features[name], np.sort(np.array(window[name], float)))
        for name in ("amount", "stars", "same")
    }
    rows["feature", "country"] = classes_row(features["country"], window["country"])
    rows["prediction", "prediction"] = classes_row(OLD.prediction, window["prediction"])
    rows["probability", "probability"] = numbers_row(OLD.probability, window["probability"])
    note = features["note"]
    rows["feature", "note"] = CountedRow([len(window["note"]), 0, 0])
    describer = compile_describer(note)
    described = describer.matrix(window["note"])
    for name, values in zip(describer.names, described, strict=True):
        rows["feature", f"note.{name}"] = numbers_row(note.descriptors[name], values)
    return rows


def promote(window: Mapping[str, Any], **options: Any) -> Baseline:
    given: dict[str, Any] = {
        "model_version": "2",
        "start_ms": 5,
        "end_ms": 9,
        "learn_categories": False,
    }
    return promoted(OLD, rows_of(window), **(given | options))


def test_the_grid_stays_and_the_rest_is_the_windows() -> None:
    window = data(1, shift=0.8)
    new = promote(window)
    assert (new.model_name, new.model_version, new.rows) == ("m", "2", ROWS)
    assert (new.start_ms, new.end_ms, new.provisional) == (5, 9, False)
    old, amount = OLD.features["amount"], new.features["amount"]
    assert amount.edges == old.edges
    assert amount.scale_exponent == old.scale_exponent
    assert amount.mean == pytest.approx(np.nanmean(window["amount"]))
    assert amount.max == np.nanmax(window["amount"])
    assert amount.missing_count == np.isnan(window["amount"]).sum()
    assert amount.dispersion == old.dispersion
    assert new.features["stars"].decile_edges == OLD.features["stars"].decile_edges
    assert new.features["same"].kind is FeatureKind.CONSTANT
    assert new.features["note"].vocabulary == OLD.features["note"].vocabulary
    described = new.features["note"].descriptors["words"]
    assert sum(described.counts) == ROWS
    assert described.edges == OLD.features["note"].descriptors["words"].edges


@pytest.mark.parametrize("shift", [0.0, 0.8, 6.0])
def test_the_new_reference_compiles_and_has_even_cells(shift: float) -> None:
    new = promote(data(2, shift=shift))
    check_baseline(new)
    reference = Reference.from_baseline(new.features["amount"])
    assert reference.rows == ROWS
    assert reference.tested.total == reference.total
    if shift < 1:
        # Edges are 1/256 of the old reference apart; the window's are at most three times as far.
        assert reference.tested.shares.max() < 0.1 + 3 / 256
    # Also beyond the old range, where cells double in width, no cell holds nearly all.
    assert reference.tested.shares.max() < 0.7
    for of in (new.prediction, new.probability, *new.features.values()):
        assert of is not None
        assert Reference.from_baseline(of).rows == ROWS


def test_what_lies_beyond_the_old_range_still_counts_as_outside() -> None:
    new = promote(data(3, shift=6.0)).features["amount"]
    old = OLD.features["amount"]
    assert old.max is not None
    assert new.max is not None
    assert new.max > old.max
    reference = Reference.from_baseline(new)
    assert reference.uppers[reference.above] == old.edges[-1] == old.max
    assert new.doane_edges[-1] == old.edges[-1]


def test_seasons_are_carried_over() -> None:
    window = data(4, shift=0.8)
    new = promote(window)
    seasons = np.array(new.features["amount"].seasons)
    reference = Reference.from_baseline(new.features["amount"])
    assert seasons.shape == (168, len(reference.tested.counts) + 1)
    # Each hour is rounded by itself.
    expected = np.append(reference.tested.counts, reference.missing)
    assert np.abs(seasons.sum(axis=0) - expected).max() <= 168 / 2
    country = np.array(new.features["country"].seasons)
    assert country.shape == np.array(OLD.features["country"].seasons).shape


def test_frequent_unseen_values_become_categories() -> None:
    window = data(5)
    window["country"][:100] = "PT"
    window["country"][100:104] = "rare"
    window["country"][200:300] = "x" * 64
    kept = promote(window).features["country"]
    assert kept.categories == ("DE", "FR", "US")
    assert kept.counts[3] == 204
    learned = promote(window, learn_categories=True).features["country"]
    assert learned.categories == ("DE", "FR", "PT", "US")
    assert learned.counts[2:5] == (100, learned.counts[3], 104)
    assert sum(learned.counts) == ROWS
    assert Reference.from_baseline(learned).total == ROWS
    assert np.array(learned.seasons).shape == (168, 6)


def test_no_more_is_learned_than_was_counted() -> None:
    rows = rows_of(data(6))
    country = rows["feature", "country"]
    rows["feature", "country"] = country._replace(
        counts=[*country.counts[:3], 60, 0, 0], unseen={"AT": 50, "IT": 40}
    )
    new = promoted(OLD, rows, model_version="2", start_ms=5, end_ms=9, learn_categories=True)
    assert new.features["country"].categories == ("AT", "DE", "FR", "US")
    assert new.features["country"].counts[-3:] == (10, 0, 0)


def test_a_constant_that_varies_is_one_no_more() -> None:
    window = data(7)
    window["same"] = np.tile([1.0, 2.0], ROWS // 2)
    assert promote(window).features["same"].kind is FeatureKind.NUMERIC
    one = msgspec.structs.replace(OLD.features["country"], kind=FeatureKind.CONSTANT)
    baseline = msgspec.structs.replace(OLD, features={"country": one})
    new = promoted(
        baseline, rows_of(window), model_version="2", start_ms=5, end_ms=9, learn_categories=False
    )
    assert new.features["country"].kind is FeatureKind.CATEGORICAL


def test_a_column_without_values_in_the_window_keeps_its_edges() -> None:
    window = data(8)
    rows = rows_of(window)
    cells = len(OLD.features["amount"].counts)
    rows["feature", "amount"] = CountedRow([0] * (cells - 1) + [ROWS])
    new = promoted(OLD, rows, model_version="2", start_ms=5, end_ms=9, learn_categories=False)
    amount = new.features["amount"]
    assert (amount.mean, amount.missing_count) == (None, ROWS)
    assert amount.decile_edges == OLD.features["amount"].decile_edges
    assert Reference.from_baseline(amount).total == 0


def test_moments_of_the_window_on_the_old_scale() -> None:
    old = OLD.moments
    assert old is not None
    assert promote(data(9)).moments == old
    counted = CountedMoments(300, (1, 2), (3, 4, 5))
    moments = promote(data(9), moments=counted).moments
    assert moments is not None
    assert (moments.rows, moments.sums, moments.products) == (300, (1, 2), (3, 4, 5))
    assert (moments.means, moments.stds) == (old.means, old.stds)
    assert moments.reconstruction_error_std == old.reconstruction_error_std


def test_windows_too_small() -> None:
    rows = rows_of(data(10, rows=150))
    with pytest.raises(BaselineError, match=r"the window has 150 rows, .* at least 200") as caught:
        promoted(OLD, rows, model_version="2", start_ms=5, end_ms=9, learn_categories=False)
    assert ". " not in str(caught.value)
    empty = {key: row._replace(counts=[0] * len(row.counts)) for key, row in rows.items()}
    with pytest.raises(BaselineError, match="the window has no rows"):
        promoted(OLD, empty, model_version="2", start_ms=5, end_ms=9, learn_categories=False)


def test_counts_of_another_grid() -> None:
    rows = rows_of(data(11))
    rows["feature", "country"] = CountedRow([ROWS, 0, 0, 0])
    with pytest.raises(ValueError, match="the window has 4 cells, its baseline 6"):
        promoted(OLD, rows, model_version="2", start_ms=5, end_ms=9, learn_categories=False)
