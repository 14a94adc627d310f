"""Descriptors of a column, as its baseline has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from schemas.baselines import FeatureBaseline
from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.descriptors.embedding import EMBEDDING_DESCRIPTORS, Frame, describe_embeddings
from stream.descriptors.sets import SET_DESCRIPTORS, describe_sets
from stream.descriptors.text import TEXT_DESCRIPTORS, describe_texts

DESCRIPTORS = {
    FeatureKind.TEXT: TEXT_DESCRIPTORS,
    FeatureKind.EMBEDDING: EMBEDDING_DESCRIPTORS,
    FeatureKind.SET: SET_DESCRIPTORS,
}
"""Names of the descriptors of each kind, sorted."""


@dataclass(frozen=True, slots=True)
class Describer:
    """Makes numbers of a column's values.

    Attributes
    ----------
    names : k descriptors, sorted: those that the baseline has a reference of
    describe : values to the descriptors of the kind
    rows : (k,) which of those they are
    """

    names: tuple[str, ...]
    describe: Callable[[Sequence[Any]], FloatArray]
    rows: tuple[int, ...]

    def matrix(self, values: Sequence[Any]) -> FloatArray:
        """Describe n values.

        Parameters
        ----------
        values : n JSON values

        Returns
        -------
        (k, n) in the order of `names`; NaN where missing, infinite (`MISMATCH`) where the value is
        of another type.
        """
        described = self.describe(values)
        if len(self.rows) == len(described):
            return described
        return described[list(self.rows)]


def compile_describer(reference: FeatureBaseline) -> Describer:
    """Compile the descriptors of a baseline's column of kind text, embedding or set.

    Raises
    ------
    ValueError
        For a column of another kind, which has no descriptors.

    Examples
    --------
    >>> number = FeatureBaseline(kind="numeric", edges=(0.0, 9.0))
    >>> describer = compile_describer(
    ...     FeatureBaseline(kind=FeatureKind.TEXT, descriptors={"words": number, "length": number})
    ... )
    >>> describer.names, describer.matrix(["good day", None]).tolist()
    (('length', 'words'), [[8.0, nan], [2.0, nan]])
    """
    if reference.kind not in DESCRIPTORS:
        raise ValueError(f"a column of kind {reference.kind} has no descriptors")
    known = frozenset(reference.vocabulary)
    describe: Callable[[Sequence[Any]], FloatArray]
    if reference.kind is FeatureKind.TEXT:
        describe = partial(describe_texts, vocabulary=known)
    elif reference.kind is FeatureKind.SET:
        describe = partial(describe_sets, vocabulary=known, known_max=len(known))
    else:
        frame = Frame.of(reference.centroid, reference.scale_exponent)
        describe = partial(describe_embeddings, frame=frame)
    possible = DESCRIPTORS[reference.kind]
    names = tuple(sorted(reference.descriptors))
    rows = tuple(possible.index(name) for name in names)
    return Describer(names, describe, rows)
