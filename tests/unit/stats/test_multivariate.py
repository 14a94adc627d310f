"""Second moments: exact sums, and what they show."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import SecondMoments
from stream.stats.multivariate import (
    ROWS_MAX,
    UNITS,
    ReferenceMoments,
    multivariate_figures,
    second_moments,
    strongest_changes,
)

RNG = np.random.default_rng(41)
D = 5
MIXING = RNG.normal(size=(D, D))
STDS = np.sqrt(np.square(MIXING).sum(axis=1))


def drawn(n: int, mixing: Any = MIXING) -> Any:
    """Correlated standardised features, (D, n)."""
    return (mixing @ RNG.normal(size=(D, n))) / STDS[:, None]


def moments_of(z: Any, **fields: Any) -> SecondMoments:
    sums, products = second_moments(z)
    return SecondMoments(
        features=tuple("abcdefgh"[: len(z)]),
        means=(0.0,) * len(z),
        stds=(1.0,) * len(z),
        rows=z.shape[1],
        sums=tuple(sums.tolist()),
        products=tuple(products.tolist()),
        **fields,
    )


Z = drawn(20_000)
REFERENCE = ReferenceMoments.from_moments(moments_of(Z))


def compared(z: Any, reference: ReferenceMoments = REFERENCE) -> dict[str, float]:
    return multivariate_figures(reference, z.shape[1], *second_moments(z))


def test_sums_are_exact_whatever_the_order_and_the_batches() -> None:
    z = np.where(RNG.random((4, 999)) < 0.1, np.nan, RNG.standard_t(1.5, (4, 999)) * 5)
    sums, products = second_moments(z)
    finite = np.where(np.isnan(z), 0.0, z).tolist()
    units = [[round(max(-8.0, min(8.0, x)) * UNITS) for x in row] for row in finite]
    assert sums.tolist() == [sum(row) for row in units]
    assert products.tolist() == [
        sum(a * b for a, b in zip(units[i], units[j], strict=True))
        for i in range(4)
        for j in range(i, 4)
    ]
    parts = [second_moments(part) for part in (z[:, 500:], z[:, :500][:, ::-1])]
    assert np.array_equal(sums, parts[0][0] + parts[1][0])
    assert np.array_equal(products, parts[0][1] + parts[1][1])


def test_no_sum_leaves_what_a_float_holds() -> None:
    assert ROWS_MAX * (8 * UNITS) ** 2 < 2**53
    sums, products = second_moments(np.full((1, ROWS_MAX + 3), -8.0))
    assert sums[0] == -512 * (ROWS_MAX + 3)
    assert products[0] == 512**2 * (ROWS_MAX + 3)


def test_the_components_are_those_of_the_covariance() -> None:
    values = np.sort(np.linalg.eigvalsh(np.cov(Z)))[::-1]
    covered = np.cumsum(values) / values.sum()
    assert REFERENCE.components == int(np.argmax(covered >= 0.65)) + 1
    left_out = float(values[REFERENCE.components :].sum())
    assert REFERENCE.reconstruction_error == pytest.approx(left_out, rel=1e-3)


def test_the_error_is_the_mean_squared_distance_from_the_components() -> None:
    z = drawn(500) + 0.3
    _, vectors = np.linalg.eigh(np.cov(Z, bias=True))
    kept = vectors[:, ::-1][:, : REFERENCE.components]
    centred = z - Z.mean(axis=1, keepdims=True)
    rest = centred - kept @ (kept.T @ centred)
    exact = float(np.square(rest).sum(axis=0).mean())
    assert compared(z)["reconstruction_error"] == pytest.approx(exact, rel=2e-3)


def test_the_shift_is_the_norm_of_the_difference() -> None:
    z = drawn(2_000, MIXING[:, ::-1] * [1, 1, -1, 1, 1])
    difference = np.corrcoef(z) - np.corrcoef(Z)
    exact = float(np.linalg.norm(difference)) / (D * (D - 1) / 2)
    assert compared(z)["correlation_shift"] == pytest.approx(exact, rel=5e-3)


def test_marginals_may_stay_while_correlations_change() -> None:
    independent = np.stack([RNG.permutation(row) for row in drawn(5_000)])
    before, after = compared(drawn(5_000)), compared(independent)
    assert after["correlation_shift"] > 5 * before["correlation_shift"]
    assert after["reconstruction_error"] > 1.3 * before["reconstruction_error"]
    changes = strongest_changes(REFERENCE, 5_000, *second_moments(independent), 3)
    exact = np.abs(np.corrcoef(Z))[np.triu_indices(D, 1)]
    assert len(changes) == 3
    assert abs(changes[0].before) == pytest.approx(exact.max(), abs=0.01)
    assert abs(changes[0].after) < 0.05


def test_a_constant_feature_is_left_out_of_correlations() -> None:
    z = np.vstack([Z[:2], np.zeros(Z.shape[1])])
    reference = ReferenceMoments.from_moments(moments_of(z))
    assert reference.varies.tolist() == [True, True, False]
    found = compared(z + np.array([[0.0], [0.0], [1.0]]), reference)
    assert found["correlation_shift"] == pytest.approx(0.0, abs=1e-12)
    assert found["reconstruction_error"] == pytest.approx(reference.reconstruction_error + 1.0)
    alone = compared(np.vstack([Z[:1], np.zeros((2, Z.shape[1]))]), reference)
    assert "correlation_shift" not in alone


def test_no_rows_no_figures() -> None:
    nothing = np.zeros((D, 0))
    assert compared(nothing) == {}
    assert strongest_changes(REFERENCE, 0, *second_moments(nothing)) == []


def walked(n: int) -> Any:
    """Correlated features whose rows resemble their neighbours: AR(1), 0.8."""
    noise = RNG.normal(size=(D, n + 50)) * 0.6
    for k in range(1, n + 50):
        noise[:, k] += 0.8 * noise[:, k - 1]
    return (MIXING @ noise[:, 50:]) / STDS[:, None]


@pytest.mark.parametrize("draw", [drawn, walked])
def test_limits_hold_without_drift_and_not_with_it(draw: Any) -> None:
    """Limits are three standard deviations off, for windows as long as chunks and for others."""
    z = draw(20_000)
    whole = ReferenceMoments.from_moments(moments_of(z))
    chunks = [compared(z[:, first : first + 500], whole) for first in range(0, 20_000, 500)]
    errors, shifts = (
        [chunk[name] for chunk in chunks] for name in ("reconstruction_error", "correlation_shift")
    )
    reference = ReferenceMoments.from_moments(
        moments_of(
            z,
            chunk_rows=500.0,
            reconstruction_error_std=float(np.std(errors, ddof=1)),
            correlation_shift_mean=float(np.mean(shifts)),
            correlation_shift_std=float(np.std(shifts, ddof=1)),
        )
    )
    over = {"reconstruction_error": 0, "correlation_shift": 0}
    for n in [150, 500, 2_000] * 30:
        found = compared(draw(n), reference)
        for name in over:
            over[name] += found[name] > found[f"{name}_limit"]
    assert max(over.values()) <= 5  # of 90: 1 % of a skewed distribution, and three sigma
    drifted = compared(np.stack([RNG.permutation(row) for row in draw(1_000)]), reference)
    for name in over:
        assert drifted[name] > drifted[f"{name}_limit"]


def test_a_shorter_window_has_a_wider_limit_a_longer_one_the_same() -> None:
    reference = ReferenceMoments.from_moments(
        moments_of(Z, chunk_rows=1_000.0, reconstruction_error_std=0.01)
    )
    own = reference.reconstruction_error
    limits = [
        compared(drawn(n), reference)["reconstruction_error_limit"] for n in (250, 1_000, 4_000)
    ]
    assert limits == pytest.approx([own + 0.06, own + 0.03, own + 0.03])


def test_no_limits_without_time_order() -> None:
    assert compared(Z).keys() == {"reconstruction_error", "correlation_shift"}


def test_moments_of_another_size_are_refused() -> None:
    moments = moments_of(Z)
    with pytest.raises(ValueError, match="4 sums and 15 products for 5 features"):
        ReferenceMoments.from_moments(msgspec.structs.replace(moments, sums=moments.sums[:4]))
    with pytest.raises(ValueError, match="of no rows"):
        ReferenceMoments.from_moments(msgspec.structs.replace(moments, rows=0))
    with pytest.raises(ValueError, match="for 5 features"):
        multivariate_figures(REFERENCE, 3, *second_moments(Z[:3]))


def test_features_that_all_stand_still_have_no_error() -> None:
    reference = ReferenceMoments.from_moments(moments_of(np.zeros((2, 10))))
    assert compared(np.zeros((2, 5)), reference) == {"reconstruction_error": 0.0}
    assert math.isclose(compared(np.ones((2, 5)), reference)["reconstruction_error"], 1.0)
