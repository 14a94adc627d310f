"""Which column of a file is what."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    class_probabilities : column of each class' probability, by class, where there is one for each:
        they are named ``<probability>.<class>``
    """

    id: str | None
    timestamp: str | None
    prediction: str | None
    probability: str | None
    label: str | None
    features: tuple[str, ...]
    class_probabilities: Mapping[str, str] = field(default_factory=dict)


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

    Notes
    -----
    The probability may be columns, of each class one: ``p.DE`` and ``p.FR`` where the role is
    mapped to ``p``, which then is no column itself. A column of objects is read as such columns.

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
    if unknown := [role for role in mapped if role not in _NAMES]:
        raise BaselineError(f"unknown role `{unknown[0]}`: use one of {', '.join(_NAMES)}")
    by_class = _class_probabilities(mapped.get("probability", "probability"), columns, ignored)
    if by_class:
        mapped.pop("probability", None)
    for column in mapped.values():
        _check_known(column, columns)
    for column in sorted(ignored):
        _check_known(column, columns)
    if twice := sorted(name for name, times in Counter(mapped.values()).items() if times > 1):
        raise BaselineError(f"column `{twice[0]}` has two roles: give it one")
    free = set(columns) - set(mapped.values()) - set(by_class.values()) - ignored
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
        class_probabilities=by_class,
    )


def _class_probabilities(name: str, columns: Sequence[str], ignored: set[str]) -> dict[str, str]:
    """Columns of classes' probabilities; none where there is a single column, or one class."""
    if name in columns:
        return {}
    prefix = f"{name}."
    found = [c for c in columns if c.startswith(prefix) and c != prefix and c not in ignored]
    by_class = {column.removeprefix(prefix): column for column in sorted(found)}
    return by_class if len(by_class) > 1 else {}


def _check_known(column: str, columns: Sequence[str]) -> None:
    if column in columns:
        return
    near = get_close_matches(column, columns, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(columns[:20])}"
    raise BaselineError(f"there is no column `{column}`: {hint}")
