"""Segments: parts of a model's traffic, by the value of a feature or of a tag.

Which values have a segment of their own is part of the activated plan, so that every process and
every replay splits alike; whatever else comes, or is missing, is the segment ``other``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.baselines import Baseline, FeatureBaseline
from schemas.features import FeatureKind
from stream.sketches.grid import category_codes

SEGMENTS_MAX = 50
"""Segments of a model version: the contract's bound."""
VALUES_MAX = 20
"""Values of one name that have segments of their own."""
AUTO_VALUES_MAX = 8
"""`auto` splits by columns of at most so many categories."""
TAG = "tags."
OTHER = "other"
AUTO: Literal["auto"] = "auto"
_CLASS_KINDS = (FeatureKind.CATEGORICAL, FeatureKind.BOOLEAN, FeatureKind.CONSTANT)
_AUTO_KINDS = (FeatureKind.CATEGORICAL, FeatureKind.BOOLEAN)


@dataclass(frozen=True, slots=True)
class SegmentColumn:
    """A feature or a tag that splits the traffic; ``codes`` maps a JSON value to its segment.

    ``names`` are the segments by code; the last one is `other`.
    """

    name: str
    codes: Mapping[Any, int]
    names: tuple[str, ...]

    @property
    def tag(self) -> str | None:
        """Name of the tag; None where it is a feature."""
        return self.name.removeprefix(TAG) if self.name.startswith(TAG) else None

    def members(self, values: Sequence[Any]) -> list[tuple[str, list[int]]]:
        """Positions of the values of each segment that occurs."""
        found: dict[int, list[int]] = {}
        for i, code in enumerate(self.codes_of(values)):
            found.setdefault(code, []).append(i)
        return [(self.names[code], found[code]) for code in sorted(found)]

    def codes_of(self, values: Sequence[Any]) -> list[int]:
        """Segment of each value, by its place among the names."""
        other = len(self.names) - 1
        return [
            other if isinstance(value, list | dict) else self.codes.get(value, other)
            for value in values
        ]


def compile_segments(values: Mapping[str, Sequence[str]]) -> tuple[SegmentColumn, ...]:
    """Compile the segments of a plan: values by name."""
    return tuple(
        SegmentColumn(
            name,
            category_codes(list(values[name])),
            tuple(segment_name(name, value) for value in [*values[name], OTHER]),
        )
        for name in sorted(values)
    )


def resolve_segments(
    configured: Literal["auto"] | Sequence[str],
    baseline: Baseline | None,
    observed_tags: Mapping[str, Mapping[str, int]],
) -> dict[str, tuple[str, ...]]:
    """Choose the values that have segments of their own, by name.

    Parameters
    ----------
    configured : names, tags as ``tags.<name>``; or `auto`, the baseline's columns of 2 to 8 classes
    baseline : tells the frequent values of features
    observed_tags : how often each value of a tag came, by tag

    Returns
    -------
    Values by name, most frequent first, so many that all segments are at most `SEGMENTS_MAX`. A
    name without any known value is left out: it splits nothing yet.
    """
    frequent = frequent_values(configured, baseline, observed_tags)
    if not frequent:
        return {}
    each = max(1, min(VALUES_MAX, SEGMENTS_MAX // len(frequent) - 1))
    chosen = list(frequent.items())[: SEGMENTS_MAX // (each + 1)]
    return {name: values[:each] for name, values in chosen}


def frequent_values(
    configured: Literal["auto"] | Sequence[str],
    baseline: Baseline | None,
    observed_tags: Mapping[str, Mapping[str, int]],
) -> dict[str, tuple[str, ...]]:
    """Find the most frequent values by which traffic can be split, at most 20 of a name.

    Parameters and order are those of :func:`resolve_segments`, which chooses among them.
    """
    frequent = {}
    for name in _auto(baseline) if configured == AUTO else configured:
        if name.startswith(TAG):
            values = _by_count(observed_tags.get(name.removeprefix(TAG), {}))
        else:
            feature = None if baseline is None else baseline.features.get(name)
            values = [] if feature is None else _by_count(_counts(feature))
        if values:
            frequent[name] = tuple(values[:VALUES_MAX])
    return frequent


def _auto(baseline: Baseline | None) -> list[str]:
    if baseline is None:
        return []
    sizes = {
        name: len(_counts(feature))
        for name, feature in baseline.features.items()
        if feature.kind in _AUTO_KINDS
    }
    return sorted(name for name, size in sizes.items() if 1 < size <= AUTO_VALUES_MAX)


def _counts(feature: FeatureBaseline) -> dict[str, int]:
    """Rows of the baseline by value, of a column of classes."""
    if feature.kind not in _CLASS_KINDS or feature.edges:
        return {}
    return dict(zip(feature.categories, feature.counts, strict=False))


def _by_count(counts: Mapping[str, int]) -> list[str]:
    return sorted((name for name in counts if counts[name]), key=lambda name: (-counts[name], name))


def segment_name(name: str, value: str) -> str:
    """Name of a segment: ``country=FR``."""
    return f"{name}={value}"


def split_name(segment: str) -> str:
    """Name by whose values a segment is split: `country` of ``country=FR``."""
    return segment.partition("=")[0]
