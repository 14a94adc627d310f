"""Alerts that keep others quiet: what they tell is told already. Pure.

A source and a target belong together when they agree in some labels. So that nothing has to be
compared with every firing alert, both are reduced to a **slot**: the number of the rule and the
values of these labels. A target is quiet while another alert stands in one of its slots.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from schemas.alerts import AlertEvent, Status
from schemas.canonical import canonical_json
from stream.alerting.figures import matches_all


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """One rule of inhibition: each of the targets is quiet while the source fires.

    Attributes
    ----------
    source, targets : labels, ``rule`` and ``severity`` among them; ``*`` is allowed
    equal : labels in which both agree
    """

    source: Mapping[str, str]
    targets: tuple[Mapping[str, str], ...]
    equal: tuple[str, ...] = field(default=())


_OF_A_VERSION = ("model_name", "model_version")
_DRIFT = ({"rule": "*drift*"},)

INHIBIT_RULES = (
    InhibitRule({"severity": "critical"}, ({"severity": "warning"},), _OF_A_VERSION),
    InhibitRule({"rule": "no-traffic"}, _DRIFT, ("model_name",)),
    InhibitRule({"rule": "pipeline-lag"}, _DRIFT),
)
"""Who is woken by the first needs no second: the critical alert of a version over its warnings;
silence of a model, and workers that are behind, over drift that they may only seem to cause."""

Slots = Mapping[str, Collection[str]]
"""Fingerprints of the alerts that stand in each slot, oldest first."""


def stands(alert: AlertEvent) -> bool:
    """Whether an alert keeps others quiet.

    What is stale was told nobody, so it keeps nobody quiet; nor does what merely lacks data.
    """
    return alert.status is Status.FIRING and not alert.stale


def source_slots(alert: AlertEvent) -> list[str]:
    """Return the slots in which an alert stands while it fires, and which it leaves then."""
    asked = _labels(alert)
    return [
        _slot(number, rule, asked)
        for number, rule in enumerate(INHIBIT_RULES)
        if matches_all(rule.source, asked)
    ]


def target_slots(alert: AlertEvent) -> list[str]:
    """Return the slots in which another alert keeps this one quiet."""
    asked = _labels(alert)
    return [
        _slot(number, rule, asked)
        for number, rule in enumerate(INHIBIT_RULES)
        if any(matches_all(target, asked) for target in rule.targets)
        and not matches_all(rule.source, asked)
    ]


def inhibitor(alert: AlertEvent, slots: Slots) -> str | None:
    """Return the fingerprint of the alert that keeps this one quiet, None where none does."""
    standing = (of for slot in target_slots(alert) for of in slots.get(slot, ()))
    return next((of for of in standing if of != alert.fingerprint), None)


def _labels(alert: AlertEvent) -> dict[str, str]:
    return {**alert.labels, "rule": alert.rule, "severity": alert.severity.value}


def _slot(number: int, rule: InhibitRule, asked: Mapping[str, str]) -> str:
    values = [asked.get(name) for name in rule.equal]
    return f"{number} {canonical_json(values).decode()}"
