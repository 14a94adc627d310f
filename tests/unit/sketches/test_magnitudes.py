import numpy as np
import pytest

from stream.sketches import magnitudes

RNG = np.random.default_rng(7)
SHAPES = {
    "normal": RNG.normal(0, 100, 5_000),
    "lognormal": RNG.lognormal(3, 1.5, 5_000),
    "negative": -RNG.lognormal(0, 2, 5_000),
    "many zeros": RNG.poisson(0.7, 5_000).astype(np.float64),
    "constant": np.full(500, 19.99),
    "one value": np.array([-0.004]),
    "wide": RNG.choice([-1.0, 1.0], 5_000) * 2.0 ** RNG.uniform(-31.9, 63.9, 5_000),
    "powers of two": 2.0 ** np.arange(-32, 64),
}
HALF_A_CELL = 2 ** (1 / 64) - 1


def nearest_rank(values: np.ndarray, q: float) -> float:
    return float(np.sort(values)[max(1, int(np.ceil(q * len(values)))) - 1])


@pytest.mark.parametrize("q", [0.0, 0.01, 0.5, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_quantile_is_within_its_bound(shape: str, q: float) -> None:
    values = SHAPES[shape]
    expected = nearest_rank(values, q)
    found = magnitudes.quantile(magnitudes.count(values), q)
    assert found == pytest.approx(expected, rel=HALF_A_CELL + 1e-9, abs=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_extremes_are_within_the_same_bound(shape: str) -> None:
    values = SHAPES[shape]
    found = magnitudes.extremes(magnitudes.count(values))
    expected = (values.min(), values.max())
    assert found == pytest.approx(expected, rel=HALF_A_CELL + 1e-9, abs=0)


def test_nothing_counted_has_no_quantile() -> None:
    assert magnitudes.quantile(magnitudes.count(np.array([])), 0.5) is None


# What scripts/join.lua computes, too: the table of the module's docstring.
@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.0, 3072),
        (-0.0, 3072),
        (1.0, 4097),
        (-1.0, 2047),
        (2.0, 4129),
        (1.99, 4128),
        (3.0, 4147),
        (-3.0, 1997),
        (0.5, 4065),
        (2.0**-32, 3073),
        (-(2.0**-32), 3071),
        (2.0**-32 * (1 - 2.0**-53), 3072),
        (5e-324, 3072),
        (2.0**63, 6113),
        (2.0**64, 6144),
        (1.7e308, 6144),
        (-1.7e308, 0),
    ],
)
def test_the_cell_of_a_value(value: float, cell: int) -> None:
    assert magnitudes.cells_of(np.array([value])).tolist() == [cell]


def test_powers_of_two_begin_cells_and_cells_ascend_with_values() -> None:
    powers = np.arange(magnitudes.POWER_MIN, magnitudes.POWER_MAX)
    assert magnitudes.cells_of(np.ldexp(1.0, powers)).tolist() == (4097 + 32 * powers).tolist()
    values = np.sort(np.concatenate([SHAPES["wide"], SHAPES["normal"], [0.0]]))
    assert np.all(np.diff(magnitudes.cells_of(values)) >= 0)


def test_every_value_is_counted_once_and_counts_add() -> None:
    values = SHAPES["wide"]
    whole = magnitudes.count(values)
    assert whole.sum() == len(values)
    halves = magnitudes.count(values[:1234]) + magnitudes.count(values[1234:])
    assert np.array_equal(halves, whole)


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_hold_the_counts(shape: str) -> None:
    counts = magnitudes.count(SHAPES[shape])
    blocks = magnitudes.split(counts)
    assert all(block.any() for block in blocks.values())
    assert {n: len(block) for n, block in blocks.items()} == {
        n: magnitudes.block_cells(n) for n in blocks
    }
    assert np.array_equal(magnitudes.joined(blocks), counts)


def test_what_a_block_has_adds_up_to_all_cells() -> None:
    assert sum(map(magnitudes.block_cells, range(magnitudes.BLOCKS))) == magnitudes.CELLS
