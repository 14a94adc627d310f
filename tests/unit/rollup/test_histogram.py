import numpy as np
import pytest

from schemas.baselines import FeatureBaseline
from schemas.keys import HISTOGRAM_BARS_MAX
from stream.baseline.build import build_baseline
from stream.rollup.histogram import Bars


def feature(values: list[object]) -> FeatureBaseline:
    data = {"x": values}
    return build_baseline(data, model_name="m", model_version="1").features["x"]


SHAPES = {
    "normal": np.random.default_rng(1).normal(size=3_000).tolist(),
    "constant": [4.0] * 50,
    "two values": [0.0, 1.0] * 50,
    "one outlier": [*range(1_000), 1e9],
    "names": [f"k{i % 50}" for i in range(1_000)],
    "two names": ["a", "b", "a", None],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_bars_hold_every_value_once(shape: str) -> None:
    reference = feature(SHAPES[shape])
    bars = Bars.of(reference)
    assert bars is not None
    drawn = bars.draw(np.array(reference.counts))
    values = sum(value is not None for value in SHAPES[shape])
    assert sum(drawn.counts) == sum(drawn.baseline) == values
    assert drawn.counts == drawn.baseline
    assert len(drawn.counts) <= HISTOGRAM_BARS_MAX
    assert len(drawn.edges) == len(drawn.counts) - bool(reference.edges)


def test_what_lies_outside_has_bars_of_its_own() -> None:
    reference = feature(SHAPES["normal"])
    bars = Bars.of(reference)
    assert bars is not None
    row = np.zeros(len(reference.counts), dtype=np.int64)
    row[0], row[-3] = 3, 5  # the outermost value cells
    drawn = bars.draw(row)
    assert (drawn.counts[0], drawn.counts[-1]) == (3, 5)
    assert sum(drawn.counts[1:-1]) == 0


def test_unseen_names_have_the_last_bar() -> None:
    reference = feature(SHAPES["two names"])
    bars = Bars.of(reference)
    assert bars is not None
    drawn = bars.draw(np.array([1, 2, 7, 0, 0]))
    assert drawn.edges == ["a", "b", "unseen"]
    assert drawn.counts == [1, 2, 7]
    assert drawn.baseline == [2, 1, 0]
