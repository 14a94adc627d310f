"""What becomes of a sample of traffic."""

from typing import Any

import pytest

from schemas.baselines import BaselineOrigin
from schemas.features import FeatureConfig, FeatureKind
from schemas.models import ModelConfig
from stream.baseline.errors import BaselineError
from stream.ingest.sample import SampledEvent
from stream.rollup.provisional import columns_of, one_kind, provisional_baseline
from stream.state.keys import VersionId

VERSION = VersionId("credit", "1")
START_MS = 1_700_000_000_000


def sample(count: int = 100, **fields: Any) -> list[SampledEvent]:
    """Events in an order that is not that of time."""
    rows = []
    for k in range(count):
        values = {name: make(k) for name, make in fields.items()}
        features = {n: v for n, v in values.items() if n not in {"prediction", "probability"}}
        rows.append(
            SampledEvent(
                request_id=f"r{k:03}",
                time_ms=START_MS + 1_000 * ((k * 37) % count),
                features=features,
                prediction=values.get("prediction"),
                probability=values.get("probability"),
            )
        )
    return rows


def learned(rows: Any, kinds: Any = None, features_max: Any = 100) -> Any:
    features = {name: FeatureConfig(kind=kind) for name, kind in (kinds or {}).items()}
    config = ModelConfig(model_name="credit", features=features)
    return provisional_baseline(rows, VERSION, config, features_max)


def test_a_model_needs_no_probability_and_no_prediction() -> None:
    baseline = learned(sample(age=float))
    assert (baseline.prediction, baseline.probability) == (None, None)
    assert baseline.features["age"].mean == 49.5
    assert (baseline.provisional, baseline.origin) == (True, BaselineOrigin.PROVISIONAL)
    assert (baseline.start_ms, baseline.end_ms) == (START_MS, START_MS + 99_000)


def test_predictions_and_probabilities_are_learned_beside_features_of_their_names() -> None:
    rows = sample(prediction=lambda k: k % 2, probability=lambda k: k / 100, label=str)
    baseline = learned(rows)
    assert baseline.prediction.categories == ("0", "1")
    assert baseline.probability.max == 0.99
    assert baseline.model_version == "1"


def test_the_same_sample_in_another_order_is_the_same_baseline() -> None:
    rows = sample(age=float, country=lambda k: "DE" if k % 3 else "FR")
    assert learned(rows) == learned(rows[::-1])


def test_kinds_are_those_of_the_configuration() -> None:
    rows = sample(zip=lambda k: k % 40, secret=float)
    kinds = {"zip": FeatureKind.CATEGORICAL, "secret": FeatureKind.IGNORE, "gone": FeatureKind.TEXT}
    baseline = learned(rows, kinds)
    assert {name: of.kind for name, of in baseline.features.items()} == {
        "zip": FeatureKind.CATEGORICAL
    }
    with pytest.raises(BaselineError, match="zip"):
        learned(sample(zip=str), {"zip": FeatureKind.NUMERIC})


def test_values_of_another_kind_than_most_are_missing() -> None:
    rows = sample(age=lambda k: "old" if k % 10 == 0 else k)
    columns = columns_of(rows)
    assert columns["age"].count(None) == 10
    assert learned(rows).features["age"].missing_count == 10
    assert one_kind([True, False, 1]) == [True, False, None]
    assert one_kind([None, None]) == [None, None]


def test_a_feature_that_never_has_a_value_is_none() -> None:
    assert set(learned(sample(age=float, empty=lambda _: None)).features) == {"age"}


def test_too_many_features_are_refused() -> None:
    with pytest.raises(BaselineError, match="2 features, more than 1"):
        learned(sample(a=float, b=float), features_max=1)


@pytest.mark.parametrize(
    "odd",
    [
        lambda k: 1e200 if k == 7 else float(k),
        lambda k: [1e200, 1.0] if k == 7 else [float(k), 1.0],
        lambda k: [float(k)],
        lambda _: [],
    ],
    ids=["one huge number", "one huge component", "arrays of one number", "empty arrays"],
)
def test_no_event_keeps_a_model_from_its_baseline(odd: Any) -> None:
    baseline = learned(sample(age=lambda k: float(k % 50), odd=odd, prediction=lambda k: k % 2))
    assert baseline.features["age"].mean is not None
