"""Keep a live view on the screen."""

import time
from collections.abc import Callable

import redis
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from stream.live.overview import Overview
from stream.live.view import LiveView

REFRESH_S = 1.0
"""Figures are live within 2 s, so twice that often is enough."""


def follow(
    read: Callable[[], Overview],
    console: Console,
    *,
    is_done: Callable[[], bool] = lambda: False,
    header: Callable[[], RenderableType] | None = None,
    refresh_s: float = REFRESH_S,
) -> None:
    """Show an overview until it is done, drawn anew every second.

    Parameters
    ----------
    read
        Reads the overview; while Redis does not answer the last one stays on the screen.
    console
        A terminal.
    is_done
        Asked after every drawing.
    header
        Drawn above, such as how far a replay is.
    refresh_s
        Seconds between drawings.

    Raises
    ------
    KeyboardInterrupt
        When the user has seen enough.
    """
    overview = read()
    trouble = ""
    with Live(console=console, screen=False, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(_screen(overview, header, trouble), refresh=True)
            if is_done():
                return
            time.sleep(refresh_s)
            try:
                overview, trouble = read(), ""
            except redis.RedisError as error:
                trouble = f"Redis does not answer ({error}); trying again"


def _screen(
    overview: Overview, header: Callable[[], RenderableType] | None, trouble: str
) -> RenderableType:
    parts: list[RenderableType] = [] if header is None else [header()]
    parts.append(LiveView(overview, time.time_ns() // 1_000_000))
    if trouble:
        parts.append(Text(trouble, style="red"))
    return Group(*parts)
