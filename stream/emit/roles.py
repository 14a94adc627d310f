"""Which column of a file is what: roles, features, and columns left out."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.names import NAME_PATTERN

ROLES = ("id", "timestamp", "prediction", "probability", "label")
"""What a column can be beside a feature; a column of such a name has that role by itself."""

EVENT_ROLES = (*ROLES, "latency_ms", "error")
"""Roles that only events have; these two need a ``--map``, for they may be features."""

NAMED_ROLES = {"request_id": "id"}
"""Names that stand for a role beside the role's own, of columns and in a ``--map``."""

# pandas writes its row numbers under names like this one.
_INDEX = re.compile(r"__index_level_\d+__")


class MappingError(ValueError):
    """The columns can't be used as asked; the message says which and what would do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What each column is.

    Attributes
    ----------
    roles
        Role to column.
    features
        All other columns, in the file's order.
    ignored
        Columns left out, in the file's order.
    """

    roles: Mapping[str, str]
    features: tuple[str, ...] = ()
    ignored: tuple[str, ...] = field(default=())

    def sentence(self) -> str:
        """Say which column is what, for a person."""
        said = [f"{role} from {column}" for role, column in self.roles.items()]
        said.append(f"{len(self.features)} features")
        if self.ignored:
            said.append(f"without {', '.join(self.ignored)}")
        return ", ".join(said)


def parse_map(given: Iterable[str], roles: Sequence[str] = EVENT_ROLES) -> dict[str, str]:
    """Read ``role=column`` pairs.

    Raises
    ------
    MappingError
        For a pair that is none, an unknown role, or one that is given twice.

    Examples
    --------
    >>> parse_map(["prediction=y_pred"])
    {'prediction': 'y_pred'}
    """
    out: dict[str, str] = {}
    for pair in given:
        role, equals, column = pair.partition("=")
        if not equals or not column:
            raise MappingError(f"--map {pair!r} is no ROLE=COLUMN, such as prediction=y_pred")
        role = NAMED_ROLES.get(role, role)
        if role not in roles:
            raise MappingError(f"--map {pair!r}: the roles are {', '.join(roles)}")
        if role in out:
            raise MappingError(f"--map gives {role} twice: {out[role]} and {column}; keep one")
        out[role] = column
    return out


def id_columns(mapped: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that may hold the ids: the one that was named, else those of such a name.

    Examples
    --------
    >>> id_columns({}), id_columns({"id": "order"})
    (('id', 'request_id'), ('order',))
    """
    return (mapped["id"],) if "id" in mapped else ("id", "request_id")


def parse_figures(given: Iterable[str]) -> dict[str, str]:
    """Read ``name=column`` pairs of ``--metric``.

    Raises
    ------
    MappingError
        For a pair that is none, or a name that is given twice.

    Examples
    --------
    >>> parse_figures(["rating=stars"])
    {'rating': 'stars'}
    """
    out: dict[str, str] = {}
    for pair in given:
        name, _, column = pair.partition("=")
        if not name or not column:
            raise MappingError(f"--metric {pair!r} is no NAME=COLUMN, such as rating=stars")
        if name in out:
            raise MappingError(f"--metric gives {name} twice: {out[name]} and {column}; keep one")
        out[name] = column
    return out


def layout_of(
    columns: Sequence[str],
    mapped: Mapping[str, str],
    ignored: Iterable[str] = (),
    roles: Sequence[str] = ROLES,
) -> Layout:
    """Decide what each column of a file is.

    Parameters
    ----------
    columns
        The file's columns, in order.
    mapped
        Role to column, as asked.
    ignored
        Columns to leave out.
    roles
        Roles that a column has by its name.

    Raises
    ------
    MappingError
        When a column that is asked for is not there, or is given two roles.
    """
    left_out = set(ignored)
    for name in [*mapped.values(), *left_out]:
        if name not in columns:
            raise MappingError(f"there is no column {name!r}: {nearest(name, columns)}")
    by_column: dict[str, str] = {}
    for role, column in mapped.items():
        if column in by_column:
            raise MappingError(f"column {column!r} is mapped to {by_column[column]} and to {role}")
        if column in left_out:
            raise MappingError(f"column {column!r} is mapped and ignored: keep one of both")
        by_column[column] = role
    for column in columns:
        role = NAMED_ROLES.get(column, column)
        free = column not in by_column and column not in left_out
        if free and role in roles and role not in by_column.values():
            by_column[column] = role
    chosen = {role: column for column, role in by_column.items()}
    skipped = [c for c in columns if c in left_out or _INDEX.fullmatch(c)]
    features = [c for c in columns if c not in by_column and c not in skipped]
    order = {role: place for place, role in enumerate(EVENT_ROLES)}
    return Layout(
        {role: chosen[role] for role in sorted(chosen, key=lambda role: order[role])},
        tuple(features),
        tuple(skipped),
    )


def check_name(what: str, name: str) -> str:
    """Return a model's or version's name, if it is one.

    Raises
    ------
    MappingError
        Otherwise.
    """
    if re.match(NAME_PATTERN, name) is None:
        raise MappingError(f"{what} {name!r}: use 1 to 128 of A-Z a-z 0-9 . _ -")
    return name


def nearest(name: str, columns: Sequence[str]) -> str:
    """Say which column may have been meant by a name that none has."""
    near = difflib.get_close_matches(name, columns, n=1)
    some = ", ".join(columns[:20])
    return f"did you mean {near[0]!r}?" if near else f"the file has {some}"
