"""Window reports, past ones from ``ml.metrics`` and the live ones from Redis."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from schemas import keys
from schemas.durations import parse_duration_ms, window_name
from schemas.metrics import Window as ReportWindow
from schemas.metrics import WindowReport, with_report_id
from schemas.topics import Topic
from stream.live.overview import parse_hash
from stream.settings import Settings
from stream.state.client import RedisClient
from stream.topic_reader import read_topic

# A window can be reported this long before its end by the broker's clock: events may be ahead.
_AHEAD_MS = 3_600_000

_NO_METRICS = frozenset({"complete", "exact", *keys.LIVE_FIELDS})

AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "min": min,
    "max": max,
    "median": statistics.median,
}


def final_reports(
    settings: Settings,
    model: str,
    version: str | None,
    window: str,
    since_ms: int,
    until_ms: int,
    read_from_ms: int | None = None,
) -> list[WindowReport]:
    """Return the windows that end after ``since`` and not after ``until``, each as it stands now.

    Of each window the highest revision counts; on a tie the last one on the topic. Reports
    appended before ``read_from_ms`` are not read; None is an hour before ``since``.
    """
    found: dict[tuple[str, int], WindowReport] = {}
    decode = msgspec.json.Decoder(WindowReport).decode
    wanted = f'"model_name":"{model}"'.encode()
    if read_from_ms is None:
        # A report is appended about when its window ends, or later.
        read_from_ms = max(0, since_ms - _AHEAD_MS)
    for message in read_topic(settings, Topic.METRICS, read_from_ms):
        value = message.value() or b""
        if wanted not in value:  # decoding all models' reports would cost ten times as much
            continue
        try:
            report = decode(value)
        except msgspec.DecodeError:  # of a later version
            continue
        if (
            report.model_name != model
            or report.window.name != window
            or report.segment is not None
            or version not in {None, report.model_version}
            or not since_ms < report.window.end <= until_ms
        ):
            continue
        place = (report.model_version, report.window.end)
        before = found.get(place)
        if before is None or report.revision >= before.revision:
            found[place] = report
    return [found[place] for place in sorted(found)]


def live_reports(
    client: RedisClient, namespace: str, model: str, version: str | None, window: str
) -> list[WindowReport]:
    """Return the live window of each version in the form of a report.

    It says nothing about baseline and configuration, which only reports on the topic do.
    """
    versions = sorted(client.smembers(keys.versions_key(namespace, model)))
    out = []
    for of in versions:
        if version not in {None, of}:
            continue
        fields = client.hgetall(keys.live_key(namespace, model, of, window))
        if not fields:
            continue
        features = sorted(client.smembers(keys.features_key(namespace, model, of)))
        with client.pipeline(transaction=False) as pipe:
            for feature in features:
                pipe.hgetall(keys.feature_key(namespace, model, of, window, feature))
            figures = dict(zip(features, map(parse_hash, pipe.execute()), strict=True))
        out.append(_live_report(model, of, window, parse_hash(fields), figures))
    return out


def _live_report(
    model: str,
    version: str,
    window: str,
    fields: Mapping[str, Any],
    features: Mapping[str, dict[str, Any]],
) -> WindowReport:
    size_ms = parse_duration_ms(window)
    end = int(fields["window_end"])
    count = int(fields.get("count", 0))
    report = WindowReport(
        id="",
        model_name=model,
        model_version=version,
        segment=None,
        window=ReportWindow(
            name=window,
            size_ms=size_ms,
            start=int(fields["window_start"]),
            end=end,
            tumbling=end % size_ms == 0,
        ),
        revision=int(fields.get("revision", 0)),
        complete=bool(fields.get("complete", True)),
        exact=bool(fields.get("exact", True)),
        count=count,
        sampled_count=int(fields.get("sampled_count", count)),
        label_count=int(fields.get("label_count", 0)),
        baseline=None,
        config_id=None,
        metrics={
            name: value
            for name, value in fields.items()
            if name not in _NO_METRICS
            and not name.startswith("baseline_")
            and isinstance(value, bool | int | float)
        },
        features={name: figures for name, figures in features.items() if figures},
    )
    return with_report_id(report)


def chosen(report: WindowReport, metrics: Sequence[str]) -> WindowReport:
    """Return the report with only these figures; ``feature.NAME.FIGURE`` means a feature's."""
    if not metrics:
        return report
    features: dict[str, dict[str, Any]] = {}
    for name in metrics:
        feature, figure = feature_figure(name)
        if feature and figure in report.features.get(feature, {}):
            features.setdefault(feature, {})[figure] = report.features[feature][figure]
    kept = {name: value for name, value in report.metrics.items() if name in metrics}
    return msgspec.structs.replace(report, metrics=kept, features=features)


def feature_figure(name: str) -> tuple[str, str]:
    """Split ``feature.NAME.FIGURE``; both are empty for other names."""
    if not name.startswith("feature."):
        return "", ""
    feature, _, figure = name.removeprefix("feature.").rpartition(".")
    return feature, figure


def figure(report: WindowReport, name: str) -> Any:
    """Return a figure of a report by name, None where it is absent."""
    if name in {"count", "label_count", "revision", "sampled_count"}:
        return getattr(report, name)
    feature, below = feature_figure(name)
    return report.features.get(feature, {}).get(below) if feature else report.metrics.get(name)


def aggregated(
    reports: Iterable[WindowReport], how: str, metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """Aggregate windows, a row a model version. Each window weighs the same."""
    by_version: dict[str, list[WindowReport]] = {}
    for report in reports:
        by_version.setdefault(report.model_version, []).append(report)
    out = []
    for version, group in by_version.items():
        names = metrics or sorted({name for report in group for name in report.metrics})
        values = {name: [figure(report, name) for report in group] for name in names}
        known = {name: [v for v in vs if isinstance(v, int | float)] for name, vs in values.items()}
        out.append(
            {
                "model_name": group[0].model_name,
                "model_version": version,
                "window": group[0].window.name,
                "start": min(report.window.start for report in group),
                "end": max(report.window.end for report in group),
                "aggregate": how,
                "windows": len(group),
                "metrics": {
                    name: AGGREGATES[how](numbers) for name, numbers in known.items() if numbers
                },
            }
        )
    return out


def canonical_window(text: str) -> str:
    """Return a window's canonical name: ``24h`` is ``1d``.

    Raises
    ------
    ValueError
        For a text that is no duration.
    """
    return window_name(parse_duration_ms(text))
