"""``demo``: watch a model drift, on real servers and real data."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stream.cli.connect import require_redis
from stream.cli.errors import CommandError
from stream.cli.help import examples
from stream.cli.options import ConfigOption
from stream.cli.output import console
from stream.cli.running import Running, leave_note, this_process
from stream.demo.demo import (
    REPLAY_S,
    demo_settings,
    environment_of,
    register,
    roles,
)
from stream.demo.replay import Replay, VisibleLatency
from stream.demo.settling import DemoError, Settling
from stream.demo.summary import further, summary
from stream.demo.traffic import MODEL
from stream.live.overview import Overview, read_overview
from stream.live.screen import follow
from stream.settings import Settings, load_settings

app = typer.Typer()

_REFRESH_S = 0.25
_PIPED_EVERY_S = 5.0
_LOG = "streamgauge-demo.log"
_LOG_LINES_SHOWN = 20  # a traceback and what led to it


@app.command(
    epilog=examples(
        "streamgauge demo",
        "streamgauge demo --keep     # the servers stay up afterwards",
        then="[bold]streamgauge up[/] does the same for your own models.",
    )
)
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", metavar="", help="Stay up afterwards, until Ctrl-C.")
    ] = False,
    speed: Annotated[
        float, typer.Option(metavar="X", min=0.1, max=20, help="Replay so many times as fast.")
    ] = 1.0,
    config: ConfigOption = None,
) -> None:
    """Replay real traffic of a model through Kafka and watch it drift, in about a minute."""
    screen = console()
    try:
        with demo_settings(
            load_settings(config), lambda line: screen.print(f"[dim]{line}[/]")
        ) as settings:
            _play(settings, screen, REPLAY_S / speed, keep=keep)
    except DemoError as error:
        raise CommandError(f"demo: {error}") from error
    except KeyboardInterrupt:
        screen.print("stopped")


def _play(settings: Settings, screen: Console, seconds: float, *, keep: bool) -> None:
    register(settings, lambda line: screen.print(f"[dim]{line}[/]"))
    client = require_redis(settings)
    replay = Replay(settings, seconds)
    latency = VisibleLatency(replay, settings.worker.disorder_ms)
    settling = Settling(settings, require_redis(settings, text=False), replay)

    def read() -> Overview:
        overview = read_overview(client, settings.namespace, MODEL)
        for version in overview.versions:
            latency.look(version.newest("watermark"))
        return overview

    def header() -> RenderableType:
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text("replaying 343 days of California housing"),
            ProgressBar(total=replay.total, completed=replay.sent, width=24),
            Text(f"{replay.sent:,}/{replay.total:,}, {replay.labels_sent:,} labels"),
        )
        return line

    assert settings.data_dir is not None
    folder = Path(settings.data_dir)
    with roles(environment_of(settings, dict(os.environ)), os.getpid(), folder / _LOG):
        began = time.monotonic()
        replay.start()
        try:
            if sys.stdout.isatty():
                follow(read, screen, is_done=settling.is_done, header=header, refresh_s=_REFRESH_S)
            else:
                _follow_plainly(read, settling, replay, screen)
        except DemoError:
            screen.print(_last_lines(folder / _LOG), style="dim", markup=False, soft_wrap=True)
            raise
        finally:
            replay.stop()
        took_s = time.monotonic() - began
        screen.print(summary(settling.observed, replay, took_s, latency.samples_s))
        screen.print("[bold]With --keep the servers stay up, and you can look further:[/]")
        for command in further(settings):
            screen.print(f"  {command}", soft_wrap=True, markup=False)
        if keep:
            _stay_up(settings, folder, screen)


def _last_lines(log: Path) -> str:
    """Return the end of a log, which goes with the demo's folder."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES_SHOWN:])


def _stay_up(settings: Settings, folder: Path, screen: Console) -> None:
    """Let other commands find this demo by its folder, until Ctrl-C."""
    pid, started = this_process()
    note = Running(
        pid,
        started,
        settings.bootstrap_servers or "",
        settings.redis.url or "",
        settings.namespace,
        settings.http.host,
        settings.http.port,
    )
    leave_note(folder, note)
    screen.print("[bold]staying up; Ctrl-C ends it[/]")
    while True:
        time.sleep(1)


def _follow_plainly(read: object, settling: Settling, replay: Replay, screen: Console) -> None:
    """Print a line now and then where there is no terminal."""
    assert callable(read)
    said = 0.0
    while not settling.is_done():
        overview = read()
        if time.monotonic() - said >= _PIPED_EVERY_S:
            said = time.monotonic()
            screen.print(f"{replay.sent:,}/{replay.total:,} events; {_seen(overview)}")
        time.sleep(_REFRESH_S)


def _seen(overview: Overview) -> str:
    """What there is to say of the model now; performance over its longest window."""
    drifted = [name for version in overview.versions for name in version.drifted]
    said = [f"drifted features: {', '.join(drifted) or 'none yet'}"]
    for version in overview.versions:
        longest = version.windows[-1]
        for title, name in (("accuracy", "accuracy"), ("estimated", "estimated_accuracy")):
            if name in longest.figures:
                said.append(f"{title} over {longest.name} {longest.figures[name]:.2f}")
    return "; ".join(said)
