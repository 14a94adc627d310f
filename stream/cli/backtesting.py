"""What ``backtest`` does: reads what was asked for, runs it, shows what came of it."""

import contextlib
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from schemas.alerts import Severity
from schemas.baselines import Baseline
from schemas.config import ConfigFile
from schemas.metrics import WindowReport, encode_report
from stream.activations import chosen_id
from stream.backtest.backtest import Backtest, TakeReport
from stream.backtest.files import STDIN, LinesLog, TableLog
from stream.backtest.log import Log, LogError
from stream.backtest.outcome import Outcome
from stream.backtest.reference import FileSource
from stream.backtest.register import Register, Source, overlaid
from stream.backtest.topic import TopicLog
from stream.baseline.errors import BaselineError
from stream.baseline.store import find_baseline, read_baselines
from stream.cli.backtest_views import show_outcome
from stream.cli.config_files import read_config_file
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError, usage
from stream.cli.output import note, notes, print_json
from stream.cli.times import parse_moment
from stream.emit.columns import ColumnError
from stream.emit.roles import MappingError, check_name, id_columns, layout_of, parse_map
from stream.emit.tables import FileError, open_table
from stream.registry import ANY_VERSION, NOTHING, Registry, Snapshot
from stream.settings import Settings

TOPIC = "topic:"
UNKNOWN_VERSION = "unknown"
ANY_MODEL = ANY_VERSION
_ID = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    log: str
    config: str | None = None
    baselines: tuple[str, ...] = ()
    model: str | None = None
    version: str | None = None
    mapped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    reports: Path | None = None
    fail_on: Severity | None = None
    as_json: bool = False


def run_backtest(settings: Settings, asked: Asked) -> None:
    """Run a backtest and show what came of it.

    Raises
    ------
    CommandError
        When something can't be used, and where ``fail_on`` is met.
    """
    try:
        given = ConfigFile() if asked.config is None else read_config_file(asked.config)
        sources = _sources(settings, asked)
        log = _open_log(settings, asked, _columns_of(sources.values()))
        registered = _registered(settings, log)
        snapshot = overlaid(registered, given, sources.keys())
        _check_named(snapshot, given, sources)
        register = Register(settings, snapshot, sources, timed=not log.has_append_times)
        with _reports_to(asked.reports) as take:
            outcome = _run(Backtest(settings, log, register, take), log)
    except (LogError, FileError) as error:
        raise CommandError(str(error)) from error
    except (MappingError, ColumnError, BaselineError) as error:
        raise usage(str(error)) from error
    _check_counted(log, outcome)
    if asked.as_json:
        print_json(msgspec.to_builtins(outcome.alerts))
    show_outcome(log, outcome, register.snapshot, in_words=not asked.as_json)
    if asked.fail_on is not None and (bad := outcome.fired_at_least(asked.fail_on)):
        what = "1 alert" if bad == 1 else f"{bad} alerts"
        raise CommandError(f"{what} of severity {asked.fail_on} or worse would have fired")


# -- what is read --------------------------------------------------------------------------------


def _open_log(settings: Settings, asked: Asked, known: Collection[str]) -> Log:
    """Open what is to be read; ``known`` are columns of reference data."""
    now_ms = time.time_ns() // 1_000_000
    if asked.log.startswith(TOPIC):
        if asked.model or asked.version:
            raise usage("--model and --version go with a file of rows: leave them out")
        require_kafka(settings, create_topics=False)
        since_ms = None if asked.since is None else parse_moment("--since", asked.since, now_ms)
        until_ms = now_ms if asked.until is None else parse_moment("--until", asked.until, now_ms)
        return TopicLog(settings, asked.log.removeprefix(TOPIC), since_ms, min(until_ms, now_ms))
    if asked.since is not None or asked.until is not None:
        raise usage("--since and --until go with a topic: what a file holds was appended never")
    if asked.model is None:
        if asked.version is not None:
            raise usage("--version goes with --model: add it")
        return LinesLog(asked.log, now_ms)
    if asked.log == STDIN:
        raise usage("standard input takes events that name their model: leave --model out")
    version = asked.version or UNKNOWN_VERSION
    check_name("model", asked.model)
    check_name("version", version)
    named = parse_map(asked.mapped)
    table = open_table(Path(asked.log), id_columns(named))
    beside = set(known) - set(table.columns)  # what only the reference data have, the label say
    layout = layout_of(
        table.columns,
        {role: column for role, column in named.items() if column not in beside},
        [column for column in asked.ignored if column not in beside],
    )
    note(f"{table.path.name}: {layout.sentence()}")
    return TableLog(table, layout, asked.model, version, note, now_ms)


def _registered(settings: Settings, log: Log) -> Snapshot:
    """What is configured at the broker, for a topic; nothing for a file."""
    if not log.has_append_times:
        return NOTHING
    registry = Registry(settings).start()
    registry.close()
    return registry.snapshot


def _sources(settings: Settings, asked: Asked) -> dict[str, Source]:
    """Where baselines come from, by model."""
    named = parse_map(asked.mapped)
    out: dict[str, Source] = {}
    for text in asked.baselines:
        model, where = ANY_MODEL, text
        if "=" in text and not Path(text).exists():
            model, _, where = text.partition("=")
            check_name("model", model)
        if model in out:
            raise usage(f"--baseline gives {model} twice: keep one")
        if Path(where).exists():
            features_max = settings.bounds.features_max
            out[model] = FileSource(Path(where), named, asked.ignored, features_max, note)
        elif _ID.fullmatch(where):
            require_kafka(settings, create_topics=False)
            out[model] = _always(find_baseline(read_baselines(settings), where).baseline)
        else:
            raise usage(f"--baseline {where}: there is no such file, and an id is hexadecimal")
    return out


def _columns_of(sources: Iterable[Source]) -> set[str]:
    return {name for one in sources if isinstance(one, FileSource) for name in one.columns}


def _always(baseline: Baseline) -> Source:
    return lambda _version, _config: baseline


def _check_named(snapshot: Snapshot, given: ConfigFile, sources: dict[str, Source]) -> None:
    """Refuse a configuration that names a baseline which is not there."""
    for model in given.models:
        name = chosen_id(model)
        known = name is None or name in snapshot.baselines
        if not known and not sources.keys() & {model.model_name, ANY_MODEL}:
            raise usage(
                f"{model.model_name} is configured with baseline {str(name)[:12]}, which a file"
                f" does not hold: add --baseline {model.model_name}={str(name)[:12]}"
            )
        if model.baseline == "rolling":
            note(f"{model.model_name}: baselines do not roll here; the first one counts throughout")


# -- running -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _reports_to(path: Path | None) -> Iterator[TakeReport | None]:
    """Open the file of reports, where one is asked for."""
    if path is None:
        yield None
        return
    try:
        with path.open("wb") as file:

            def write(report: WindowReport) -> None:
                file.write(encode_report(report) + b"\n")

            yield write
    except OSError as error:
        raise CommandError(f"{path} can't be written ({error.strerror}): check it") from error


def _run(backtest: Backtest, log: Log) -> Outcome:
    with _bar(log) as advance:
        for records in log.batches(advance):
            backtest.add(records)
    return backtest.finish()


@contextlib.contextmanager
def _bar(log: Log) -> Iterator[Callable[[int], None]]:
    """Show how much of the log was read, at a terminal."""
    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    bar = Progress(
        *columns,
        TimeRemainingColumn(compact=True),
        console=notes(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(f"reading {log.name}", total=log.size)
        yield lambda read: bar.advance(task, read)


def _check_counted(log: Log, outcome: Outcome) -> None:
    """Refuse a log of which nothing could be counted."""
    if outcome.books.get("accepted"):
        return
    if not outcome.books.get("consumed"):
        raise CommandError(f"{log.name} holds no event: check the path, or --since and --until")
    reason, first = next(iter(outcome.refused.items()))
    raise CommandError(
        f"{log.name}: none of {outcome.books['consumed']:,} events could be counted;"
        f" {first.place}: {first.detail} ({reason})"
    )
