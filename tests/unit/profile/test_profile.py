"""A window as a file: its figures from the file alone, sums of files, files without names."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.baselines import Baseline
from schemas.features import FeatureConfig
from schemas.models import ModelConfig
from stream.baseline.build import build_baseline
from stream.profile.content import Profile, covered_ms, overlaps
from stream.profile.errors import ProfileError
from stream.profile.file import decode, encode
from stream.profile.merge import merged
from stream.profile.window import profile_of, reports_of, window_of

HOUR_MS = 3_600_000
END_MS = 1_790_002_800_000
SECRET = ("Oslo", "Rome", "Atlantis", "kaputt", "geheim", "Wien")
CONFIG = ModelConfig(
    model_name="credit",
    segments=("tags.team",),
    features={"age": FeatureConfig(max=60), "city": FeatureConfig(allowed=("Oslo", "Wien"))},
)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    rng = np.random.default_rng(0)
    data = {
        "age": rng.normal(41, 13, 2_000),
        "city": rng.choice(["Oslo", "Rome"], 2_000),
        "prediction": rng.choice(["1", "geheim"], 2_000),
        "probability": rng.random(2_000),
        "label": rng.choice(["1", "geheim"], 2_000),
    }
    return build_baseline(data, model_name="credit", model_version="1", segments=("city",))


def events(seed: int, n: int = 300) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    out: list[dict[str, Any]] = []
    for number in range(n):
        city = "Atlantis" if number % 50 == 0 else str(rng.choice(["Oslo", "Rome"]))
        event: dict[str, Any] = {
            "features": {"age": float(rng.normal(41, 13)), "city": city},
            "tags": {"team": "geheim"},
            "latency_ms": 5.0,
            "probability": number / n,
            "metrics": {"basket:eur": float(number), "tokens": -1.5},
        }
        if number % 30 == 0:
            event |= {"error": "kaputt", "prediction": None}
        out.append(event)
    return out


@pytest.fixture
def export(counted_window: Any, baseline: Baseline) -> Any:
    def export(seed: int = 1, *, named: bool = True, of: Any = baseline, **more: Any) -> Profile:
        window = counted_window(
            of,
            events(seed),
            config=CONFIG,
            segment_values={"tags.team": ("geheim",)},
            **more,
        )
        return decode(encode(profile_of(window, named=named)), "x.sgp")

    return export


def test_the_file_alone_gives_the_reports_of_the_window(
    counted_window: Any, baseline: Baseline, export: Any
) -> None:
    window = counted_window(
        baseline, events(1), config=CONFIG, segment_values={"tags.team": ("geheim",)}
    )
    assert reports_of(export(), "x.sgp") == window.reports()


def test_two_halves_add_up_to_the_whole(
    counted_window: Any, baseline: Baseline, export: Any
) -> None:
    first, second = export(1, end_ms=END_MS), export(2, end_ms=END_MS + HOUR_MS)
    total = merged(second, first)
    both = counted_window(
        baseline,
        events(1) + events(2),
        window="2h",
        end_ms=END_MS + HOUR_MS,
        config=CONFIG,
        segment_values={"tags.team": ("geheim",)},
    )
    found = reports_of(total, "x.sgp")
    assert found[0].window.size_ms == 2 * HOUR_MS
    assert [report.segment for report in found] == [None, "tags.team=geheim"]
    for mine, other in zip(found, both.reports(), strict=True):
        # Request ids, of which duplicates are told, are made of the window's end here.
        assert mine.features == other.features
        assert mine.metrics == pytest.approx(other.metrics)
        assert (mine.count, mine.errors, mine.complete) == (600, other.errors, True)


def test_figures_that_were_sent_along_are_in_it(export: Any) -> None:
    (report, _), total = reports_of(export(1), "x.sgp"), merged(export(1), export(2))
    figures = {"mean": 149.5, "sum": 44_850.0, "min": 0.0, "max": 299.0}
    assert figures.items() <= figures_of(report, "metric.basket:eur.").items()
    assert figures_of(report, "metric.tokens.")["sum"] == -450.0
    assert figures_of(reports_of(total, "x.sgp")[0], "metric.tokens.")["sum"] == -900.0
    (report,) = reports_of(export(1, named=False), "x.sgp")
    assert not figures_of(report, "metric.")


def figures_of(report: Any, prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value
        for name, value in report.metrics.items()
        if name.startswith(prefix)
    }


def test_a_gap_is_told_and_lowers_no_throughput(export: Any) -> None:
    total = merged(export(1), export(2, end_ms=END_MS + 5 * HOUR_MS))
    report = reports_of(total, "x.sgp")[0]
    assert (report.complete, report.window.size_ms) == (False, 6 * HOUR_MS)
    assert report.metrics["throughput_per_s"] == pytest.approx(600 / 7_200)
    assert covered_ms(total.parts) == 2 * HOUR_MS
    assert not overlaps(total.parts)
    assert overlaps(merged(export(1), export(2)).parts)


def test_nothing_is_added_twice_or_to_what_it_does_not_fit(export: Any) -> None:
    one = export(1)
    rng = np.random.default_rng(1)
    data = {"age": rng.normal(0, 1, 2_000), "prediction": rng.integers(0, 2, 2_000)}
    other = build_baseline(data, model_name="credit", model_version="1")
    for second, why in (
        (export(1), "would count it twice"),
        (merged(export(2), one), "would count it twice"),
        (export(2, version="2"), "one profile is of credit 1 and one of credit 2"),
        (export(2, named=False), "one profile has names and one has none"),
        (export(2, of=other), "only those on one grid add up"),
        (export(2, of=None), "only those on one grid add up"),
    ):
        with pytest.raises(ProfileError, match=why):
            merged(one, second)


def test_the_newest_part_says_what_the_sum_is_compared_with(
    export: Any, baseline: Baseline
) -> None:
    newer = msgspec.structs.replace(baseline, rows=2_001)
    old, new = export(1, end_ms=END_MS), export(2, of=newer, end_ms=END_MS + HOUR_MS)
    for total in (merged(old, new), merged(new, old)):
        assert total.baseline == newer
        later = export(3, end_ms=END_MS + 2 * HOUR_MS)
        assert merged(total, later).baseline == baseline


def test_without_names_no_string_of_an_event_is_left(export: Any) -> None:
    profile = export(1, named=False)
    content = msgspec.msgpack.encode(profile)
    assert not [word for word in SECRET if word.encode() in content]
    assert [word for word in SECRET if word.encode() in msgspec.msgpack.encode(export(1))] == list(
        SECRET
    )
    (report,), named = reports_of(profile, "x.sgp"), reports_of(export(1), "x.sgp")[0]
    assert report.count == named.count
    assert report.errors == {"other": 10}
    assert counted_figures(report.features["age"]) == counted_figures(named.features["age"])
    city = counted_figures(named.features["city"])
    assert city.pop("violations_allowed") == city.pop("constraint_violations") > 0
    assert counted_figures(report.features["city"]) == city
    assert report.metrics["prediction_psi"] == named.metrics["prediction_psi"]
    # Labels are left out, and what rests on them.
    assert "estimated_accuracy" in named.metrics
    assert "estimated_accuracy" not in report.metrics


def counted_figures(figures: dict[str, Any]) -> dict[str, Any]:
    """Leave out what depends on how many segments were asked about, too."""
    decided = ("drift_q_value", "min_detectable_shift", "drifted")
    return {name: value for name, value in figures.items() if name not in decided}


def test_files_without_names_add_up_too(export: Any) -> None:
    parts = [export(seed, named=False, end_ms=END_MS + seed * HOUR_MS) for seed in (1, 2)]
    whole = [export(seed, end_ms=END_MS + seed * HOUR_MS) for seed in (1, 2)]
    (total,), named = reports_of(merged(*parts), "x.sgp"), reports_of(merged(*whole), "x.sgp")
    assert counted_figures(total.features["age"]) == counted_figures(named[0].features["age"])


def test_a_model_without_a_baseline_has_a_profile(export: Any) -> None:
    profile = export(1, of=None)
    assert profile.grid is None
    report = reports_of(profile, "x.sgp")[0]
    assert (report.count, report.baseline) == (300, None)
    assert report.features["city"]["kind"] == "categorical"
    assert window_of(export(1, of=None, named=False)).counts.count == 300
