"""How a backtest is shown: a timeline of alerts, and what they rest on."""

from schemas.alerts import AlertEvent, Status
from schemas.errors import REMEDIES, Reason
from stream.alerting.rules import CHECKS, Rule, compile_rules
from stream.alerting.wording import amount, duration
from stream.backtest.alarms import looks_at_labels
from stream.backtest.log import Log
from stream.backtest.outcome import Outcome, VersionOutcome, told_at_ms
from stream.cli.alert_views import COLORS
from stream.cli.output import (
    clean,
    console,
    count_text,
    escape,
    events_text,
    note,
    table,
    time_text,
)
from stream.registry import Snapshot

ALERTS_SHOWN_MAX = 200
"""Lines of the timeline: more are read as JSON."""
RULES_NAMED_MAX = 10
"""Of those that are not judged: bounds make a rule for each figure of each model."""


def show_outcome(log: Log, outcome: Outcome, snapshot: Snapshot, *, in_words: bool) -> None:
    """Show a backtest.

    Parameters
    ----------
    log : what was read
    outcome : what came of it
    snapshot : what was registered in the end
    in_words : whether the result goes to standard output; else only what is said beside it
    """
    rules = compile_rules(snapshot.rules.values(), snapshot.models.values())
    if in_words:
        _show_versions(outcome)
        _show_timeline(outcome.alerts)
        _show_rules(outcome, rules)
    else:
        note(_not_judged(rules))
    for reason, refused in outcome.refused.items():
        note(
            f"{events_text(refused.count)} not counted: {reason}, first at {refused.place}"
            f" ({refused.detail}). {REMEDIES[reason]}"
        )
        if reason is Reason.TOO_LATE and not log.has_append_times:
            note(f"{log.name} is read in its own order: sort it by time, unless it came like this")
    for (model, version), found in outcome.versions.items():
        _note_version(f"{model} {version}", found)


def _note_version(name: str, found: VersionOutcome) -> None:
    if found.provisional_from_ms is not None:
        note(
            f"{name}: no baseline was given; one was learned from its first events, and counts"
            f" from {time_text(found.provisional_from_ms)} on"
        )
    elif not found.has_baseline:
        why = found.problem or "the log is too short"
        note(
            f"{name}: no baseline was given, and none could be learned ({why}): nothing is said"
            " about drift. Give one with --baseline FILE"
        )
    if found.open_windows:
        note(f"{name}: {count_text(found.open_windows)} windows had not ended when the log did")


def _show_versions(outcome: Outcome) -> None:
    shown = table("Model", "Version", "From (UTC)", "To", "Windows", "Decisions", "Drifted")
    shown.add_column("False alarms expected", justify="right")
    for (model, version), found in outcome.versions.items():
        windows = ", ".join(f"{count_text(n)} × {name}" for name, n in found.windows.items())
        shown.add_row(
            model,
            version,
            time_text(found.first_ms),
            time_text(found.last_ms),
            windows or "–",
            count_text(found.decisions),
            count_text(found.drifted),
            f"{found.expected_false:.2g}" if found.decisions else "–",
        )
    out = console()
    accepted, consumed = outcome.books.get("accepted", 0), outcome.books.get("consumed", 0)
    of = "" if accepted == consumed else f" of {count_text(consumed)}"
    out.print(f"{count_text(accepted)}{of} events counted")
    out.print(shown)


def _show_timeline(alerts: list[AlertEvent]) -> None:
    out = console()
    if not alerts:
        out.print("[green]Nothing would have alerted.[/]")
        return
    shown = table("When (UTC)", "Status", "Severity", "Rule", "Value", "Limit", "What")
    for alert in alerts[:ALERTS_SHOWN_MAX]:
        status = "green" if alert.status is Status.RESOLVED else COLORS[alert.severity]
        shown.add_row(
            time_text(told_at_ms(alert)),
            f"[{status}]{alert.status.value}[/]",
            alert.severity.value,
            escape(alert.rule),
            _number(alert.value),
            _number(alert.threshold),
            escape(clean(alert.summary)),
        )
    out.print(shown)
    if len(alerts) > ALERTS_SHOWN_MAX:
        out.print(f"and {count_text(len(alerts) - ALERTS_SHOWN_MAX)} more: --json lists all")


def _number(value: float | None) -> str:
    return "–" if value is None else amount("", value)


def _show_rules(outcome: Outcome, rules: tuple[Rule, ...]) -> None:
    shown = table("Rule", "Fired", "Resolved", "Time firing", right=("Fired", "Resolved"))
    for rule in rules:
        if rule.name in CHECKS or looks_at_labels(rule):
            continue
        mine = [alert for alert in outcome.alerts if alert.rule == rule.name]
        over = [alert for alert in mine if alert.status is Status.RESOLVED]
        span_ms = sum((a.ends_at or 0) - (a.fired_at or 0) for a in over)
        shown.add_row(
            escape(rule.name),
            count_text(len(mine) - len(over)),
            count_text(len(over)),
            duration(span_ms) if over else "–",
        )
    out = console()
    out.print(shown)
    if outcome.still_firing:
        out.print(f"{count_text(outcome.still_firing)} still firing where the log ends")
    out.print(f"[dim]{escape(_not_judged(rules))}[/]")


def _not_judged(rules: tuple[Rule, ...]) -> str:
    """Say which rules are not, and why."""
    names = list(dict.fromkeys(rule.name for rule in rules if looks_at_labels(rule)))
    rest = len(names) - RULES_NAMED_MAX
    of_labels = ", ".join(names[:RULES_NAMED_MAX]) + (f" and {rest} more" if rest > 0 else "")
    return (
        f"Not judged: {', '.join(CHECKS)}, which are about the running system, not a log;"
        f" {of_labels}, since the labels of a log are not joined here."
    )
