"""Run everything on this machine, in this order.

1. lock the data directory, so that there is one ``up`` a directory,
2. start or adopt Kafka and Redis, as far as the settings name none,
3. create the topics,
4. start workers and agents, which end with this process, also when it is killed with -9,
5. leave the note by which other commands find all this,
6. keep everything running until SIGINT, SIGTERM or SIGHUP, then end it in reverse order.
"""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from schemas.topics import Topic, topic_name
from stream.cli.connect import require_kafka, require_redis
from stream.cli.errors import CommandError
from stream.cli.output import console, escape
from stream.cli.running import (
    Running,
    data_directory,
    find_running,
    leave_note,
    remove_note,
    this_process,
)
from stream.cli.supervise import Supervisor, own_command
from stream.embedded import EmbeddedError, EmbeddedStack
from stream.kafka import topic_ids
from stream.settings import HttpSettings, Settings, load_settings, shown_url
from stream.state.keys import PartitionId, StateKeys

POLL_S = 0.25
READY_S_MAX = 60.0
_PORTS_TRIED = 20
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FIRST_EVENT = '{"model_name": "credit", "model_version": "1", "prediction": 1, "latency_ms": 12}'


class _Stopped(Exception):
    """A signal asked us to end."""


def run_up(workers: int, config: Path | None, data_dir: Path | None, namespace: str | None) -> None:
    """Run everything until a signal; returns when all of it has ended.

    Raises
    ------
    CommandError, EmbeddedError
        When something can't be started.
    """
    options = {"namespace": namespace, "data_dir": None if data_dir is None else str(data_dir)}
    settings = load_settings(config, options=options)
    directory = data_directory(settings.data_dir)
    for ending in _ENDING:
        signal.signal(ending, _raise_stopped)
    try:
        with _lock(directory), contextlib.ExitStack() as at_end:
            stack = _servers(settings, directory)
            if stack is not None:
                at_end.callback(stack.stop)
            settings = _complete(settings, stack, directory)
            require_kafka(settings)
            children = Supervisor(_environment(settings, config, directory), _say)
            at_end.callback(_end_children, children)
            before = _owners(settings)
            for number in range(1, workers + 1):
                command = ("worker", "--instance", _instance(directory, number))
                _add(children, directory, f"worker-{number}", *command)
            _add(children, directory, "agents", "agents")
            leave_note(directory, _note(settings))
            at_end.callback(remove_note, directory)
            _show(settings, directory, stack)
            _keep_running(settings, stack, children, before)
    except (_Stopped, KeyboardInterrupt):
        _say("stopped")


def _raise_stopped(_number: int, _frame: FrameType | None) -> None:
    # A second signal must not interrupt the orderly end.
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)
    raise _Stopped


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold the data directory for this process's life; the kernel lets go of it in any case."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "logs").mkdir(mode=0o700, exist_ok=True)
        lock = (directory / "up.lock").open("a")
    except OSError as error:
        raise CommandError(
            f"{directory} can't be written ({error.strerror}): choose another --data-dir"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            running = find_running(directory)
            who = f"process {running.pid}" if running else "another process"
            raise CommandError(
                f"`streamgauge up` already runs on {directory} ({who}): use it as it is,"
                " or end it, or choose another --data-dir"
            ) from None
        yield


def _servers(settings: Settings, directory: Path) -> EmbeddedStack | None:
    """Start Kafka and Redis where one of them is not configured."""
    if settings.bootstrap_servers is not None and settings.redis.url is not None:
        return None
    return EmbeddedStack.start(directory, progress=_say)


def _complete(settings: Settings, stack: EmbeddedStack | None, directory: Path) -> Settings:
    """Fill in what the settings leave open."""
    kafka, redis, http = settings.kafka, settings.redis, settings.http
    if stack is not None and settings.bootstrap_servers is None:
        kafka = {**kafka, "bootstrap.servers": stack.bootstrap_servers}
    if stack is not None and redis.url is None:
        redis = msgspec.structs.replace(redis, url=stack.redis_url)
    port = _free_port(http)
    if port != http.port:
        _say(f"port {http.port} is taken: HTTP is on {port}")
        http = msgspec.structs.replace(http, port=port)
    return msgspec.structs.replace(
        settings, kafka=kafka, redis=redis, http=http, data_dir=str(directory)
    )


def _free_port(http: HttpSettings) -> int:
    """Return the port of the settings, or the next free one."""
    for port in range(http.port, min(http.port + _PORTS_TRIED, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((http.host, port))
                return port
    return http.port


def _environment(settings: Settings, config: Path | None, directory: Path) -> dict[str, str]:
    """Return the children's environment: what was found out here is what they use."""
    given = dict(os.environ) | {
        "STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers or "",
        "STREAMGAUGE_REDIS__URL": settings.redis.url or "",
        "STREAMGAUGE_NAMESPACE": settings.namespace,
        "STREAMGAUGE_HTTP__PORT": str(settings.http.port),
        "STREAMGAUGE_DATA_DIR": str(directory),
    }
    for way in ("FILE", "ENV"):  # resolved here; given twice they would contradict each other
        given.pop(f"STREAMGAUGE_REDIS__URL_{way}", None)
    if config is not None:
        given["STREAMGAUGE_CONFIG"] = str(config.absolute())
    return given


def _add(children: Supervisor, directory: Path, name: str, *command: str) -> None:
    parent = ("--parent", str(os.getpid()))
    children.add(name, own_command(*command, *parent), directory / "logs" / f"{name}.log")


def _note(settings: Settings) -> Running:
    pid, started = this_process()
    return Running(
        pid=pid,
        started=started,
        bootstrap_servers=settings.bootstrap_servers or "",
        redis_url=settings.redis.url or "",
        namespace=settings.namespace,
        http_host=settings.http.host,
        http_port=settings.http.port,
    )


def _keep_running(
    settings: Settings,
    stack: EmbeddedStack | None,
    children: Supervisor,
    owners_before: Mapping[str, str],
) -> None:
    """Look after everything until a signal comes."""
    begun = time.monotonic()
    ready = False
    while True:
        children.tend()
        if stack is not None and not stack.adopted:
            _tend_servers(stack)
        if not ready and _is_ready(settings, owners_before):
            ready = True
            _say(f"ready after {time.monotonic() - begun:.1f} s: events are being counted")
        if not ready and time.monotonic() - begun > READY_S_MAX:
            ready = True
            _say("no worker has started to read yet: see the logs, or run `streamgauge doctor`")
        time.sleep(POLL_S)


def _tend_servers(stack: EmbeddedStack) -> None:
    """Start a server again that died by itself."""
    for name, start in (("redis", stack.start_redis), ("kafka", stack.start_kafka)):
        if stack.pid("redis" if name == "redis" else "kafka") is None:
            log = stack.data_dir / "logs" / f"{name}.log"
            _say(f"{name} died; starting it again (see {log})")
            try:
                start()
            except EmbeddedError as error:
                raise CommandError(f"{name} can't be started again: {error}") from error


def _is_ready(settings: Settings, owners_before: Mapping[str, str]) -> bool:
    """Whether a worker that we started has claimed every partition of the predictions."""
    owners = _owners(settings)
    new = [place for place, owner in owners.items() if owners_before.get(place) != owner]
    return len(owners) > 0 and len(new) == len(owners)


def _owners(settings: Settings) -> dict[str, str]:
    """Owner of each partition of the predictions; every claim has a fresh one."""
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    client = require_redis(settings)
    try:
        identity = topic_ids(settings, [topic])[topic]
        keys = StateKeys(settings.namespace)
        places = [PartitionId.parse(name) for name in client.hkeys(keys.clocks)]
        ours = [place for place in places if place.topic_id == identity]
        return {str(at): client.hget(keys.partition(at), "owner") or "" for at in ours}
    finally:
        client.close()


def _instance(directory: Path, number: int) -> str:
    """Name a worker for static membership: the same after a restart, and nobody else's."""
    place = hashlib.sha256(str(directory).encode()).hexdigest()[:8]
    return f"{socket.gethostname()}-{place}-{number}"


def _end_children(children: Supervisor) -> None:
    _say("ending workers and agents")
    children.stop()


def _show(settings: Settings, directory: Path, stack: EmbeddedStack | None) -> None:
    """Say where things are, and how to send the first event."""
    # Without -i or --namespace: other commands find it by the note alone, unless it lies elsewhere.
    elsewhere = "" if directory == data_directory(None) else f" --data-dir {directory}"
    adopted = " [dim](was running already)[/]" if stack is not None and stack.adopted else ""
    rows: list[tuple[str, Any]] = [
        ("Kafka", f"{settings.bootstrap_servers}{adopted}"),
        ("Redis", escape(str(shown_url(settings.redis.url)))),
        ("HTTP", f"http://{settings.http.host}:{settings.http.port}/health"),
        ("Data", escape(str(directory))),
        ("Logs", escape(str(directory / "logs"))),
        ("Topics", f"{settings.namespace}.predictions, {settings.namespace}.labels, …"),
    ]
    out = console()
    out.print()
    for name, value in rows:
        out.print(f"  [bold]{name:<7}[/] {value}", soft_wrap=True)
    out.print("\n  Send an event, from another shell:")
    out.print(f"    [green]echo '{escape(_FIRST_EVENT)}' \\\\[/]", soft_wrap=True)
    out.print(f"      [green]| streamgauge emit -{elsewhere}[/]", soft_wrap=True)
    out.print("  and watch it being counted:")
    out.print(f"    [green]streamgauge watch{elsewhere}[/]\n", soft_wrap=True)


def _say(line: str) -> None:
    console().print(f"[dim]{time.strftime('%H:%M:%S')}[/] {escape(line)}", soft_wrap=True)
