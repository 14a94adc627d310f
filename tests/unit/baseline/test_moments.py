import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.moments import MOMENT_FEATURES_MAX, moment_features, moments_of
from stream.baseline.times import TimeOrder

ROWS = 6000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


def references(columns: list[FloatArray]) -> dict[str, FeatureBaseline]:
    return {
        f"f{i}": FeatureBaseline(
            kind=FeatureKind.NUMERIC, mean=float(np.nanmean(x)), std=float(np.nanstd(x, ddof=1))
        )
        for i, x in enumerate(columns)
    }


def order(step_ms: int) -> TimeOrder:
    return TimeOrder(1_577_836_800_000 + np.arange(ROWS) * step_ms)


def test_the_first_by_name_are_summed() -> None:
    of = FeatureBaseline(kind=FeatureKind.NUMERIC, std=1.0)
    features = {f"f{i:03}": of for i in reversed(range(MOMENT_FEATURES_MAX + 9))}
    assert moment_features(features) == tuple(f"f{i:03}" for i in range(MOMENT_FEATURES_MAX))


def test_without_time_order_the_spread_is_unknown(rng: np.random.Generator) -> None:
    columns = [rng.normal(size=ROWS), rng.normal(size=ROWS)]
    moments = moments_of(references(columns), columns)
    assert moments is not None
    assert moments.rows == ROWS
    assert moments.reconstruction_error_std is None
    assert moments.correlation_shift_mean is None
    assert moments.correlation_shift_std is None


@pytest.mark.parametrize(
    ("step_ms", "chunk_rows"),
    # An hour has 360 rows, but there are too few hours; a day has 216, and there are 27.
    [(10_000, 300), (400_000, 216)],
)
def test_chunks_are_decision_windows_or_a_twentieth(
    rng: np.random.Generator, step_ms: int, chunk_rows: int
) -> None:
    columns = [rng.normal(size=ROWS) for _ in range(3)]
    moments = moments_of(references(columns), columns, order(step_ms))
    assert moments is not None
    assert moments.chunk_rows == pytest.approx(chunk_rows, abs=1)
    # Of each chunk the error is a mean over rows of a sum over what the components leave out.
    assert moments.reconstruction_error_std == pytest.approx(np.sqrt(2 / chunk_rows), rel=0.5)
    assert moments.correlation_shift_std is not None
    assert moments.correlation_shift_mean is not None
    assert 0 < moments.correlation_shift_std < moments.correlation_shift_mean < 0.1


def test_a_relation_that_wanders_has_a_wider_spread(rng: np.random.Generator) -> None:
    shared = rng.normal(size=ROWS)
    turning = np.sin(np.arange(ROWS) / 500) * shared + rng.normal(size=ROWS)
    steady = 0.7 * shared + rng.normal(size=ROWS)
    spreads = []
    for other in (turning, steady):
        columns = [shared, other]
        moments = moments_of(references(columns), columns, order(600_000))
        assert moments is not None
        spreads.append(moments.correlation_shift_std or 0.0)
    assert spreads[0] > 3 * spreads[1]


def test_too_few_rows_for_chunks(rng: np.random.Generator) -> None:
    columns = [rng.normal(size=900), rng.normal(size=900)]
    short = TimeOrder(1_577_836_800_000 + np.arange(900) * 600_000)
    moments = moments_of(references(columns), columns, short)
    assert moments is not None
    assert moments.reconstruction_error_std is None
