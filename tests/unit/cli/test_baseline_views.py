"""How baselines are shown: what they are made of, and for whom they count from when on."""

import msgspec
import numpy as np
import pytest

from schemas.activations import Activation, Plan
from schemas.baselines import Baseline, BaselineOrigin, baseline_id
from schemas.records import ConfigRecord, record_key
from stream.baseline.build import build_baseline
from stream.baseline.store import Stored
from stream.cli.baseline_views import features_table, list_table, listed, show_built, summary
from stream.cli.output import console

HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000
"""2024-01-01, a Monday."""


def timed(rows: int = 168 * 12) -> Baseline:
    rng = np.random.default_rng(1)
    data = {
        "age": rng.normal(40, 10, rows),
        "country": rng.choice(["DE", "FR"], rows).astype(object),
        "timestamp": START_MS + np.arange(rows) * HOUR_MS // 3,
        "prediction": rng.integers(0, 2, rows),
    }
    return build_baseline(data, model_name="credit", model_version="3")


def labelled() -> Baseline:
    data = {
        "prediction": [0, 1, 1, 0],
        "probability": [0.1, 0.9, 0.8, 0.4],
        "label": [0, 1, 0, 0],
    }
    return build_baseline(data, model_name="credit", model_version="3")


BASELINE = timed()
ONE = Stored(baseline_id(BASELINE), BASELINE, "2024-02-01T10:00:00.000Z", "ann@desk")


def active(version: str, start: int) -> dict[str, ConfigRecord]:
    made = Activation(
        model_name="credit",
        model_version=version,
        effective_from=start,
        plan=Plan(),
        baseline_id=ONE.id,
    )
    return {record_key(made): made}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def text_of(baseline: Baseline, capsys: pytest.CaptureFixture[str]) -> str:
    show_built(ONE.id, baseline, known=True)
    return capsys.readouterr().out


def test_programs_are_told_kinds_variation_seasons_and_origin() -> None:
    told = summary(ONE.id, BASELINE)
    assert told["features"] == {"age": "numeric", "country": "categorical"}
    assert (told["origin"], told["provisional"], told["rows"]) == ("file", False, 2016)
    assert told["seasons"] is True
    assert set(told["dispersion"]) == {"age", "country"}
    assert all(phi >= 1 for phi in told["dispersion"].values())


def test_people_are_told_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    shown = text_of(BASELINE, capsys)
    assert "origin  file" in shown
    assert "times   2024-01-01 00:00 to 2024-01-28 23:40 UTC" in shown
    assert "varies  φ from 1" in shown
    assert "hours of the week known" in shown
    rolling = msgspec.structs.replace(BASELINE, origin=BaselineOrigin.ROLLING)
    assert "origin  rolling" in text_of(rolling, capsys)


def test_performance_is_told_where_there_are_labels(capsys: pytest.CaptureFixture[str]) -> None:
    shown = text_of(labelled(), capsys)
    assert "labels  accuracy 0.75, precision 0.5, recall 1, f1 0.6667, roc_auc 1 " in shown
    assert "(binary, 4 labelled rows; probabilities as they are)" in shown
    assert summary("ab", labelled())["performance"]["accuracy"] == 0.75
    assert "labels  " not in text_of(BASELINE, capsys)
    assert summary(ONE.id, BASELINE)["performance"] is None


def test_a_baseline_without_times_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    bare = build_baseline({"age": [1.5, 2.5, 3.5]}, model_name="m", model_version="1")
    shown = text_of(bare, capsys)
    assert "times   none" in shown
    assert "varies" not in shown
    assert (summary("ab", bare)["dispersion"], summary("ab", bare)["seasons"]) == ({}, False)


def test_an_activation_of_another_version_is_an_inherited_one() -> None:
    told = listed(ONE, active("3", 0) | active("4", START_MS))
    assert (told["created_at"], told["created_by"]) == ("2024-02-01T10:00:00.000Z", "ann@desk")
    assert [(a["model_version"], a["inherited"]) for a in told["activations"]] == [
        ("3", False),
        ("4", True),
    ]


def test_the_list_says_who_when_from_what_and_since_when(
    capsys: pytest.CaptureFixture[str],
) -> None:
    present = active("3", 0) | active("4", START_MS)
    console().print(list_table([ONE], present, START_MS, 200))
    shown = capsys.readouterr().out
    for part in (ONE.id[:12], "2,016", "file", "ann@desk", "2024-02-01 10:00", "2024-01-28 23:40"):
        assert part in shown
    assert "3: the beginning" in shown
    assert "4: 2024-01-01 00:00 (inherited)" in shown
    assert "●" in shown
    console().print(list_table([ONE], {}, START_MS, 200))
    shown = capsys.readouterr().out
    assert "never" in shown
    assert "●" not in shown


def test_features_are_listed_with_their_variation(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(features_table(BASELINE))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    (age,) = [line for line in lines if line.startswith("age")]
    dispersion = BASELINE.features["age"].dispersion
    assert dispersion is not None
    assert f"{dispersion.phi:.2f}" in age
    assert any(line.startswith("(prediction)") and "0 1" in line for line in lines)
