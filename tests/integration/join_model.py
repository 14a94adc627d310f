"""What labels make of predictions, told plainly: the expectation of the join's tests.

It imports nothing of the project. A list of predictions and a list of labels go in, in no order;
out comes what each label pane must hold.
"""

import contextlib
import hashlib
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

HOUR_MS = 3_600_000
KEPT_OF_A_KIND, KEPT = 8, 32
METRICS_OF_A_LABEL = 16
SUMMED_MAX = 2.0**976
DOUBLE_MAX = 2**1024


@dataclass(frozen=True)
class Prediction:
    """One answer, and where it lies in the log; ``append_s`` is in seconds."""

    model: str
    version: str
    id: str
    time_ms: int
    append_s: int
    place: tuple[int, int, int]
    value: Any
    probability: Any = None
    country: str | None = None


@dataclass(frozen=True)
class Label:
    """One label; ``model`` and ``version`` are None where it is about any."""

    id: str
    time_ms: int
    append_s: int
    place: tuple[str, int, int, int]
    value: Any = None
    metrics: Mapping[str, float] | None = None
    model: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Terms:
    """How a model version's labels count.

    ``mode`` is `class`, `number`, `ranking` or None, where each prediction's type decides.
    """

    mode: str | None = None
    positive: str = "1"
    edges: tuple[float, ...] = ()
    target_edges: tuple[float, ...] | None = None
    countries: tuple[str, ...] = ()
    horizon_s: int = 7200
    absent: Any = None
    absent_after_s: int = 0
    pane_ms: int = HOUR_MS


@dataclass
class Counts:
    """What a pane holds; sums as all their values."""

    registered: int = 0
    labelled: int = 0
    corrected: int = 0
    unusable: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    sums: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    magnitudes: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    targets: Counter[int] = field(default_factory=Counter)
    delays: Counter[int] = field(default_factory=Counter)
    segments: dict[str, "Counts"] = field(default_factory=dict)


Panes = dict[tuple[str, str, int], Counts]
"""By model, version and start."""


def joined(
    predictions: Iterable[Prediction],
    labels: Sequence[Label],
    terms: Mapping[tuple[str, str], Terms],
) -> Panes:
    """Count everything, when all time is over."""
    earliest: dict[tuple[str, str, str], Prediction] = {}
    for one in predictions:
        of = terms[one.model, one.version]
        if form(one, of) is None:
            continue
        key = (one.model, one.version, one.id)
        other = earliest.get(key)
        if other is None or (one.time_ms, one.place) < (other.time_ms, other.place):
            earliest[key] = one
    by_id: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        by_id[label.id].append(label)
    panes: Panes = {}
    for one in earliest.values():
        of = terms[one.model, one.version]
        start_ms = one.time_ms // of.pane_ms * of.pane_ms
        pane = panes.setdefault((one.model, one.version, start_ms), Counts())
        parts = [pane]
        if of.countries:
            name = one.country if one.country in of.countries else "other"
            parts.append(pane.segments.setdefault(f"tags.country={name}", Counts()))
        mine = [label for label in kept(by_id[one.id]) if applies(label, one, of)]
        for part in parts:
            count(part, one, of, mine, all_traffic=part is pane)
    return panes


def kept(labels: Iterable[Label]) -> list[Label]:
    """The last labels of a request: of each kind eight, of all kinds 32."""
    kinds: dict[Any, list[Label]] = defaultdict(list)
    unique = {(one.time_ms, one.place): one for one in labels}
    for at in sorted(unique):
        one = unique[at]
        metrics = tuple(name for name, _ in figures(one))
        kind = (one.model, one.version, one.value is None, metrics)
        kinds[kind].append(one)
    survivors = [one for of_kind in kinds.values() for one in of_kind[-KEPT_OF_A_KIND:]]
    return sorted(survivors, key=lambda one: (one.time_ms, one.place))[-KEPT:]


def applies(label: Label, one: Prediction, of: Terms) -> bool:
    return (
        abs(label.append_s - one.append_s) <= of.horizon_s
        and label.model in (None, one.model)
        and label.version in (None, one.version)
    )


def figures(label: Label) -> list[tuple[str, float]]:
    """The figures of a label that are taken."""
    good = [
        (name, value)
        for name, value in (label.metrics or {}).items()
        if math.isfinite(value) and 0 < len(name.encode()) <= 128
    ]
    return good[:METRICS_OF_A_LABEL]


def text(value: Any) -> str:
    """Name of a class."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, float) and value == int(value):
        value = int(value)
    name = value if isinstance(value, str) else repr(value)
    if not isinstance(value, str) and len(name) > 64:
        with contextlib.suppress(OverflowError):
            name = repr(float(value))
    raw = name.replace("\x1f", " ").encode()
    if len(raw) <= 64:
        return raw.decode()
    return raw[:56].decode("utf-8", "ignore") + hashlib.sha256(raw).hexdigest()[:8]


def form(one: Prediction, of: Terms) -> str | None:
    """How a prediction is compared with labels; None where it isn't."""
    value = one.value
    if isinstance(value, list):
        numbers = any(isinstance(item, float) and item % 1 for item in value)
        return "ranking" if of.mode in (None, "ranking") and not numbers else None
    number = (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < DOUBLE_MAX
    )
    if of.mode == "ranking":
        return None
    if of.mode == "number":
        return "number" if number else None
    return "auto" if of.mode is None and number and one.probability is None else "class"


def told(value: Any, mode: str) -> Any:
    """What of a label's value makes a difference."""
    if isinstance(value, list | dict):
        return ("ranking", tuple(sorted(relevant(value).items())))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (text(value), is_number and mode != "class")


def relevant(value: Any) -> dict[int, float]:
    """Relevance by the hash of an item."""
    pairs = value.items() if isinstance(value, dict) else [(item, 1.0) for item in value]
    good = {
        zlib.crc32(text_of_item(item).encode()): float(by)
        for item, by in pairs
        if by is not None and by > 0
    }
    best = sorted(good.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(best[:1000])


def text_of_item(item: Any) -> str:
    if isinstance(item, float) and item == int(item):
        item = int(item)
    return item if isinstance(item, str) else repr(item)


def count(
    into: Counts, one: Prediction, of: Terms, labels: Sequence[Label], *, all_traffic: bool
) -> None:
    """Count a prediction and the labels that apply to it, in their order."""
    into.registered += 1
    mode = form(one, of)
    assert mode is not None
    sequence: list[Any] = [label.value for label in labels if label.value is not None]
    if of.absent is not None:
        due_s = one.append_s + min(of.absent_after_s, of.horizon_s)
        if not any(label.value is not None and label.append_s <= due_s for label in labels):
            sequence.insert(0, of.absent)
    steps = [told(value, mode) for value in sequence]
    into.corrected += sum(a != b for a, b in pairwise(steps))
    last_figures: dict[str, float] = {}
    for label in labels:
        for name, figure in figures(label):
            into.corrected += last_figures.get(name) != figure
            last_figures[name] = figure
    if all_traffic:
        for name, figure in last_figures.items():
            if abs(figure) < SUMMED_MAX:
                into.sums[f"metric.{name}"].append(figure)
                into.magnitudes[name][magnitude_cell(figure)] += 1
    first = next((label for label in labels if label.value is not None), None)
    if first is not None:
        delay_ms = max(1, first.time_ms - one.time_ms)
        octave = delay_ms.bit_length() - 1
        into.delays[8 * octave + (delay_ms - 2**octave) * 8 // 2**octave] += 1
    if sequence:
        into.labelled += 1
        count_value(into, one, of, mode, sequence[-1])


def count_value(into: Counts, one: Prediction, of: Terms, mode: str, value: Any) -> None:
    if isinstance(value, list | dict) != (mode == "ranking"):
        into.unusable += 1
    elif mode == "ranking":
        count_ranking(into, one.value, relevant(value))
    elif mode == "class":
        into.pairs[text(one.value), text(value)] += 1
        count_probability(into, one, of, text(value))
    else:
        count_number(into, one.value, of, mode, value)


def count_probability(into: Counts, one: Prediction, of: Terms, actual: str) -> None:
    if one.probability is None:
        return
    if isinstance(one.probability, dict):
        named = {name: p for name, p in one.probability.items() if p is not None}
        if len(named) <= 2 and of.positive in named:
            named = {of.positive: named[of.positive]}
            binary = True
        else:
            binary = False
            if not named or len(named) > 16 or any(text(name) != name for name in named):
                return
    else:
        named, binary = {of.positive: one.probability}, True
    given, squares = 0.0, 0.0
    for name, p in named.items():
        hit = text(name) == actual
        cell = sum(edge < p for edge in of.edges)
        into.scores[text(name)][cell + hit * (len(of.edges) + 1)] += 1
        squares += (p - hit) * (p - hit)
        if hit:
            given = p
        elif binary:
            given = 1 - p
    given = min(max(given, 2.0**-52), 1 - 2.0**-52)
    into.sums["log_loss"].append(-math.log(given))
    if squares < SUMMED_MAX:
        into.sums["brier"].append(squares)


def count_number(into: Counts, value: float, of: Terms, mode: str, label: Any) -> None:
    target = None
    if isinstance(label, int | float) and not isinstance(label, bool):
        target = float(text(label)) if is_number_text(text(label)) else None
    said = float(value)

    def whole(x: float) -> bool:
        return x == math.floor(x) and abs(x) <= 2**53

    if mode == "auto" and whole(said) and (target is None or whole(target)):
        into.pairs[str(int(said)), text(label)] += 1
    if target is None:
        into.unusable += mode == "number"
        return
    for name, figure in (("error", said - target), ("target", target)):
        if abs(figure) < SUMMED_MAX:
            into.sums[name].append(figure)
    if target != 0 and abs((said - target) / target) < SUMMED_MAX:
        into.sums["relative"].append(abs((said - target) / target))
    if of.target_edges is not None:
        into.targets[sum(edge < target for edge in of.target_edges)] += 1


def is_number_text(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def count_ranking(into: Counts, items: Sequence[Any], relevance: Mapping[int, float]) -> None:
    ideal = sorted(relevance.values(), reverse=True)[:10]
    best = sum(by / math.log2(rank + 1) for rank, by in enumerate(ideal, 1))
    left = dict(relevance)
    gained, first = 0.0, None
    for rank, item in enumerate(items[:1000], 1):
        by = left.pop(zlib.crc32(text_of_item(item).encode()), None)
        if by is None:
            continue
        first = first or rank
        if rank <= 10:
            gained += by / math.log2(rank + 1)
    if best > 0 and math.isfinite(best):
        into.sums["ndcg"].append(gained / best)
    into.sums["reciprocal_rank"].append(1 / first if first else 0.0)
    into.sums["hit"].append(float(first is not None and first <= 10))


def magnitude_cell(value: float) -> int:
    """Cell of a figure: 32 for each power of two, zero in the middle."""
    if abs(value) < 2.0**-32:
        return 3072
    mantissa, exponent = math.frexp(abs(value))
    step = min(32 * (exponent - 1) + math.floor(32 * math.log2(2 * mantissa)), 2047)
    return 4097 + step if value > 0 else 2047 - step
