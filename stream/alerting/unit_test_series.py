"""Reports of a test, written as short series: ``"0.01x5 _ 0.2"``. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.converting import ConfigError
from schemas.durations import duration_text, parse_duration_ms
from schemas.metric_names import METRIC_ALIASES
from schemas.metrics import BaselineRef, Window, WindowReport, with_report_id
from schemas.models import ModelConfig, window_specs
from schemas.windows import WindowSpec, window_spec
from stream.alerting.availability import (
    COUNTS,
    LABELS_MS_MIN,
    decision_windows,
    is_of_labels,
    is_only_in_tumbling,
    why_in_no_report,
)
from stream.alerting.figures import split_feature
from stream.alerting.unit_test_form import SeriesForm, moment_after
from stream.reading.times import moment_text

REPORTS_MAX = 100_000
"""Of one series: two months of minutes."""
BASELINE = BaselineRef(id="0" * 64, rows=0, provisional=False)
"""What reports of a test refer to, where the test has figures of a baseline."""

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(
    rf"(?:(?P<number>{_NUMBER})(?P<step>[+-]{_NUMBER.removeprefix('-?')})?|(?P<word>true|false|_))"
    r"(?:x(?P<times>[0-9]{1,9}))?"
)
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "_": None}
_FORM = "write numbers, true, false or _ with spaces between; 0.2x5 is five, 0+0.1x5 goes up"

Value = bool | float | None
Figure = bool | int | float


def parse_values(text: str) -> list[Value]:
    """Read values one after another.

    Parameters
    ----------
    text
        Numbers, ``true``, ``false``, and ``_`` where there is none. ``0.2x5`` is five of them,
        ``0+0.1x5`` and ``1-0.1x5`` are five that go up and down.

    Raises
    ------
    ValueError
        For any other text, and for more than `REPORTS_MAX` values.

    Examples
    --------
    >>> parse_values("0.5 1-2x3 _x2 true")
    [0.5, 1.0, -1.0, -3.0, None, None, True]
    """
    values: list[Value] = []
    for token in text.split():
        match = _TOKEN.fullmatch(token)
        if match is None or (match["step"] and not match["times"]):
            raise ValueError(f"{token!r} is no value: {_FORM}")
        times = int(match["times"] or 1)
        if len(values) + times > REPORTS_MAX:
            raise ValueError(f"more than {REPORTS_MAX:,} values: use a longer window, or fewer")
        if match["word"]:
            values += [_WORDS[match["word"]]] * times
        else:
            first, step = float(match["number"]), float(match["step"] or 0)
            values += [first + step * number for number in range(times)]
    if not values:
        raise ValueError(f"there is no value: {_FORM}")
    return values


@dataclass(frozen=True, slots=True)
class _Columns:
    """Values of each report, in order; ``counts`` are whole numbers."""

    counts: list[int]
    label_counts: list[int]
    figures: Mapping[str, list[Value]]


def reports_of(
    form: SeriesForm,
    start_ms: int,
    models: Iterable[ModelConfig],
    with_baseline: bool,
    where: str,
) -> list[WindowReport]:
    """Write the reports of a series.

    Parameters
    ----------
    form : as written
    start_ms : the test's start, epoch ms
    models : configured ones; windows of such a model are those it has
    with_baseline : whether the test has figures of a baseline
    where : what it is, as errors begin

    Raises
    ------
    ConfigError
        For values that can't be read, and for reports that there never are.
    """
    spec = _spec(form, models, where)
    names = {METRIC_ALIASES.get(name, name): name for name in form.values}
    _check_names(names, spec, where)
    tumbling = [given for name, given in names.items() if is_only_in_tumbling(name)]
    every_ms = _every_ms(form, spec, tumbling, where)
    first_ms = start_ms if form.start is None else moment_after(form.start, start_ms, where)
    _check_aligned(first_ms, spec.size_ms if tumbling else spec.every_ms, spec, where)
    columns = _columns(form, names, where)
    return [
        _report(form, spec, first_ms + number * every_ms, columns, number, with_baseline)
        for number, count in enumerate(columns.counts)
        if count
    ]


def _spec(form: SeriesForm, models: Iterable[ModelConfig], where: str) -> WindowSpec:
    try:
        spec = window_spec(form.window)
    except ValueError as error:
        raise ConfigError(f"{where}: `window`: {error}") from error
    by_version = {m.model_version: m for m in models if m.model_name == form.model_name}
    model = by_version.get(form.model_version, by_version.get("*"))
    if model is None:
        return spec
    specs = {known.name: known for known in window_specs(model)}
    if spec.name in specs or spec.name in decision_windows(model):
        return specs.get(spec.name, spec)
    raise ConfigError(
        f"{where}: `window`: {form.model_name} has no windows of {spec.name}: there are"
        f" {', '.join(specs)}"
    )


def _check_names(names: Mapping[str, str], spec: WindowSpec, where: str) -> None:
    """Refuse figures that no report of this window carries."""
    for name, given in names.items():
        at = f"{where}: `values`"
        if name in COUNTS:
            raise ConfigError(f"{at}: `{given}` is no figure but a count: write it beside `values`")
        split = split_feature(name)
        if split is not None and "*" in split[0]:
            raise ConfigError(f"{at}: `{given}`: name one feature, such as feature.age.{split[1]}")
        if why := why_in_no_report(name):
            raise ConfigError(f"{at}: {why}")
        if is_of_labels(name) and spec.size_ms < LABELS_MS_MIN:
            raise ConfigError(
                f"{at}: `{given}` is made of labels, and only windows of 1h and longer have them"
            )


def _every_ms(form: SeriesForm, spec: WindowSpec, tumbling: list[str], where: str) -> int:
    """Return how far reports are apart: as the window closes, or is whole, unless given."""
    step_ms = spec.size_ms if tumbling else spec.every_ms
    if form.every is None:
        return step_ms
    try:
        every_ms = parse_duration_ms(form.every)
    except ValueError as error:
        raise ConfigError(f"{where}: `every`: {error}") from error
    if every_ms == 0 or every_ms % step_ms:
        why = f"windows of {spec.name} close every {duration_text(spec.every_ms)}"
        if tumbling:
            why = f"`{tumbling[0]}` is only in windows that end at a multiple of {spec.name}"
        raise ConfigError(f"{where}: `every`: {why}: give a multiple of {duration_text(step_ms)}")
    return every_ms


def _check_aligned(at_ms: int, step_ms: int, spec: WindowSpec, where: str) -> None:
    if at_ms < spec.size_ms:
        raise ConfigError(f"{where}: `start`: it lies before 1970, or close to it")
    if at_ms % step_ms:
        nearest = moment_text(at_ms - at_ms % step_ms + step_ms)
        raise ConfigError(
            f"{where}: `start`: a window of {spec.name} with these figures never ends at"
            f" {moment_text(at_ms)}: the next ends at {nearest}"
        )


def _columns(form: SeriesForm, names: Mapping[str, str], where: str) -> _Columns:
    given: dict[str, bool | int | float | str] = {"count": form.count}
    if form.label_count is not None:
        given["label_count"] = form.label_count
    given |= {f"values.{names[name]}": form.values[names[name]] for name in names}
    lists = {key: _parsed(key, text, where) for key, text in given.items() if _is_list(text)}
    lengths = {key: len(values) for key, values in lists.items()}
    if not lengths:
        raise ConfigError(
            f'{where}: how many reports are there? Write one of `values` as text, such as "0.1x5"'
        )
    (key, length), *_ = lengths.items()
    for other, found in lengths.items():
        if found != length:
            raise ConfigError(
                f"{where}: `{key}` has {length} values and `{other}` {found}: give as many, with _"
                " where there is none"
            )
    whole: dict[str, list[Value]] = {
        key: lists[key] if isinstance(value, str) else [value] * length
        for key, value in given.items()
    }
    figures = {name: whole[f"values.{names[name]}"] for name in names}
    counts = _whole("count", whole["count"], where)
    for number, count in enumerate(counts):
        if not count and any(values[number] is not None for values in figures.values()):
            _refuse_unseen(number, lists, where)
    if "label_count" in whole:
        labels = _whole("label_count", whole["label_count"], where)
    else:
        labels = _labels(counts, figures)
    return _Columns(counts, labels, figures)


def _is_list(value: object) -> bool:
    return isinstance(value, str)


def _parsed(key: str, text: object, where: str) -> list[Value]:
    try:
        return parse_values(str(text))
    except ValueError as error:
        raise ConfigError(f"{where}: `{key}`: {error}") from error


def _whole(key: str, values: list[Value], where: str) -> list[int]:
    for value in values:
        if value is None or isinstance(value, bool) or value < 0 or value % 1:
            raise ConfigError(f"{where}: `{key}`: {value!r} is no whole number from 0 on")
    return [int(value or 0) for value in values]


def _labels(counts: list[int], figures: Mapping[str, list[Value]]) -> list[int]:
    """Return how many labels there are unless it is said: as figures that rest on them need."""
    coverage = figures.get("label_coverage")
    if coverage is not None:
        return [round(n * float(of or 0)) for n, of in zip(counts, coverage, strict=True)]
    return counts if any(map(is_of_labels, figures)) else [0] * len(counts)


def _refuse_unseen(number: int, lists: Mapping[str, list[Value]], where: str) -> None:
    """Refuse a figure of a window without events; constants are those of the others."""
    for key, values in lists.items():
        if key.startswith("values.") and values[number] is not None:
            raise ConfigError(
                f"{where}: `{key}`: where `count` is 0 there is no report: write _ as value"
                f" {number + 1}"
            )


def _report(
    form: SeriesForm,
    spec: WindowSpec,
    end_ms: int,
    columns: _Columns,
    number: int,
    with_baseline: bool,
) -> WindowReport:
    count, label_count = columns.counts[number], columns.label_counts[number]
    metrics: dict[str, Figure] = {}
    features: dict[str, dict[str, Figure | str]] = {}
    if label_count:
        metrics["label_coverage"] = label_count / count
    for name, values in columns.figures.items():
        value, split = values[number], split_feature(name)
        if value is None:
            continue
        if split is not None:
            features.setdefault(split[0], {})[split[1]] = value
        else:
            metrics[name] = value
    return with_report_id(
        WindowReport(
            id="",
            model_name=form.model_name,
            model_version=form.model_version,
            segment=form.segment,
            window=Window(
                name=spec.name,
                size_ms=spec.size_ms,
                start=end_ms - spec.size_ms,
                end=end_ms,
                tumbling=end_ms % spec.size_ms == 0,
            ),
            revision=count + label_count,
            complete=True,
            exact=True,
            count=count,
            sampled_count=count,
            label_count=label_count,
            baseline=BASELINE if with_baseline else None,
            config_id=None,
            metrics=metrics,
            features=features,
        )
    )
