from collections.abc import Callable

import pytest

from schemas.alerts import AlertEvent, Severity, Status
from stream.alerting.inhibition import inhibitor, source_slots, stands, target_slots

MakeEvent = Callable[..., AlertEvent]


def slots_with(*sources: AlertEvent) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source in sources:
        for slot in source_slots(source):
            found.setdefault(slot, []).append(source.fingerprint)
    return found


def of_model(name: str, version: str | None = None) -> dict[str, str]:
    return {"model_name": name} | ({} if version is None else {"model_version": version})


SILENT = ("no-traffic", "error", "credit", None)
BEHIND = ("pipeline-lag", "critical", None, None)


@pytest.mark.parametrize(
    ("source", "target", "is_quiet"),
    [
        (("a", "critical", "credit", "3"), ("b", "warning", "credit", "3"), True),
        (("a", "critical", "credit", "3"), ("b", "error", "credit", "3"), False),
        (("a", "critical", "credit", "3"), ("b", "warning", "credit", "4"), False),
        (("a", "error", "credit", "3"), ("b", "warning", "credit", "3"), False),
        (SILENT, ("data-drift", "error", "credit", "3"), True),
        (SILENT, ("data-drift", "error", "fraud", "3"), False),
        (SILENT, ("latency", "error", "credit", "3"), False),
        (BEHIND, ("prediction-drift", "info", "credit", "3"), True),
        (BEHIND, ("error-rate", "info", "credit", "3"), False),
    ],
)
def test_what_one_alert_tells_the_others_need_not(
    make_event: MakeEvent, source: tuple[str, ...], target: tuple[str, ...], is_quiet: bool
) -> None:
    def made(rule: str, severity: str, model: str | None, version: str | None) -> AlertEvent:
        labels = {"namespace": "ml"} if model is None else of_model(model, version)
        return make_event(rule, severity=Severity(severity), labels=labels)

    one, other = made(*source), made(*target)
    slots = slots_with(one)
    assert (inhibitor(other, slots) == one.fingerprint) == is_quiet
    assert inhibitor(one, slots) is None, "none keeps itself quiet"


def test_what_is_stale_or_lacks_data_or_is_over_keeps_nobody_quiet(make_event: MakeEvent) -> None:
    firing = make_event(severity=Severity.CRITICAL)
    assert stands(firing)
    for fields in ({"stale": True}, {"status": Status.NO_DATA}, {"status": Status.RESOLVED}):
        one = make_event(severity=Severity.CRITICAL, **fields)
        assert not stands(one)
        assert source_slots(one) == source_slots(firing), "it leaves where it stood all the same"


def test_the_oldest_is_named_and_each_is_compared_with_few(make_event: MakeEvent) -> None:
    sources = [make_event(f"r{number}", severity=Severity.CRITICAL) for number in range(3)]
    slots = slots_with(*sources)
    assert inhibitor(make_event(), slots) == sources[0].fingerprint
    assert len(target_slots(make_event())) == 1
