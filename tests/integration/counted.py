"""Traffic with features of every kind, and what each window must say of it.

As `checker`, it imports nothing of the project: sums over the events that were sent, in plain
Python. Which requests are in a sample follows from the documented rule alone: CRC-32 of the id,
spread by the finaliser of MurmurHash3, below the rate.
"""

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from checker import HOUR_MS, MINUTE_MS, Reports, WindowKey
from traffic import DISORDER_MS, PARTITIONS, START_MS, Message

MODEL, VERSION = "shop", "1"
SAMPLING_RATE = 0.25
SPAN_MS = 70 * MINUTE_MS
WINDOWS_MS = {"5m": 5 * MINUTE_MS, "1h": HOUR_MS}
"""Windows of the test's model, which close as often as they are long."""
COUNTRIES = ("FR", "DE", "US")
TIERS = ("gold", "silver")
WORDS = ("late", "parcel", "thanks", "quick", "broken", "box")
CONSTRAINTS: dict[str, dict[str, Any]] = {
    "amount": {"min": 5, "max": 200},
    "country": {"allowed": ["FR", "DE"]},
    "comment": {"not_null": True},
    "session": {"regex": "s-[0-9]*[02468]"},
    "prediction_confidence": {"min": 0.8},
}
GAINED_EVERY = 16
HASHES_KEPT = 256
DISTINCT_ERROR = 3 * 0.023
_SHOWN = 12


@dataclass(frozen=True)
class Event:
    """One event and where it is in the log."""

    document: dict[str, Any]
    partition: int
    offset: int

    @property
    def features(self) -> Mapping[str, Any]:
        """Its features; those that are not there are missing."""
        found: Mapping[str, Any] = self.document["features"]
        return found

    @property
    def failed(self) -> bool:
        """Whether the request failed."""
        return "error" in self.document

    @cached_property
    def hash(self) -> int:
        """Hash of the request: of its id, else of its place in the log."""
        place = f"{self.partition}/{self.offset}/-1"
        return request_hash(self.document.get("request_id", place))


def request_hash(name: str) -> int:
    """Hash of a request, by which it is in a sample or not."""
    h = zlib.crc32(name.encode())
    h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
    h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
    return h ^ h >> 16


def reference_rows(count: int = 1_500) -> list[dict[str, Any]]:
    """Rows of the baseline: like the traffic, but for what makes a figure of its own."""
    rng = np.random.default_rng(11)
    rows = []
    for number in range(count):
        row = features(rng, number) | {"discount": float(rng.random())}
        row["country"] = COUNTRIES[int(rng.choice(3, p=(0.6, 0.3, 0.1)))]
        del row["referrer"]
        rows.append(row | {"prediction": number % 2, "probability": float(rng.random())})
    return rows


def features(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Features of one request."""
    words = rng.integers(1, 9)
    return {
        "amount": round(float(rng.lognormal(3.2, 0.8)), 2),
        "stars": int(rng.integers(1, 6)),
        "member": bool(rng.random() < 0.4),
        "country": str(rng.choice((*COUNTRIES, "IT"))),
        "edition": "v1",
        "comment": " ".join(rng.choice(WORDS, words)) + f" {number}",
        "basket": sorted({str(item) for item in rng.choice(WORDS, words)}),
        "vector": rng.normal(size=6).round(4).tolist(),
        "session": f"s-{number}",
        "referrer": "mail",
    }


def make_traffic(count: int, seed: int) -> list[Event]:
    """Make events with all that is counted apart; in the order of each partition's log."""
    rng = np.random.default_rng(seed)
    times = np.sort(START_MS + rng.integers(0, SPAN_MS, count))
    offsets: Counter[int] = Counter()
    out: list[Event] = []
    for number in range(count):
        own = features(rng, number)
        for name, value, share in (
            ("comment", None, 0.05),
            ("amount", "twelve", 0.02),
            ("amount", None, 0.03),
            ("session", f"s-{rng.integers(0, 400)}", 0.5),
            ("vector", [1.0], 0.01),
            ("referrer", None, 0.7),
        ):
            if rng.random() < share:
                own[name] = value
        document: dict[str, Any] = {
            "model_name": MODEL,
            "model_version": VERSION,
            "timestamp": int(times[number] - rng.integers(0, DISORDER_MS)),
            "features": own,
            "latency_ms": round(float(rng.exponential(20)), 3),
        }
        if rng.random() < 0.9:
            document["request_id"] = f"q{number}"
        if out and rng.random() < 0.08:  # a client sends a request again
            document["request_id"] = out[-1].document.get("request_id", "again")
        if rng.random() < 0.8:
            document["tags"] = {"tier": str(rng.choice((*TIERS, "bronze")))}
        if rng.random() < 0.04:
            document["error"] = "timeout"
        else:
            document |= {"prediction": number % 2, "probability": round(float(rng.random()), 4)}
        partition = number % PARTITIONS
        out.append(Event(document, partition, offsets[partition]))
        offsets[partition] += 1
    return out


def messages(events: Sequence[Event]) -> Iterator[tuple[int, list[Message]]]:
    """Messages of each partition, in order."""
    for partition in range(PARTITIONS):
        mine = [event for event in events if event.partition == partition]
        yield partition, [(None, json.dumps(event.document).encode(), []) for event in mine]


# --- what must be reported ------------------------------------------------------------------------


def split(events: Sequence[Event]) -> dict[WindowKey, list[Event]]:
    """Events of each window."""
    out: dict[WindowKey, list[Event]] = {}
    for event in events:
        for name, size_ms in WINDOWS_MS.items():
            end_ms = (event.document["timestamp"] // size_ms + 1) * size_ms
            out.setdefault(WindowKey(MODEL, VERSION, name, end_ms), []).append(event)
    return out


def segments_of(event: Event) -> tuple[str, str]:
    """Segments that an event is in."""
    country = event.features["country"]
    tier = event.document.get("tags", {}).get("tier")
    return (
        f"country={country if country in COUNTRIES else 'other'}",
        f"tags.tier={tier if tier in TIERS else 'other'}",
    )


def is_sampled(event: Event, rate: float = SAMPLING_RATE) -> bool:
    """Whether features of this event are counted."""
    return not event.failed and event.hash < rate * 2**32


def violations(events: Sequence[Event]) -> dict[str, dict[str, int]]:
    """How many values break each constraint, by feature; of all requests that did not fail."""
    good = [event for event in events if not event.failed]
    numbers = [event.features["amount"] for event in good]
    amounts = [x for x in numbers if isinstance(x, float)]
    confidences = [max(e.document["probability"], 1 - e.document["probability"]) for e in good]
    return {
        "amount": {"min": sum(x < 5 for x in amounts), "max": sum(x > 200 for x in amounts)},
        "country": {"allowed": sum(e.features["country"] not in ("FR", "DE") for e in good)},
        "comment": {"not_null": sum(e.features["comment"] is None for e in good)},
        "session": {
            "regex": sum(
                re.fullmatch("s-[0-9]*[02468]", event.features["session"]) is None for event in good
            )
        },
        "prediction_confidence": {"min": sum(c < 0.8 for c in confidences)},
    }


def wrong_traffic(events: Sequence[Event], report: Mapping[str, Any]) -> list[str]:
    """What is wrong in a report of a window, or of a segment, about traffic and the sample."""
    good = [event for event in events if not event.failed]
    sampled = [event for event in events if is_sampled(event)]
    latencies = [event.document["latency_ms"] for event in events]
    exact = {
        "count": (report["count"], len(events)),
        "error_rate": (report["metrics"]["error_rate"], 1 - len(good) / len(events)),
        "latency_max_ms": (report["metrics"]["latency_max_ms"], max(latencies)),
        "exact": (report["exact"], len(sampled) == len(good)),
        "sampled_count": (report["sampled_count"], len(events) - len(good) + len(sampled)),
    }
    out = [f"{k} is {got}, not {true}" for k, (got, true) in exact.items() if not near(got, true)]
    return out + wrong_features(sampled, report["features"])


def near(got: float | None, true: float, error: float = 1e-9) -> bool:
    """Whether a figure is right, to a relative error."""
    return got is not None and math.isclose(got, true, rel_tol=error, abs_tol=1e-12)


def wrong_features(sampled: Sequence[Event], figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong in the figures of features; ``sampled`` are the events they are of."""
    if not sampled:
        return []
    out: list[str] = []

    def check(name: str, figure: str, true: float, error: float = 1e-9) -> None:
        got = figures.get(name, {}).get(figure)
        if not near(got, true, error):
            out.append(f"{name} {figure} is {got}, not {true}")

    n = len(sampled)
    described: dict[str, Callable[[Mapping[str, Any]], float | None]] = {
        "amount": lambda f: f["amount"] if isinstance(f["amount"], float) else None,
        "stars": lambda f: f["stars"],
        "comment.length": lambda f: f["comment"] and len(f["comment"]),
        "comment.words": lambda f: f["comment"] and len(f["comment"].split()) - 1,  # a number
        "basket.size": lambda f: len(f["basket"]),
    }
    for name, pick in described.items():
        values = [x for event in sampled if (x := pick(event.features)) is not None]
        check(name, "count", n)
        if values:
            check(name, "min", min(values))
            check(name, "max", max(values))
            check(name, "mean", math.fsum(values) / len(values), 1e-5)
    texts = sum(event.features["amount"] == "twelve" for event in sampled)
    check("amount", "type_mismatch_rate", texts / n)
    missing = Counter(k for event in sampled for k, v in event.features.items() if v is None)
    for name in ("amount", "comment", "stars", "session", "edition", "member"):
        check(name, "missing_rate", missing[name] / n)
    check("country", "unseen_rate", sum(e.features["country"] == "IT" for e in sampled) / n)
    check("vector", "type_mismatch_rate", sum(len(e.features["vector"]) == 1 for e in sampled) / n)
    check("discount", "missing_rate", 1.0)
    return out


def wrong_whole(events: Sequence[Event], report: Mapping[str, Any]) -> list[str]:
    """What is wrong in what reports of all traffic say beside `wrong_traffic`."""
    out: list[str] = []
    features, metrics = report["features"], report["metrics"]
    broken = violations(events)
    for name, kinds in broken.items():
        for kind, count in kinds.items():
            got = features[name].get(f"violations_{kind}")
            if got != count:
                out.append(f"{name} violations_{kind} is {got}, not {count}")
    total = sum(count for kinds in broken.values() for count in kinds.values())
    if metrics["constraint_violations"] != total:
        out.append(f"constraint_violations is {metrics['constraint_violations']}, not {total}")
    new = any(e.hash % GAINED_EVERY == 0 and e.features["referrer"] is not None for e in events)
    changes = {name: f["schema_change"] for name, f in features.items() if "schema_change" in f}
    expected = {"discount": "lost"} | ({"referrer": "gained"} if new else {})
    if changes != expected or metrics["schema_drift"] != len(expected):
        out.append(f"schema changes are {changes}, not {expected}")
    sessions = len({e.features["session"] for e in events if is_sampled(e)})
    found = features["session"]["distinct"]
    if abs(found - sessions) > max(2, DISTINCT_ERROR * sessions):
        out.append(f"session distinct is {found}, not about {sessions}")
    return out + _wrong_duplicates(events, metrics["duplicate_rate"])


def _wrong_duplicates(events: Sequence[Event], rate: float) -> list[str]:
    """Exact where all requests fit the sample; else within four standard errors."""
    ids = [e.document["request_id"] for e in events if "request_id" in e.document]
    true = (len(ids) - len(set(ids))) / len(events)
    error = 1e-9
    if len(set(ids)) > HASHES_KEPT:
        error = 4 * math.sqrt(true * (1 - true) / HASHES_KEPT)
    return [] if abs(rate - true) <= error else [f"duplicate_rate is {rate}, not {true}"]


@dataclass(frozen=True)
class Expected:
    """Events of each window, and of each segment of it."""

    windows: dict[WindowKey, list[Event]]
    segments: dict[tuple[WindowKey, str], list[Event]]

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Expected":
        """Split the events that were sent."""
        windows = split(events)
        segments: dict[tuple[WindowKey, str], list[Event]] = {}
        for key, inside in windows.items():
            for event in inside:
                for segment in segments_of(event):
                    segments.setdefault((key, segment), []).append(event)
        return cls(windows, segments)

    def are_in(self, reports: Reports) -> bool:
        """Whether all of them are reported."""
        reports.read()
        return (
            reports.best.keys() >= self.windows.keys()
            and reports.segments.keys() >= self.segments.keys()
        )

    def differences(self, reports: Reports) -> list[str]:
        """Say what the reports have wrong; nothing when they are right."""
        out = [f"{key}: reported" for key in reports.best.keys() - self.windows.keys()]
        out += [f"{key}: reported" for key in reports.segments.keys() - self.segments.keys()]
        for key, events in self.windows.items():
            report = reports.best[key]
            wrong = wrong_traffic(events, report) + wrong_whole(events, report)
            out += [f"{key}: {text}" for text in wrong]
        for place, events in self.segments.items():
            wrong = wrong_traffic(events, reports.segments[place])
            out += [f"{place}: {text}" for text in wrong]
        return sorted(out)[:_SHOWN]
