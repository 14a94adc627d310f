"""What an examination finds."""

import msgspec
from msgspec import UNSET, UnsetType

from stream.state.join import JoinFigures


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes
    ----------
    name
        What, such as `redis.persistence`.
    ok
        False is trouble. True with a hint is a warning.
    detail
        What was found.
    hint
        What to do; None where nothing needs to be done.
    """

    name: str
    ok: bool
    detail: str
    hint: str | None = None

    @property
    def is_warning(self) -> bool:
        """Whether it works but should be better."""
        return self.ok and self.hint is not None


class Book(msgspec.Struct, frozen=True):
    """What became of the events of one partition: consumed = the sum of the others."""

    topic: str
    partition: int
    consumed: int
    accepted: int
    late: int
    rejected: int
    empty: int

    @property
    def balances(self) -> bool:
        """Whether every event is accounted for."""
        return self.consumed == self.accepted + self.late + self.rejected + self.empty


class Diagnosis(msgspec.Struct, frozen=True):
    """What was found.

    Attributes
    ----------
    ok
        Whether no check is trouble.
    checks
        All of them.
    books
        Of each partition.
    labels
        Of the label join; absent where Redis could not be asked.
    """

    ok: bool
    checks: list[Check]
    books: list[Book]
    labels: JoinFigures | UnsetType = UNSET


def fine(name: str, detail: str) -> Check:
    """Return a check that found all well."""
    return Check(name, True, detail)


def warning(name: str, detail: str, hint: str) -> Check:
    """Return a check that found something that should be better."""
    return Check(name, True, detail, hint)


def trouble(name: str, detail: str, hint: str) -> Check:
    """Return a check that found what must not be."""
    return Check(name, False, detail, hint)
