"""Constraints on features: how many values break each.

A constraint speaks of a feature, or, where no feature has that name, of the ``prediction``, the
``probability`` or the ``prediction_confidence`` (the probability of the predicted class: the larger
of p and 1 - p, or the largest of several). Regular expressions are RE2's, whose time is linear in
the length of the string whatever the pattern.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.canonical import sha256_of
from schemas.features import FeatureConfig
from schemas.names import canonical_class

MIN, MAX, ALLOWED, NOT_NULL, REGEX = "min", "max", "allowed", "not_null", "regex"
CONFIDENCE = "prediction_confidence"
_ID_CHARACTERS = 16
_LARGEST = float(np.finfo(np.float64).max)
_REMEMBERED_MAX = 1024
_INFINITIES = (float("inf"), float("-inf"))

Check = Callable[[Sequence[Any]], int]
"""How many of these values break a constraint."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of one feature."""

    feature: str
    kind: str
    check: Check


@dataclass(frozen=True, slots=True)
class Constraints:
    """All constraints of a plan; counts of violations lie under their ``id``."""

    id: str
    checks: tuple[Constraint, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Whose values are looked at, each once."""
        return tuple(dict.fromkeys(c.feature for c in self.checks))

    def count(self, values: Mapping[str, Sequence[Any]]) -> dict[str, int]:
        """Count violations, by ``<kind>:<feature>``; those that occur.

        Parameters
        ----------
        values : JSON values by feature; None, NaN and infinities are missing
        """
        found = {f"{one.kind}:{one.feature}": one.check(values[one.feature]) for one in self.checks}
        return {name: count for name, count in found.items() if count}


def compile_constraints(features: Mapping[str, FeatureConfig]) -> Constraints | None:
    """Compile the constraints of a configuration; None where it has none.

    Raises
    ------
    ValueError
        For a regular expression that RE2 does not take.
    """
    checks = [
        Constraint(name, kind, check)
        for name in sorted(features)
        for kind, check in _checks(features[name])
    ]
    if not checks:
        return None
    content = {name: [f.min, f.max, f.allowed, f.not_null, f.regex] for name, f in features.items()}
    return Constraints(sha256_of(content)[:_ID_CHARACTERS], tuple(checks))


def check_regex(pattern: str) -> None:
    """Refuse a pattern that RE2 does not take.

    Raises
    ------
    ValueError
        With what RE2 says about it.
    """
    for tried in (pattern, _whole(pattern)):  # `a)(b` is none, `\Qa` is none inside of another
        try:
            pc.match_substring_regex(pa.array([""]), tried)
        except pa.ArrowInvalid as error:
            raise ValueError(f"regex {pattern!r}: {error}") from error


def _whole(pattern: str) -> str:
    """Pattern of a string that matches from start to end."""
    return f"^(?:{pattern})$"


def _checks(feature: FeatureConfig) -> list[tuple[str, Check]]:
    out: list[tuple[str, Check]] = []
    if feature.min is not None:
        low = feature.min
        out.append((MIN, lambda values: int(np.count_nonzero(_numbers(values) < low))))
    if feature.max is not None:
        high = feature.max
        out.append((MAX, lambda values: int(np.count_nonzero(_numbers(values) > high))))
    if feature.allowed is not None:
        out.append((ALLOWED, _not_among(frozenset(map(canonical_class, feature.allowed)))))
    if feature.not_null:
        out.append((NOT_NULL, lambda values: sum(map(_is_missing, values))))
    if feature.regex is not None:
        out.append((REGEX, _unlike(feature.regex)))
    return out


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124  # NaN alone differs from itself


def _numbers(values: Sequence[Any]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Numbers among the values; a value of another type is a mismatch and breaks nothing else."""
    return np.array([float(v) for v in values if type(v) in (int, float) and abs(v) <= _LARGEST])


def _not_among(allowed: frozenset[str]) -> Check:
    known: dict[Any, bool] = {}

    def check(values: Sequence[Any]) -> int:
        count = 0
        for value in values:
            if isinstance(value, list | dict):
                count += 1
            elif not (_is_missing(value) or value in _INFINITIES):
                good = known.get(value)
                if good is None:
                    good = canonical_class(value) in allowed
                    if len(known) < _REMEMBERED_MAX:
                        known[value] = good
                count += not good
        return count

    return check


def _unlike(pattern: str) -> Check:
    check_regex(pattern)
    whole = _whole(pattern)

    def check(values: Sequence[Any]) -> int:
        texts = [value for value in values if isinstance(value, str)]
        if not texts:
            return 0
        matched = pc.match_substring_regex(pa.array(texts, pa.large_string()), whole)
        return len(texts) - int(pc.sum(matched).as_py() or 0)

    return check
