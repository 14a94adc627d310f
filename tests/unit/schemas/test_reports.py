"""Reports and alerts: identities, and the registry of figures."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from schemas.alerts import Status, alert_id, fingerprint
from schemas.metric_names import CUSTOM_STATISTICS, FEATURE_METRIC_NAMES, METRIC_ALIASES, describe
from schemas.metric_names import METRIC_NAMES as NAMES
from schemas.metrics import WindowReport, encode_report, report_id, with_report_id

FIXTURES = Path(__file__).parents[2] / "golden" / "contract"
REPORTS = sorted((FIXTURES / "report" / "valid").glob("*.json"))


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_id_can_be_checked_by_a_reader(path: Path) -> None:
    report = with_report_id(msgspec.json.decode(path.read_bytes(), type=WindowReport))
    published = json.loads(encode_report(report))
    text = json.dumps(
        {key: value for key, value in published.items() if key != "id"},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    # ECMAScript has one kind of number, and writes 1e-9 where Python writes 1e-09.
    text = text.replace(":1e-09,", ":1e-9,").replace(":4.0}", ":4}").replace(":0.0,", ":0,")
    assert hashlib.sha256(text.encode()).hexdigest() == published["id"]


def test_id_depends_on_content_alone() -> None:
    report = msgspec.json.decode(REPORTS[0].read_bytes(), type=WindowReport)
    same = msgspec.structs.replace(report, id="x", metrics=dict(reversed(report.metrics.items())))
    other = msgspec.structs.replace(report, revision=report.revision + 1)
    assert report_id(same) == report_id(report)
    assert report_id(other) != report_id(report)


def test_absent_objects_are_absent_and_null_ones_are_null() -> None:
    document = json.loads(
        encode_report(msgspec.json.decode(REPORTS[0].read_bytes(), type=WindowReport))
    )
    assert "errors" not in document
    assert "confusion" not in document
    assert "classes" not in document
    assert "reliability" not in document
    assert document["segment"] is None


def test_fingerprint_and_id_are_of_the_documented_bytes() -> None:
    of_alert = fingerprint("accuracy-drop", {"window": "1h", "model_name": "credit"})
    text = '{"labels":{"model_name":"credit","window":"1h"},"rule":"accuracy-drop"}'
    assert of_alert == hashlib.sha256(text.encode()).hexdigest()
    text = f'["{of_alert}",1790002800000,"firing"]'
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert alert_id(of_alert, 1790002800000, Status.FIRING) == expected


def test_every_status_has_its_own_id() -> None:
    assert len({alert_id("f", 0, status) for status in Status}) == len(Status)


@pytest.mark.parametrize("name", [*NAMES, *FEATURE_METRIC_NAMES])
def test_a_figure_has_unit_and_meaning(name: str) -> None:
    metric = NAMES.get(name) or FEATURE_METRIC_NAMES[name]
    assert metric.name == name
    assert metric.unit
    assert not metric.meaning.endswith(".")


@pytest.mark.parametrize("name", ["accuracy_low", "rmse_high", "estimated_roc_auc_low", "mrr_high"])
def test_intervals(name: str) -> None:
    interval, figure = describe(name), describe(name.rpartition("_")[0])
    assert interval is not None
    assert figure is not None
    assert interval.unit == figure.unit


@pytest.mark.parametrize("name", ["accuracy_change", "rmse_change", "label_coverage_change"])
def test_changes(name: str) -> None:
    change, figure = describe(name), describe(name.removesuffix("_change"))
    assert change is not None
    assert figure is not None
    assert (change.unit, change.meaning) == (figure.unit, f"{figure.name}, less the baseline's")


@pytest.mark.parametrize("statistic", CUSTOM_STATISTICS)
def test_custom_figures(statistic: str) -> None:
    assert describe(f"metric.basket.eur.{statistic}") is not None


@pytest.mark.parametrize(
    "name", ["acuracy", "psi_low", "error_rate_low", "error_rate_change", "metric.x"]
)
def test_no_figure(name: str) -> None:
    assert describe(name) is None


def test_aliases_lead_somewhere() -> None:
    assert set(METRIC_ALIASES.values()) <= set(NAMES)
    assert not set(METRIC_ALIASES) & set(NAMES)
