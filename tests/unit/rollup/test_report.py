"""Reports from counts: segments, constraints, duplicates, schema drift, one decision for all."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.activations import Plan
from schemas.baselines import Baseline, baseline_id
from schemas.features import FeatureConfig, FeatureDriftConfig
from schemas.metrics import WindowReport
from schemas.windows import window_spec
from stream.baseline.build import build_baseline
from stream.ingest.decode import DecodedEvent, Decoder
from stream.rollup.comparison import CompiledBaseline
from stream.rollup.deciding import DecisionTerms
from stream.rollup.merge import PaneCounts, decode_pane
from stream.rollup.report import ReportContext, build_reports
from stream.rollup.terms import hours_of_week
from stream.sketches.bottom_k import HashArray
from stream.window.count import Batch, count_events
from stream.window.delta import PaneDelta
from stream.window.layout import compile_layout
from stream.window.panes import HOUR_MS, PaneId
from stream.window.plan import CountingPlan, compile_plan

ROWS = 4_000
HOUR = window_spec("1h")


def table(rows: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    country = rng.choice(["DE", "ES", "FR"], rows, p=[0.2, 0.3, 0.5])
    return {
        "age": rng.normal(40, 10, rows) + np.where(country == "FR", 10 * shift, 0.0),
        "income": rng.lognormal(10, 1, rows),
        "country": country,
        "prediction": rng.integers(0, 2, rows),
        "probability": rng.uniform(0, 1, rows),
    }


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build_baseline(table(ROWS, 1), model_name="m", model_version="1", segments=("country",))


def events_of(columns: dict[str, Any]) -> list[dict[str, Any]]:
    names = [name for name in columns if name not in {"prediction", "probability"}]
    return [
        {
            "features": {name: _plain(columns[name][i]) for name in names},
            "prediction": int(columns["prediction"][i]),
            "probability": float(columns["probability"][i]),
        }
        for i in range(len(columns["prediction"]))
    ]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else float(value)


def counted(
    baseline: Baseline, plan: CountingPlan, events: list[dict[str, Any]], ids: list[int]
) -> PaneCounts:
    """Decode and count events as a worker does; ``ids`` stand for their request ids."""
    assert plan.layout is not None
    numeric = plan.layout.numeric_features
    features = dict(sorted({name: name in numeric for name in baseline.features}.items()))
    names = tuple(features)
    decoder = Decoder({"m": features}, event_bytes_max=10_000, features_max=100, models_max=10)
    decoded: list[DecodedEvent] = []
    for event in events:
        one = decoder.explain(_payload(event))
        assert isinstance(one, DecodedEvent)
        decoded.append(one)
    hashes: HashArray = np.array(ids, dtype=np.uint32)
    batch = Batch(
        decoded,
        np.zeros(len(decoded), dtype=np.int64),
        hashes,
        np.ones(len(decoded), dtype=np.bool_),
        names,
        {0: ["shoe_size"]},
    )
    panes: dict[PaneId, PaneDelta] = {}
    count_events(panes, batch, HOUR_MS, plan)
    [delta] = panes.values()
    return decode_pane({name.encode(): row for name, row in delta.rows()})


def _payload(event: dict[str, Any]) -> bytes:
    import orjson  # noqa: PLC0415

    return orjson.dumps({"model_name": "m", **event})


def reports(
    baseline: Baseline,
    plan: CountingPlan,
    counts: PaneCounts,
    terms: DecisionTerms | None = None,
) -> list[WindowReport]:
    values = {column.name: SEGMENTED.segment_values[column.name] for column in plan.segments}
    compiled = CompiledBaseline(baseline_id(baseline), baseline, 0, values)
    context = ReportContext(
        "m", "1", None, compiled, plan.constraints, terms, None, HOUR_MS, complete=True
    )
    return build_reports(HOUR, HOUR_MS, counts, context)


SEGMENTED = Plan(segments=("country",), segment_values={"country": ("FR", "ES")})


def test_segments_add_up_to_the_whole(baseline: Baseline) -> None:
    plan = compile_plan(SEGMENTED, compile_layout(baseline))
    counts = counted(baseline, plan, events_of(table(600, 2)), list(range(600)))
    whole, *parts = reports(baseline, plan, counts)
    assert [part.segment for part in parts] == ["country=ES", "country=FR", "country=other"]
    assert sum(part.count for part in parts) == whole.count == 600
    assert sum(int(part.features["age"]["count"]) for part in parts) == 600
    means = [float(part.features["age"]["mean"]) * part.count for part in parts]
    assert sum(means) / 600 == pytest.approx(float(whole.features["age"]["mean"]), rel=1e-9)
    assert min(float(part.features["age"]["min"]) for part in parts) == whole.features["age"]["min"]
    assert all(part.features["age"]["psi"] >= 0 for part in parts)  # type: ignore[operator]


def test_a_shift_in_one_segment_is_found_there(baseline: Baseline) -> None:
    plan = compile_plan(SEGMENTED, compile_layout(baseline))
    counts = counted(baseline, plan, events_of(table(2_000, 3, shift=1.0)), list(range(2_000)))
    terms = DecisionTerms(0.01, 0.02, {})
    found = {r.segment: r for r in reports(baseline, plan, counts, terms)}
    assert found["country=FR"].features["age"]["drifted"] is True
    assert found["country=ES"].features["age"]["drifted"] is False
    assert found["country=FR"].features["income"]["drifted"] is False
    assert float(found["country=FR"].features["age"]["drift_from_shape"]) > 0.5
    assert float(found["country=ES"].features["age"]["min_detectable_shift"]) > 0


def test_segments_share_the_budget(baseline: Baseline) -> None:
    plan = compile_plan(SEGMENTED, compile_layout(baseline))
    counts = counted(baseline, plan, events_of(table(2_000, 3, shift=1.0)), list(range(2_000)))
    terms = DecisionTerms(0.01, 0.02, {})
    alone = PaneCounts(counts.core, grids=counts.grids)
    [whole] = reports(baseline, plan, alone, terms)
    together = reports(baseline, plan, counts, terms)
    p_values, q_values = (
        [
            float(figures[figure])
            for report in together
            for figures in report.features.values()
            if "drift_q_value" in figures
        ]
        for figure in ("drift_p_value", "drift_q_value")
    )
    # The country is not tested in the segments that it makes.
    assert len(p_values) == 3 + 3 * 2
    assert all(q >= p for p, q in zip(p_values, q_values, strict=True))
    # The clearest finding is worth less where more questions were asked.
    [of_segment] = [r for r in together if r.segment == "country=FR"]
    p_value = float(of_segment.features["age"]["drift_p_value"])
    assert float(of_segment.features["age"]["drift_q_value"]) > p_value * len(whole.features)


def test_a_segment_is_compared_with_itself(baseline: Baseline) -> None:
    """Segments that have always been unlike the others have not drifted."""
    rng = np.random.default_rng(9)

    def unlike(rows: int) -> dict[str, Any]:
        data = table(rows, int(rng.integers(1_000)))
        data["age"] = data["age"] + np.where(data["country"] == "FR", 15.0, 0.0)
        return data

    terms = DecisionTerms(0.01, 0.02, {})
    apart = build_baseline(unlike(ROWS), model_name="m", model_version="1", segments=("country",))
    plan = compile_plan(SEGMENTED, compile_layout(apart))
    counts = counted(apart, plan, events_of(unlike(1_000)), list(range(1_000)))
    found = reports(apart, plan, counts, terms)
    assert [r.metrics.get("drifted_features") for r in found] == [0, 0, 0, 0]
    unknown = msgspec.structs.replace(apart, segments={})
    undecided = reports(unknown, plan, counts, terms)
    assert [r.metrics.get("drifted_features") for r in undecided] == [0, None, None, None]
    ages = [float(r[2].features["age"]["psi"]) for r in (undecided, found)]
    assert ages[0] > 0.3
    assert ages[1] < 0.1


def test_a_fixed_threshold_decides_alone(baseline: Baseline) -> None:
    plan = compile_plan(Plan(), compile_layout(baseline))
    counts = counted(baseline, plan, events_of(table(600, 2)), list(range(600)))
    drift = FeatureDriftConfig(metric="psi", threshold=0.0)  # type: ignore[arg-type]
    terms = DecisionTerms(0.01, 0.02, {"age": FeatureConfig(drift=drift)})
    [report] = reports(baseline, plan, counts, terms)
    assert report.features["age"]["drifted"] is True
    assert "drift_q_value" not in report.features["age"]
    assert report.metrics["drifted_features"] == 1


def test_a_feature_may_have_a_smallest_effect_of_its_own(baseline: Baseline) -> None:
    plan = compile_plan(Plan(), compile_layout(baseline))
    counts = counted(baseline, plan, events_of(table(2_000, 3, shift=1.0)), list(range(2_000)))
    drifted = []
    for smallest in (0.02, 5.0):
        own = FeatureConfig(drift=FeatureDriftConfig(min_effect=smallest))
        [report] = reports(baseline, plan, counts, DecisionTerms(0.01, 0.02, {"age": own}))
        drifted.append(report.features["age"]["drifted"])
        assert float(report.features["age"]["drift_q_value"]) < 1e-6
    assert drifted == [True, False]


@pytest.mark.parametrize(
    ("shift", "answers", "told"),
    [(0.0, False, (False, False)), (0.0, True, (True, True)), (1.0, True, (True, False))],
)
def test_a_prediction_that_changes_alone_is_told(
    baseline: Baseline, shift: float, answers: bool, told: tuple[bool, bool]
) -> None:
    columns = table(1_000, 6, shift)
    if answers:
        columns["prediction"] = np.ones(1_000, dtype=np.int64)
    plan = compile_plan(Plan(), compile_layout(baseline))
    counts = counted(baseline, plan, events_of(columns), list(range(1_000)))
    [report] = reports(baseline, plan, counts, DecisionTerms(0.01, 0.02, {}))
    names = ("prediction_drifted", "prediction_drifted_alone")
    assert tuple(report.metrics[name] for name in names) == told


def test_violations_duplicates_and_gained_features(baseline: Baseline) -> None:
    features = {
        "age": FeatureConfig(min=30, max=60, not_null=True),
        "country": FeatureConfig(allowed=("FR", "DE"), regex="[A-Z]{2}"),
        "prediction_confidence": FeatureConfig(min=0.8),
    }
    plan = compile_plan(Plan(features=features), compile_layout(baseline))
    data = table(400, 4)
    events = events_of(data)
    events[3]["features"]["age"] = None
    events[4]["features"]["country"] = "Spain"
    ids = [*range(300), *range(100)]
    [report] = reports(baseline, plan, counted(baseline, plan, events, ids))
    ages = np.delete(data["age"], 3)
    age, country = report.features["age"], report.features["country"]
    assert age["violations_min"] == int((ages < 30).sum())
    assert age["violations_max"] == int((ages > 60).sum())
    assert age["violations_not_null"] == 1
    names = [event["features"]["country"] for event in events]
    assert country["violations_allowed"] == sum(n not in {"FR", "DE"} for n in names)
    assert country["violations_regex"] == 1
    unsure = np.maximum(data["probability"], 1 - data["probability"]) < 0.8
    assert report.features["prediction_confidence"]["violations_min"] == int(unsure.sum())
    total = sum(
        int(figures.get("constraint_violations", 0)) for figures in report.features.values()
    )
    assert report.metrics["constraint_violations"] == total
    # The sample holds the 256 smallest hashes: 100 of them came twice.
    assert report.metrics["duplicate_rate"] == pytest.approx(100 / 356)
    assert report.features["shoe_size"] == {"schema_change": "gained"}
    assert report.metrics["schema_drift"] == 1


def test_a_lost_feature_and_one_of_another_type(baseline: Baseline) -> None:
    plan = compile_plan(Plan(), compile_layout(baseline))
    events = events_of(table(300, 5))
    for event in events:
        del event["features"]["income"]
        event["features"]["age"] = "forty"
    [report] = reports(baseline, plan, counted(baseline, plan, events, list(range(300))))
    assert report.features["income"]["schema_change"] == "lost"
    assert report.features["age"]["schema_change"] == "changed_type"
    assert report.metrics["schema_drift"] == 3
    assert report.metrics["duplicate_rate"] == 0


def test_sampled_requests_carry_the_features(baseline: Baseline) -> None:
    plan = compile_plan(Plan(sampling_rate=0.25), compile_layout(baseline))
    ids = np.random.default_rng(6).integers(0, 2**32, 1_000).tolist()
    [report] = reports(baseline, plan, counted(baseline, plan, events_of(table(1_000, 6)), ids))
    sampled = sum(i < 0.25 * 2**32 for i in ids)
    assert report.count == 1_000
    assert report.exact is False
    assert report.sampled_count == sampled == report.features["age"]["count"]


def test_multivariate_figures_see_what_no_feature_shows(baseline: Baseline) -> None:
    plan = compile_plan(Plan(), compile_layout(baseline))
    usual = table(2_000, 7)
    tied = dict(usual)
    order = np.argsort(usual["age"])
    tied["income"] = np.empty(2_000)
    tied["income"][order] = np.sort(usual["income"])
    found = []
    for data in (usual, tied):
        counts = counted(baseline, plan, events_of(data), list(range(2_000)))
        found.append(reports(baseline, plan, counts)[0])
    assert found[0].features["income"]["psi"] == found[1].features["income"]["psi"]
    before, after = (float(report.metrics["correlation_shift"]) for report in found)
    assert after > 10 * before


def test_a_seasonal_window_is_compared_with_its_own_hours() -> None:
    """Load that follows the hour of the day drifts every hour, unless the reference does too."""
    rng = np.random.default_rng(10)
    weeks, per_hour = 4, 30
    hours = np.repeat(np.arange(weeks * 168), per_hour)
    load = 10 * np.sin(hours * 2 * np.pi / 24) + rng.normal(size=len(hours))
    start_ms = 1_789_948_800_000  # Monday 2026-09-21 00:00 UTC
    times = start_ms + hours * HOUR_MS
    data = {"load": load, "timestamp": times, "prediction": rng.integers(0, 2, len(hours))}
    baseline = build_baseline(data, model_name="m", model_version="1")
    plan = compile_plan(Plan(), compile_layout(baseline))
    at_six = 10 * np.sin(6 * 2 * np.pi / 24) + rng.normal(size=500)
    events = [{"features": {"load": float(value)}, "prediction": 1} for value in at_six]
    counts = counted(baseline, plan, events, list(range(500)))
    found = []
    for of_window in (None, hours_of_week(start_ms + 6 * HOUR_MS, start_ms + 7 * HOUR_MS)):
        compiled = CompiledBaseline(baseline_id(baseline), baseline, 0)
        context = ReportContext(
            "m", "1", None, compiled, None, None, of_window, HOUR_MS, complete=True
        )
        [report] = build_reports(HOUR, HOUR_MS, counts, context)
        found.append(report.features["load"])
    assert "seasonal" not in found[0]
    assert float(found[0]["psi"]) > 1
    # 4 weeks of this hour are 120 rows: too few, and it says so.
    assert found[1]["seasonal"] is False
    day = hours_of_week(start_ms + 5 * HOUR_MS, start_ms + 8 * HOUR_MS)
    compiled = CompiledBaseline(baseline_id(baseline), baseline, 0)
    context = ReportContext("m", "1", None, compiled, None, None, day, HOUR_MS, complete=True)
    [report] = build_reports(HOUR, HOUR_MS, counts, context)
    assert report.features["load"]["seasonal"] is True
    assert float(report.features["load"]["psi"]) < 0.3
