"""Alerts as tables and lines."""

from collections.abc import Iterable, Mapping

from rich.table import Table

from schemas.alerts import AlertEvent, Severity, Status
from stream.alerting.incidents import ranked_causes
from stream.cli.output import clean, escape, table, time_text

COLORS = {
    Severity.INFO: "cyan",
    Severity.WARNING: "yellow",
    Severity.ERROR: "red",
    Severity.CRITICAL: "bold red",
}


def alerts_table(alerts: Iterable[AlertEvent]) -> Table:
    """Show alerts, those of one incident together, and what most likely caused it."""
    shown = table("status", "severity", "rule", "since (UTC)", "what")
    for incident in incidents(alerts).values():
        if len(incident) > 1:
            subject = incident[0].labels.get("model_name", incident[0].rule)
            head = f"[bold]{escape(clean(subject))}: {len(incident)} alerts of one incident[/]"
            causes = escape(clean("\n".join(ranked_causes(incident)[:3])))
            shown.add_row("", "", "", "", f"{head}\n{causes}")
        for alert in incident:
            words = (alert.summary, *(alert.cause if len(incident) == 1 else ()), *quiet(alert))
            shown.add_row(
                alert.status.value,
                f"[{COLORS[alert.severity]}]{alert.severity}[/]",
                escape(alert.rule),
                time_text(alert.starts_at),
                escape(clean("\n".join(words))),
            )
        shown.add_section()
    return shown


def incidents(alerts: Iterable[AlertEvent]) -> Mapping[str, list[AlertEvent]]:
    """Group alerts by incident, in the order of their oldest; what has none stands alone."""
    found: dict[str, list[AlertEvent]] = {}
    for alert in alerts:
        found.setdefault(alert.incident or alert.fingerprint, []).append(alert)
    return found


def quiet(alert: AlertEvent) -> list[str]:
    """Say why nobody is told of an alert now; nothing where somebody is."""
    words = []
    if alert.silenced_by is not None:
        words.append(f"silenced by {alert.silenced_by}")
    if alert.inhibited_by is not None:
        words.append(f"quiet, since alert {alert.inhibited_by[:12]} tells it already")
    if alert.stale:
        words.append("stale: it rests on old input, so nobody is told")
    return words


def line(alert: AlertEvent) -> str:
    """Write an event as one line."""
    at_ms = alert.ends_at or alert.fired_at or alert.starts_at
    color = "green" if alert.status is Status.RESOLVED else COLORS[alert.severity]
    head = f"{time_text(at_ms):<19} [{color}]{alert.status:<8}[/] {alert.severity:<8}"
    why = f" ({'; '.join(quiet(alert))})" if quiet(alert) else ""
    return f"{head} {escape(clean(f'{alert.rule}: {alert.summary}{why}'))}"
