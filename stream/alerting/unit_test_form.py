"""Files with tests of rules, ``[[tests]]``: what `streamgauge alerts check` reads. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from schemas.alerts import Severity
from schemas.config import ConfigFile, parse_config
from schemas.converting import ConfigError, converted, instead
from schemas.durations import Duration, parse_duration_ms
from schemas.names import Name, canonical_class
from stream.reading.times import moment_ms

__all__ = [
    "CheckForm",
    "ConfigError",
    "EpisodeForm",
    "FileForm",
    "SeriesForm",
    "UnitTestForm",
    "moment_after",
    "parse_file",
]

NONE = "none"
_KEYS = ("models", "rules", "rule_files", "tests")
_FORMS = "a duration after the start (10m), RFC 3339, or epoch ms"

Moment = str | int
Status = Literal["pending", "firing", "resolved", "none"]


class SeriesForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reports of one model version, segment and window, one after another.

    Attributes
    ----------
    model_name, model_version, segment, window
        As in reports.
    start
        End of the first window: a time, or a duration after the test's start.
    every
        From one report to the next; absent is as often as the window closes, or is whole.
    count, label_count
        Of each report, or one after another as `values`; where `count` is 0 there is no report.
    values
        Of each figure, one after another, such as `0.01x5 _ 0.2`; a number is that in all of them.
    """

    model_name: Name
    model_version: Name = "1"
    segment: str | None = None
    window: Duration
    start: Moment | None = None
    every: Duration | None = None
    count: int | str = 1000
    label_count: int | str | None = None
    values: dict[str, bool | int | float | str] = {}


class CheckForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alert that stands at a time; those of one time and rule are all there are.

    Attributes
    ----------
    at
        A time, or a duration after the start.
    rule
        Its name.
    status
        `pending`, `firing`, `resolved`, or `none`: that there is no such alert.
    severity, labels
        Where given, the alert has them; labels may hold `*`.
    summary
        Words of its summary.
    """

    at: Moment
    rule: str
    status: Status = "firing"
    severity: Severity | None = None
    labels: dict[str, str] = {}
    summary: str | None = None


class EpisodeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One episode: from when an alert fires to when it is over.

    Attributes
    ----------
    rule
        Its name.
    fires_at
        A time, or a duration after the start.
    resolved_at
        The same; absent is that it still fires at the end.
    severity, labels, summary
        As of `CheckForm`.
    """

    rule: str
    fires_at: Moment
    resolved_at: Moment | None = None
    severity: Severity | None = None
    labels: dict[str, str] = {}
    summary: str | None = None


class UnitTestForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test.

    Attributes
    ----------
    name
        What it shows.
    rules
        Judge these only, `*` allowed; absent is all there are.
    start
        What durations count from; absent is the first of January 2026, or the end of the first
        recorded window.
    reports
        File of recorded reports, relative to this one.
    series
        Reports written here.
    baseline
        Figures of the baseline, by name.
    alerts, episodes
        What is expected.
    """

    name: Annotated[str, Meta(min_length=1)]
    rules: tuple[str, ...] = ()
    start: Moment | None = None
    reports: str | None = None
    series: tuple[SeriesForm, ...] = ()
    baseline: dict[str, float] = {}
    alerts: tuple[CheckForm, ...] = ()
    episodes: tuple[EpisodeForm, ...] | None = None

    def __post_init__(self) -> None:
        if (self.reports is None) == (not self.series):
            raise ValueError("give either `reports`, a file, or `[[tests.series]]`")
        if not self.alerts and self.episodes is None:
            raise ValueError(
                "nothing is expected: add `[[tests.alerts]]` or `[[tests.episodes]]`"
                " (`episodes = []` says that nothing fires)"
            )


class FileForm(msgspec.Struct, frozen=True, kw_only=True):
    """A file, as it is written.

    Attributes
    ----------
    config
        Its own models and rules.
    rule_files
        Others that are tested, relative to this one.
    tests
        At least one, each name once.
    """

    config: ConfigFile
    rule_files: tuple[str, ...]
    tests: tuple[UnitTestForm, ...]


def parse_file(document: object) -> FileForm:
    """Read a parsed TOML or JSON document.

    Raises
    ------
    ConfigError
        For the first thing that is wrong: test, field and what is allowed.
    """
    if not isinstance(document, dict):
        raise ConfigError("the file must hold a table with `tests` and `rules`")
    for key in document:
        if key not in _KEYS:
            raise ConfigError(f"unknown key `{key}`: {instead(key, _KEYS)}")
    files = document.get("rule_files", [])
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise ConfigError("`rule_files` must be a list of paths")
    tables = document.get("tests")
    if not isinstance(tables, list) or not tables:
        raise ConfigError("there is no test: add [[tests]] with a name, reports and expectations")
    config = parse_config({key: document[key] for key in ("models", "rules") if key in document})
    tests = [_parse_test(number, table) for number, table in enumerate(tables, start=1)]
    names = [test.name for test in tests]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"test {repeated[0]!r} is there twice: rename one")
    return FileForm(config=config, rule_files=tuple(files), tests=tuple(tests))


def _parse_test(number: int, table: object) -> UnitTestForm:
    if not isinstance(table, dict):
        raise ConfigError("each of `tests` must be a table; in TOML, write [[tests]]")
    plain: dict[str, Any] = _plain(table)
    if plain.get("name") is None:
        raise ConfigError(f"test {number} has no `name`: say what it shows")
    for part in ("series", "alerts", "episodes"):
        entries = plain.get(part)
        for entry in entries if isinstance(entries, list) else ():
            _name_in_words(entry)
    return converted(plain, UnitTestForm, f"test {plain['name']!r}")


def _name_in_words(entry: object) -> None:
    """Write versions, and values of labels, as the strings they stand for."""
    if not isinstance(entry, dict):
        return
    if isinstance(entry.get("model_version"), int):
        entry["model_version"] = str(entry["model_version"])
    if isinstance(entry.get("labels"), dict):
        entry["labels"] = {
            name: canonical_class(value) if isinstance(value, bool | int | float) else value
            for name, value in entry["labels"].items()
        }


def _plain(value: Any) -> Any:
    """Write TOML's times as text, through tables and lists, and copy them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def moment_after(given: Moment, start_ms: int, where: str) -> int:
    """Read a moment, in epoch ms.

    Parameters
    ----------
    given
        A duration after the start, RFC 3339 (UTC where it names no zone), or epoch ms.
    start_ms
        The start, epoch ms.
    where
        What it is, as the error begins.

    Raises
    ------
    ConfigError
        For anything else.
    """
    text = str(given)
    try:
        return start_ms + parse_duration_ms(text)
    except ValueError:
        pass
    try:
        if text == "now":  # a test asks no clock
            raise ValueError
        return moment_ms(text, 0)
    except ValueError:
        raise ConfigError(f"{where}: {text!r} is no time: write {_FORMS}") from None
