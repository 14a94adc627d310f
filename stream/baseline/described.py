"""Columns without an order or categories: whether a value is there, and numbers that describe it.

A reference's own rows are described as new ones will be: by the words, the items and the centre of
the *other* rows. Else every new text would have more unknown words than the reference, whose own
words are all known, and that would be taken for drift.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.columns import Classes, Column, Numbers, Sets, Vectors
from stream.baseline.features import bounded, check_magnitude, most_frequent_first
from stream.descriptors.compute import DESCRIPTORS
from stream.descriptors.embedding import Frame, as_components, component_exponent
from stream.descriptors.sets import describe_sets
from stream.descriptors.text import describe_texts, words_of

VOCABULARY_MAX = 4096
"""Words or items that are known, the most frequent first, and at most 64 KiB of them: the 1,000
most frequent lemmas make three quarters of English text, 7,000 make 90 % (Oxford Corpus)."""


@dataclass(frozen=True, slots=True)
class Described:
    """A column and its descriptors.

    Attributes
    ----------
    reference : kind, presence row (`counts`: present, mismatched, missing) and what the descriptors
        are computed with
    columns : the descriptors' values by name; those that have no value at all are not there
    """

    reference: FeatureBaseline
    columns: Mapping[str, Numbers]


def describe_column(name: str, column: Column, kind: FeatureKind) -> Described:
    """Describe a reference column.

    Parameters
    ----------
    name : of the column, for errors
    column : its values, of a type that can be of the kind
    kind : text, embedding, set or id; ids have no descriptors

    Raises
    ------
    BaselineError
        For embeddings with numbers beyond 1e150.

    Examples
    --------
    >>> column = Sets([["a", "b"], ["a"], None])
    >>> tags = describe_column("tags", column, FeatureKind.SET)
    >>> tags.reference.counts, tags.reference.vocabulary
    ((2, 0, 1), ('a', 'b'))
    >>> tags.columns["unseen_share"].ordered.tolist()
    [0.5, 0.0, nan]
    """
    if kind is FeatureKind.ID:
        assert isinstance(column, Classes | Numbers)
        rows = len(column.codes if isinstance(column, Classes) else column.ordered)
        return Described(_presence(kind, rows, column.missing), {})
    if isinstance(column, Vectors):
        return _described_vectors(name, column)
    if isinstance(column, Sets):
        return _described_sets(column)
    assert isinstance(column, Classes)
    return _described_texts(column)


def _presence(
    kind: FeatureKind,
    rows: int,
    missing: int,
    *,
    vocabulary: Iterable[str] = (),
    centroid: Iterable[float] = (),
    scale_exponent: int = 0,
) -> FeatureBaseline:
    return FeatureBaseline(
        kind=kind,
        missing_count=missing,
        counts=(rows - missing, 0, missing),
        vocabulary=tuple(vocabulary),
        centroid=tuple(centroid),
        scale_exponent=scale_exponent,
    )


def _columns(kind: FeatureKind, described: FloatArray) -> dict[str, Numbers]:
    return {
        name: Numbers(values)
        for name, values in zip(DESCRIPTORS[kind], described, strict=True)
        if not np.isnan(values).all()
    }


def _described_texts(column: Classes) -> Described:
    rows_with: Counter[str] = Counter()
    for text, count in column.counts.items():
        for word in set(words_of(text)):
            rows_with[word] += count
    vocabulary = bounded(most_frequent_first(rows_with), VOCABULARY_MAX)
    of_names = describe_texts(column.names, _known_to_others(vocabulary, rows_with))
    described = of_names[:, column.codes]
    described[:, column.codes < 0] = np.nan
    reference = _presence(
        FeatureKind.TEXT, len(column.codes), column.missing, vocabulary=sorted(vocabulary)
    )
    return Described(reference, _columns(FeatureKind.TEXT, described))


def _described_sets(column: Sets) -> Described:
    rows_with: Counter[str] = Counter()
    for value in column.values:
        rows_with.update(set(value or ()))
    vocabulary = bounded(most_frequent_first(rows_with), VOCABULARY_MAX)
    known = _known_to_others(vocabulary, rows_with)
    described = describe_sets(column.values, known, len(vocabulary))
    missing = sum(value is None for value in column.values)
    reference = _presence(
        FeatureKind.SET, len(column.values), missing, vocabulary=sorted(vocabulary)
    )
    return Described(reference, _columns(FeatureKind.SET, described))


def _known_to_others(vocabulary: Iterable[str], rows_with: Mapping[str, int]) -> frozenset[str]:
    """What a row would know if it were not part of the reference: it takes another one to know."""
    return frozenset(word for word in vocabulary if rows_with[word] > 1)


def _described_vectors(name: str, column: Vectors) -> Described:
    matrix, places = column.matrix, column.places
    largest = max(float(matrix.max()), -float(matrix.min()))
    check_magnitude(name, largest)
    exponent = component_exponent(largest)
    block = Frame.of([0.0] * matrix.shape[1], exponent).block
    parts = [slice(first, first + block) for first in range(0, len(matrix), block)]
    total = np.zeros(matrix.shape[1])
    for part in parts:
        total += as_components(matrix[part].astype(np.float64), exponent).sum(axis=0)
    centroid: FloatArray = np.rint(total / len(matrix)) * 2.0**exponent
    frame = Frame.of(centroid.tolist(), exponent)
    described = np.full((len(DESCRIPTORS[FeatureKind.EMBEDDING]), column.rows), np.nan)
    for part in parts:
        described[:, places[part]] = frame.describe(
            matrix[part].astype(np.float64), rows=len(matrix)
        )
    reference = _presence(
        FeatureKind.EMBEDDING,
        column.rows,
        column.rows - len(places),
        centroid=centroid.tolist(),
        scale_exponent=exponent,
    )
    return Described(reference, _columns(FeatureKind.EMBEDDING, described))
