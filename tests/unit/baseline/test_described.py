"""A new row of the same kind must look like the reference's own rows."""

from itertools import islice, product

import numpy as np
import pytest

from schemas.features import FeatureKind
from stream.arrays import FloatArray
from stream.baseline.columns import Classes, Sets, Vectors
from stream.baseline.described import VOCABULARY_MAX, describe_column
from stream.descriptors.embedding import Frame, describe_embeddings
from stream.descriptors.sets import describe_sets
from stream.descriptors.text import describe_texts

WORDS = ["".join(letters) for letters in islice(product("abcdefgh", repeat=4), 3000)]


def texts(rows: int, seed: int) -> list[str]:
    ranks = np.minimum(np.random.default_rng(seed).zipf(1.4, (rows, 8)), len(WORDS)) - 1
    return [" ".join(WORDS[i] for i in row) for row in ranks.tolist()]


def classes(values: list[str]) -> Classes:
    names = tuple(dict.fromkeys(values))
    place = {name: i for i, name in enumerate(names)}
    return Classes(names, np.array([place[value] for value in values]))


def test_new_texts_have_no_more_unknown_words_than_the_reference_itself() -> None:
    given = texts(800, 1)
    described = describe_column("t", classes(given), FeatureKind.TEXT)
    own = described.columns["out_of_vocabulary_share"].ordered
    vocabulary = frozenset(described.reference.vocabulary)
    new = describe_texts(texts(4000, 2), vocabulary)[2]
    error = np.hypot(own.std() / np.sqrt(800), new.std() / np.sqrt(4000))
    assert abs(own.mean() - new.mean()) < 4 * error
    # By their own words none would be unknown.
    assert describe_texts(given, vocabulary)[2].max() == 0
    assert own.mean() > 10 * error


def test_new_sets_are_as_unseen_as_the_reference_itself() -> None:
    given = [text.split() for text in texts(800, 1)]
    described = describe_column("s", Sets(given), FeatureKind.SET)
    known = frozenset(described.reference.vocabulary)
    new = describe_sets([text.split() for text in texts(4000, 2)], known, len(known))
    for name, row in (("unseen_share", new[2]), ("coverage", new[0])):
        own = described.columns[name].ordered
        error = np.hypot(own.std() / np.sqrt(800), row.std() / np.sqrt(4000))
        assert abs(own.mean() - row.mean()) < 4 * error, name


def test_new_vectors_are_as_far_as_the_reference_itself() -> None:
    rng = np.random.default_rng(3)

    def vectors(rows: int) -> FloatArray:
        return rng.normal(size=(rows, 64))

    given = vectors(300)
    column = Vectors(given, np.arange(300), 300)
    described = describe_column("e", column, FeatureKind.EMBEDDING)
    reference = described.reference
    frame = Frame.of(reference.centroid, reference.scale_exponent)
    own = described.columns["cosine_distance"].ordered
    new = describe_embeddings(vectors(4000).tolist(), frame)[0]
    error = np.hypot(own.std() / np.sqrt(300), new.std() / np.sqrt(4000))
    assert abs(own.mean() - new.mean()) < 4 * error
    # Compared with a mean they are part of, they would be nearer.
    assert describe_embeddings(given.tolist(), frame)[0].mean() < own.mean() - 4 * error


def test_the_centroid_is_the_mean() -> None:
    given = np.random.default_rng(4).normal(2.0, 1.0, (500, 8)).astype(np.float32)
    described = describe_column("e", Vectors(given, np.arange(500), 500), FeatureKind.EMBEDDING)
    assert described.reference.centroid == pytest.approx(given.mean(axis=0), abs=1e-4)


def test_the_vocabulary_is_the_most_frequent_and_bounded() -> None:
    rare = [f"r{'abcdefghij'[i % 10]}{'x' * (i // 10)}" for i in range(200)]
    given = [f"often {word}" for word in rare]
    vocabulary = describe_column("t", classes(given), FeatureKind.TEXT).reference.vocabulary
    assert "often" in vocabulary
    assert list(vocabulary) == sorted(vocabulary)
    items = [[f"i{i}", "all"] for i in range(VOCABULARY_MAX + 50)]
    vocabulary = describe_column("s", Sets(items), FeatureKind.SET).reference.vocabulary
    assert len(vocabulary) == VOCABULARY_MAX
    assert "all" in vocabulary
    long = [[f"{i}" + "x" * 5000] for i in range(100)]
    vocabulary = describe_column("s", Sets(long), FeatureKind.SET).reference.vocabulary
    assert sum(map(len, vocabulary)) <= 65_536


def test_vectors_of_zeros_have_a_length_and_no_direction() -> None:
    described = describe_column(
        "e", Vectors(np.zeros((5, 4)), np.arange(5), 6), FeatureKind.EMBEDDING
    )
    assert "cosine_distance" not in described.columns
    assert described.columns["norm"].ordered[:5].tolist() == [0.0] * 5
    assert described.reference.counts == (5, 0, 1)
