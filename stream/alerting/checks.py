"""What no report can tell: silence, and workers that are behind. Pure.

Both are judged in append time, the broker's clock. Event times may be years old: a replay of
historic data is traffic like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from stream.alerting.evaluate import Observation, Reading
from stream.alerting.rules import Clause, Rule
from stream.alerting.wording import duration

SILENCE_FACTOR = 10
"""Times the usual gap, of the contract."""
LAG_MS_MAX = 300_000
"""5 minutes, of the contract. Where the log is not read up to here, silence can't be told."""
GAPS_MIN = 3
"""Before so many gaps were seen, nothing is usual."""
_GAPS_REMEMBERED = 16
_LABEL = "model_name"


class Usual(msgspec.Struct, frozen=True):
    """The usual gap between a model's events, as far as checks can see.

    Attributes
    ----------
    newest_ms
        Append time of the newest event.
    gap_ms
        Mean of the last gaps, the newest weighted most.
    gaps
        How many were seen.
    """

    newest_ms: int
    gap_ms: float = 0.0
    gaps: int = 0

    def seen(self, newest_ms: int, count_gap: bool = True) -> "Usual":
        """Return what is usual after the newest event was looked at again.

        Parameters
        ----------
        newest_ms : append time of the newest event now
        count_gap : False while the silence was reported as an alert: it was not usual

        Notes
        -----
        Events between two looks count as one gap, so gaps shorter than the interval of the checks
        appear as long as that; with the least silence of ten minutes it makes no difference.
        """
        gap_ms = newest_ms - self.newest_ms
        if gap_ms <= 0:
            return self
        if not count_gap:
            return Usual(newest_ms, self.gap_ms, self.gaps)
        gaps = min(self.gaps + 1, _GAPS_REMEMBERED)
        return Usual(newest_ms, self.gap_ms + (gap_ms - self.gap_ms) / gaps, gaps)


@dataclass(frozen=True, slots=True)
class Look:
    """Everything the checks look at, at one moment. Append times in ms.

    Attributes
    ----------
    now_ms : wall clock
    clocks : how far each partition was read; 0 where nothing of it was yet
    newest : of each model, the newest event that was read
    """

    now_ms: int
    clocks: Mapping[str, int]
    newest: Mapping[str, int]

    @property
    def read_until_ms(self) -> int | None:
        """Up to where all partitions were read; None where no worker has run."""
        clocks = [clock for clock in self.clocks.values() if clock]
        return min(clocks) if clocks else None


def check_traffic(rule: Rule, look: Look, model: str, usual: Usual) -> Observation | None:
    """Tell whether a model, all its versions together, has fallen silent.

    A version that another has replaced is no trouble, so versions count together.

    Returns
    -------
    Observation or None
        None where it cannot be told: too little was seen, or the log is not read up to now.
    """
    until_ms = look.read_until_ms
    if until_ms is None or look.now_ms - until_ms > LAG_MS_MAX or usual.gaps < GAPS_MIN:
        return None
    clause = rule.levels[0].clauses[0]
    silence_ms = max(0, until_ms - usual.newest_ms)
    threshold = max(clause.condition.offset, SILENCE_FACTOR * usual.gap_ms)
    holds = silence_ms > threshold
    said = f"{model} has sent no event for {duration(silence_ms)}"
    if not holds:
        said = f"{model} sends events again"
    text = f"{said} (usually one every {duration(usual.gap_ms)} or sooner)"
    reading = Reading(clause.metric, silence_ms, clause.condition, threshold)
    return _observation(rule, {_LABEL: model}, look, reading, holds, text, ())


def check_lag(rule: Rule, look: Look, namespace: str) -> Observation | None:
    """Tell whether a worker is behind; None where no worker has run.

    The alert is one for the namespace: a worker that dies leaves several partitions behind.
    """
    until_ms = look.read_until_ms
    if until_ms is None:
        return None
    clause = rule.levels[0].clauses[0]
    reading = _reading(clause, max(0, look.now_ms - until_ms))
    behind = sorted(
        (clock, name)
        for name, clock in look.clocks.items()
        if clock and _reading(clause, look.now_ms - clock).holds
    )
    text = f"the workers are {duration(reading.value)} behind"
    if behind:
        text += f" in {len(behind)} of {len(look.clocks)} partitions: figures and alerts are late"
    cause = tuple(f"partition {name}: {duration(look.now_ms - clock)}" for clock, name in behind)
    return _observation(
        rule, {"namespace": namespace}, look, reading, reading.holds, text, cause[:10]
    )


def _reading(clause: Clause, value_ms: int) -> Reading:
    return Reading(clause.metric, value_ms, clause.condition, clause.condition.threshold(0.0))


def _observation(
    rule: Rule,
    labels: Mapping[str, str],
    look: Look,
    reading: Reading,
    holds: bool,
    text: str,
    cause: tuple[str, ...],
) -> Observation:
    return Observation(
        rule=rule.name,
        labels=labels,
        at_ms=look.now_ms,
        holds=holds,
        clears=not holds,
        severity=rule.levels[0].severity,
        readings=(reading,),
        summary=text,
        cause=cause,
    )
