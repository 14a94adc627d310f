"""One thread for each channel, so that none waits for another."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog

log = structlog.get_logger("alerts")


class ChannelThreads:
    """Runs work of channels, of each one piece at a time.

    Parameters
    ----------
    channels : their names
    kind : of work; the log says by it what failed
    """

    def __init__(self, channels: Collection[str], kind: str) -> None:
        self._kind = kind
        self._threads = ThreadPoolExecutor(max(1, len(channels)), thread_name_prefix=kind)
        self._running: dict[str, Future[Any]] = {}

    def is_free(self, channel: str) -> bool:
        """Whether the last work of a channel is done; logs that it failed."""
        running = self._running.get(channel)
        if running is not None and not running.done():
            return False
        if running is not None and (error := running.exception()) is not None:
            log.error(f"{self._kind}_failed", channel=channel, why=type(error).__name__)
        return True

    def start(self, channel: str, work: Callable[[str, int], Any], now_ms: int) -> None:
        """Run some work of a channel that is free; does not wait."""
        self._running[channel] = self._threads.submit(work, channel, now_ms)
