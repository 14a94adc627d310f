"""What an author of performance metrics sees of a window: its counts, to read.

It is kept stable, which what lies in Redis is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.models import Task
from stream.sketches.exact_sums import ExactSums
from stream.window.labelled import LabelCounts


@dataclass(frozen=True, slots=True)
class Sum:
    """A figure of requests, summed.

    Attributes
    ----------
    count : of how many requests
    total : sum
    absolute : sum of magnitudes
    squares : sum of squares
    """

    count: int
    total: float
    absolute: float
    squares: float

    @property
    def mean(self) -> float | None:
        """Mean; None of no requests."""
        return self.total / self.count if self.count else None

    @classmethod
    def of(cls, sums: ExactSums) -> "Sum":
        """Take over exact sums."""
        return cls(sums.count, sums.total, sums.absolute, sums.squares)


@dataclass(frozen=True, slots=True)
class LabelledWindow:
    """Counts of the requests of a window and their labels.

    Attributes
    ----------
    model_name, model_version : whose
    segment : such as ``country=FR``; None for all traffic
    task : what the model does
    positive_class : of a binary model
    registered : requests that wait or waited for a label
    labelled : requests that have one
    confusion : labelled requests by predicted and actual class, in this order
    sums : by name. Of probabilities: ``log_loss``, ``brier``. Of numbers: ``error`` (prediction -
        target), ``target``, ``relative`` (of the error to the target, without its sign). Of
        rankings: ``ndcg``, ``reciprocal_rank``, ``hit``. Of figures that come with labels:
        ``metric.<name>``. One of which nothing was counted is not there.

    Examples
    --------
    >>> window = LabelledWindow.of(LabelCounts(), "credit", "3", None, Task.BINARY, "1")
    >>> window.labelled, window.confusion.get(("1", "0"), 0)
    (0, 0)
    """

    model_name: str
    model_version: str
    segment: str | None
    task: Task
    positive_class: str
    registered: int
    labelled: int
    confusion: Mapping[tuple[str, str], int]
    sums: Mapping[str, Sum]

    @classmethod
    def of(
        cls,
        counts: LabelCounts,
        model_name: str,
        model_version: str,
        segment: str | None,
        task: Task,
        positive_class: str,
    ) -> "LabelledWindow":
        """Show the counts of a window, or of a segment of it."""
        return cls(
            model_name,
            model_version,
            segment,
            task,
            positive_class,
            counts.registered,
            counts.labelled,
            MappingProxyType(counts.confusion()),
            MappingProxyType({n: Sum.of(s) for n, s in sorted(counts.sums.items()) if s.count}),
        )
