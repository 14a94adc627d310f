import hashlib
import math
from typing import Any

import numpy as np
import pytest

from stream.descriptors.embedding import (
    DIMENSIONS_MAX,
    Frame,
    component_exponent,
    describe_embeddings,
    directions,
)

RNG = np.random.default_rng(7)
VECTORS = RNG.normal(0.3, 1.0, (200, 48))
CENTRE = VECTORS.mean(axis=0)
FRAME = Frame.of(CENTRE.tolist(), component_exponent(float(np.abs(VECTORS).max())))


def test_figures_are_those_of_the_definition() -> None:
    distance, norm, *projections = describe_embeddings(VECTORS.tolist(), FRAME)
    norms = np.linalg.norm(VECTORS, axis=1)
    cosines = VECTORS @ CENTRE / norms / np.linalg.norm(CENTRE)
    assert distance == pytest.approx(1 - cosines, abs=2**-15)
    assert norm == pytest.approx(norms, rel=2**-12)
    expected = VECTORS @ directions(48) / math.sqrt(48)
    assert np.array(projections) == pytest.approx(expected.T, abs=1e-4)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_a_batch_of_any_size_gives_the_same_bits(size: int) -> None:
    whole = describe_embeddings(VECTORS.tolist(), FRAME)
    parts = [
        describe_embeddings(VECTORS[i : i + size].tolist(), FRAME) for i in range(0, 200, size)
    ]
    assert np.array_equal(whole, np.hstack(parts))


def test_sums_are_exact_at_the_largest_size() -> None:
    frame = Frame.of([2.0**20] * DIMENSIONS_MAX, 0)
    described = frame.describe(np.full((1, DIMENSIONS_MAX), 2.0**20 - 1))
    exact = int((2**20 - 1) * sum(directions(DIMENSIONS_MAX)[:, 0].astype(int).tolist()))
    assert described[2, 0] == exact / math.sqrt(DIMENSIONS_MAX)
    assert described[0, 0] == 0


def test_signs_are_the_bits_of_shake_256() -> None:
    digest = hashlib.shake_256(b"projection_2").digest(2)
    bits = f"{int.from_bytes(digest, 'big'):016b}"
    assert directions(11)[:, 2].tolist() == [2.0 * int(bit) - 1 for bit in bits[:11]]
    assert directions(11)[:, 2].tolist() == directions(16)[:11, 2].tolist()


def test_how_a_sender_rounds_unit_vectors_makes_no_difference() -> None:
    units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    for sent in (units, units.astype(np.float32), units.round(6)):
        assert set(describe_embeddings(sent.tolist(), FRAME)[1].tolist()) == {1.0}


@pytest.mark.parametrize("gap", [math.nan, math.inf, None, 10**400])
def test_a_vector_with_a_gap_is_missing(gap: Any) -> None:
    described = describe_embeddings([[gap] + [1.0] * 47, [1.0] * 48], FRAME)
    assert np.isnan(described[:, 0]).all()
    assert np.isfinite(described[:, 1]).all()


@pytest.mark.parametrize(
    "value", [[1.0] * 47, [1.0] * 49, [], "x", 3.0, True, {"a": 1}, ["1"] * 48, [[1.0]] * 48]
)
def test_what_is_no_embedding_of_this_length(value: Any) -> None:
    described = describe_embeddings([None, value, [1] * 48], FRAME)
    assert np.isnan(described[:, 0]).all()
    assert np.isposinf(described[:, 1]).all()
    assert np.isfinite(described[:, 2]).all()


def test_zero_has_no_direction() -> None:
    described = describe_embeddings([[0.0] * 48], FRAME)[:, 0]
    assert np.isnan(described[0])
    assert described[1:].tolist() == [0.0] * 5


def test_components_far_beyond_the_reference_are_cut() -> None:
    described = describe_embeddings([[1e308] * 48], FRAME)
    assert np.isfinite(described).all()


def test_a_reference_row_is_compared_with_the_others() -> None:
    leave_one_out = [
        1 - row @ others / np.linalg.norm(row) / np.linalg.norm(others)
        for i, row in enumerate(VECTORS)
        for others in [np.delete(VECTORS, i, axis=0).mean(axis=0)]
    ]
    assert FRAME.describe(VECTORS, rows=200)[0] == pytest.approx(leave_one_out, abs=1e-4)


def test_numbers_that_no_factor_reaches() -> None:
    assert np.isfinite(2.0 ** -component_exponent(5e-324))
    frame = Frame.of([0.0, 0.0], component_exponent(0.0))
    assert frame.describe(np.zeros((1, 2)))[1, 0] == 0
