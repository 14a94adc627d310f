"""Which column of a file is what."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from stream.baseline.errors import BaselineError

_NAMES = {
    "id": ("id", "request_id"),
    "timestamp": ("timestamp",),
    "prediction": ("prediction",),
    "probability": ("probability",),
    "label": ("label",),
}
"""Columns that have a role without being mapped: the names of an event's fields."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Column of each role, where there is one; the other columns are features.

    Attributes
    ----------
    features : names of the features, sorted
    """

    id: str | None
    timestamp: str | None
    prediction: str | None
    probability: str | None
    label: str | None
    features: tuple[str, ...]


def assign_roles(
    columns: Sequence[str], mapped: Mapping[str, str] | None = None, ignored: Iterable[str] = ()
) -> Roles:
    """Give every column its role.

    Parameters
    ----------
    columns : names in the file
    mapped : role to column; a role that is not there is the column's of that name, if any
    ignored : columns that are no features

    Raises
    ------
    BaselineError
        For unknown roles and columns, and for a column that is there twice.

    Examples
    --------
    >>> roles = assign_roles(["id", "age", "y", "note"], {"prediction": "y"}, ignored=["note"])
    >>> roles.id, roles.prediction, roles.features
    ('id', 'y', ('age',))
    """
    mapped = dict(mapped or {})
    ignored = set(ignored)
    if twice := sorted(name for name, times in Counter(columns).items() if times > 1):
        raise BaselineError(f"column `{twice[0]}` is there twice: rename one of them")
    for role, column in mapped.items():
        if role not in _NAMES:
            raise BaselineError(f"unknown role `{role}`: use one of {', '.join(_NAMES)}")
        _check_known(column, columns)
    for column in sorted(ignored):
        _check_known(column, columns)
    if twice := sorted(name for name, times in Counter(mapped.values()).items() if times > 1):
        raise BaselineError(f"column `{twice[0]}` has two roles: give it one")
    free = set(columns) - set(mapped.values()) - ignored
    for role, names in _NAMES.items():
        if role not in mapped and (found := [name for name in names if name in free]):
            mapped[role] = found[0]
    features = free - set(mapped.values())
    return Roles(
        id=mapped.get("id"),
        timestamp=mapped.get("timestamp"),
        prediction=mapped.get("prediction"),
        probability=mapped.get("probability"),
        label=mapped.get("label"),
        features=tuple(sorted(features)),
    )


def _check_known(column: str, columns: Sequence[str]) -> None:
    if column in columns:
        return
    near = get_close_matches(column, columns, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(columns[:20])}"
    raise BaselineError(f"there is no column `{column}`: {hint}")
