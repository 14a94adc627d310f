"""What kind of feature a column is."""

import re

import numpy as np

from schemas.features import FeatureKind
from stream.baseline.columns import Classes, Column, Numbers, Sets
from stream.baseline.errors import BaselineError

VALUES_MAX = 32
"""Whole numbers of at most so many values are discrete, and classes where they are predictions:
months, ratings and days of a month are, ages and amounts are not."""
ROWS_PER_VALUE_MIN = 5
"""Rows that a value of a discrete column has in the mean: fewer are not tested by themselves
(`stream.stats.drift.pooling`), and tell little about what the column could hold."""
STRINGS_MIN = 50
"""Strings of fewer values are categories, however they look: few rows have few values."""
TEXT_DISTINCT_SHARE = 0.5
"""Texts are different in most rows."""
TEXT_WORDS_MIN = 2.0
"""Mean number of words from which on a string is a text; ids have one."""
ID_DISTINCT_SHARE = 0.95
"""Ids hardly repeat; what a window repeats of them says nothing."""
_LOOKED_AT = 1000
"""Values whose words are counted."""

_NUMBERS = (FeatureKind.NUMERIC, FeatureKind.DISCRETE)
_CLASSES = (FeatureKind.CATEGORICAL, FeatureKind.BOOLEAN)
_POSSIBLE = {
    Numbers: (*_NUMBERS, *_CLASSES, FeatureKind.ID),
    Classes: (*_CLASSES, FeatureKind.TEXT, FeatureKind.ID),
    Sets: (FeatureKind.SET,),
}
# A word has a letter in it: a time of day is none.
_letter = re.compile(r"[^\W\d_]").search


def kind_of(name: str, column: Column, given: FeatureKind | None = None) -> FeatureKind:
    """Tell the kind of a feature.

    Parameters
    ----------
    name : of the column, for errors
    column : its values
    given : the kind it is said to be; None infers it

    Raises
    ------
    BaselineError
        When the values can't be of the given kind.

    Notes
    -----
    *Numbers* of a single value are constant; whole ones of at most 32 values, each in five rows
    in the mean, are discrete; the others are numeric. *Booleans* are boolean, or constant.
    *Strings* of a single value are constant. Of 50 values and more they are texts where most rows
    differ and have two words in the mean, and ids where nearly all differ and have one; else, and
    where there are fewer values, they are categorical. *Arrays* of numbers are embeddings, arrays
    of strings sets.

    Examples
    --------
    >>> kind_of("stars", Numbers(np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 20)))
    <FeatureKind.DISCRETE: 'discrete'>
    """
    if given is None:
        return _inferred(column)
    if given is FeatureKind.CONSTANT:
        if _distinct(column) != 1:
            raise BaselineError(
                f"column `{name}` holds several values, so it can't be constant: give it another "
                "kind or ignore it"
            )
        return given
    possible = _POSSIBLE.get(type(column), (FeatureKind.EMBEDDING,))
    if isinstance(column, Classes) and column.boolean:
        possible = _CLASSES
    if given not in possible:
        raise BaselineError(
            f"column `{name}` holds {_held(column)}, so it can't be {given}: make it "
            f"{' or '.join(possible)}, or ignore it"
        )
    if given is FeatureKind.DISCRETE and (values := _distinct(column)) > VALUES_MAX:
        raise BaselineError(
            f"column `{name}` holds {values} different numbers, so it can't be discrete, which "
            f"has at most {VALUES_MAX}: make it numeric"
        )
    if given is FeatureKind.ID and isinstance(column, Numbers) and not _whole(column):
        raise BaselineError(
            f"column `{name}` holds fractions, so it can't be id, which is a string or a whole "
            "number: make it numeric"
        )
    if given is FeatureKind.BOOLEAN and (wrong := _not_boolean(column)) is not None:
        raise BaselineError(
            f"column `{name}` holds {wrong!r}, so it can't be boolean, which has 0 and 1: make it "
            "categorical"
        )
    return given


def prediction_kind(column: Column) -> FeatureKind:
    """Infer the kind of a prediction.

    Notes
    -----
    Strings, booleans and whole numbers of at most 32 values are classes, also where there is but
    one; other numbers are a quantity. Strings that would be texts as a feature are texts; they are
    never ids.

    Examples
    --------
    >>> prediction_kind(Numbers(np.array([0.0, 1.0, 1.0])))
    <FeatureKind.CATEGORICAL: 'categorical'>
    """
    if isinstance(column, Numbers):
        few = _distinct(column) <= VALUES_MAX and _whole(column)
        return FeatureKind.CATEGORICAL if few else FeatureKind.NUMERIC
    kind = _inferred(column)
    if isinstance(column, Classes) and kind is not FeatureKind.TEXT:
        return FeatureKind.CATEGORICAL
    return kind


def _inferred(column: Column) -> FeatureKind:
    if isinstance(column, Sets):
        return FeatureKind.SET
    if not isinstance(column, Numbers | Classes):
        return FeatureKind.EMBEDDING
    distinct = _distinct(column)
    if distinct == 1:
        return FeatureKind.CONSTANT
    if isinstance(column, Numbers):
        rows = len(column.values)
        few = distinct <= VALUES_MAX and rows >= ROWS_PER_VALUE_MIN * distinct
        return FeatureKind.DISCRETE if few and _whole(column) else FeatureKind.NUMERIC
    if column.boolean:
        return FeatureKind.BOOLEAN
    return _kind_of_strings(column)


def _kind_of_strings(column: Classes) -> FeatureKind:
    distinct = len(column.names)
    share = distinct / (len(column.codes) - column.missing)
    if distinct < STRINGS_MIN or share < TEXT_DISTINCT_SHARE:
        return FeatureKind.CATEGORICAL
    looked_at = column.names[:_LOOKED_AT]
    words = sum(_letter(word) is not None for text in looked_at for word in text.split())
    if words >= TEXT_WORDS_MIN * len(looked_at):
        return FeatureKind.TEXT
    return FeatureKind.ID if share >= ID_DISTINCT_SHARE else FeatureKind.CATEGORICAL


def _distinct(column: Column) -> int:
    """How many different values; of arrays, which are not compared, none."""
    if isinstance(column, Numbers):
        return 1 + int(np.count_nonzero(np.diff(column.values)))
    if isinstance(column, Classes):
        return sum(count > 0 for count in column.counts.values())
    return 0


def _whole(column: Numbers) -> bool:
    return bool(np.all(column.values == np.rint(column.values)))


def _not_boolean(column: Column) -> str | None:
    if isinstance(column, Numbers):
        wrong = column.values[(column.values != 0) & (column.values != 1)]
        return f"{wrong[0]:g}" if len(wrong) else None
    assert isinstance(column, Classes)
    return min(set(column.names) - {"0", "1"}, default=None)


def _held(column: Column) -> str:
    if isinstance(column, Classes):
        return "booleans" if column.boolean else "strings"
    if isinstance(column, Numbers):
        return "numbers"
    return "arrays of strings" if isinstance(column, Sets) else "arrays of numbers"
