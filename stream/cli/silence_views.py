"""What commands say of silences, for people."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from rich.table import Table

from schemas.alerts import AlertEvent
from schemas.rules import SilenceConfig
from stream.alerting.silences import USUAL_LABELS, State, StoredSilence, state
from stream.cli.output import clean, escape, table, time_text

_NAMED_MAX = 5  # alerts that a sentence names before it counts the others
_COLORS = {State.ACTIVE: "green", State.PENDING: "yellow", State.EXPIRED: "dim"}


def effect(
    made: SilenceConfig, quiet: Collection[AlertEvent], active_count: int, now_ms: int
) -> str:
    """Say what a silence does, in words.

    Parameters
    ----------
    made : the silence
    quiet : active alerts that it is about
    active_count : how many active alerts there are
    now_ms : wall clock
    """
    begun = state(made, now_ms) is State.ACTIVE
    span = f"until {time_text(made.ends_at)} UTC"
    if not begun:
        span = f"from {time_text(made.starts_at)} UTC {span}"
    if not active_count:
        return f"no alert is active now; those that come and match stay quiet {span}"
    of = "the one active alert" if active_count == 1 else f"the {active_count} active alerts"
    if not quiet:
        return f"it matches none of {of} now; those that come and match stay quiet {span}"
    count = "" if len(quiet) == active_count else f"{len(quiet)} of "
    named = ", ".join(_name(alert) for alert in list(quiet)[:_NAMED_MAX])
    left = len(quiet) - _NAMED_MAX
    more = f" and {left} more" if left > 0 else ""
    does = "quiets" if begun else "is to quiet"
    return clean(f"{does} {count}{of} {span}: {named}{more}")


def _name(alert: AlertEvent) -> str:
    labels = " ".join(alert.labels.values())
    return f"{alert.rule} ({labels})" if labels else alert.rule


def label_hints(match: Mapping[str, str], seen: Collection[str]) -> list[str]:
    """Say which labels of a silence no alert has, and which are meant perhaps.

    Parameters
    ----------
    match : of the silence
    seen : labels of the active alerts; alerts from elsewhere have labels of their own
    """
    known = {*USUAL_LABELS, *seen}
    out = []
    for name in match:
        if name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            meant = f"did you mean {near[0]}?" if near else f"usual are {', '.join(USUAL_LABELS)}"
            out.append(f"no active alert has a label {name!r}: {meant}")
    return out


def silences_table(silences: Iterable[StoredSilence], now_ms: int) -> Table:
    """Draw silences, one a row."""
    shown = table("id", "state", "from (UTC)", "until (UTC)", "matches", "by", "comment")
    for one in silences:
        of, silence = state(one.silence, now_ms), one.silence
        by = one.authors.created_by or "–"
        if one.authors.changed_by not in {None, by}:
            by += f", changed by {one.authors.changed_by}"
        matchers = " ".join(f"{name}={value}" for name, value in silence.match.items())
        shown.add_row(
            silence.id,
            f"[{_COLORS[of]}]{of}[/]",
            time_text(silence.starts_at),
            time_text(silence.ends_at),
            *(escape(clean(text)) for text in (matchers, by, silence.comment)),
        )
    return shown
