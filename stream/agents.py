"""The control plane: a Faust app whose agents roll up panes and, from their reports, raise alerts.

Faust gives what is low-rate and keyed its consumer groups: each model's notices reach one agents
process, and when that one dies, another. State is in Redis, so agents are idempotent and Faust keeps
no tables. This is the only module that imports Faust.
"""

import asyncio
from collections.abc import Callable

import faust
import msgspec
import structlog

from schemas.topics import Topic, topic_name
from stream.rollup.rollup import Rollup
from stream.settings import Settings
from stream.state.keys import VersionId

log = structlog.get_logger("agents")

_PANES_PENDING_MAX = 10_000


class Notice(msgspec.Struct, frozen=True):
    """A record of ``ml.panes``: this model version changed."""

    model: str
    version: str


class ControlPlane:
    """The Faust app and what its agents work on."""

    def __init__(self, settings: Settings, rollup: Rollup) -> None:
        self.settings = settings
        self.rollup = rollup
        self.pending: dict[VersionId, None] = {}
        self._wake = asyncio.Event()
        self.app = self._make_app()

    def _make_app(self) -> faust.App:
        servers = self.settings.bootstrap_servers or ""
        app = faust.App(
            f"{self.settings.namespace}.agents",
            broker=[f"kafka://{server}" for server in servers.split(",")],
            store="memory://",
            topic_disable_leader=True,
            web_enabled=False,
            value_serializer="raw",
            key_serializer="raw",
            consumer_auto_offset_reset="latest",
            autodiscover=False,
            datadir=self.settings.data_dir,
        )
        panes = app.topic(topic_name(self.settings.namespace, Topic.PANES), value_type=bytes)

        @app.agent(panes, name="rollup")
        async def rollup(notices: faust.Stream[bytes]) -> None:
            async for value in notices:
                self._take_notice(value)

        @app.task
        async def roll_up_pending() -> None:
            while not app.should_stop:
                await self._roll_up_pending()

        return app

    def _take_notice(self, value: bytes) -> None:
        """Remember a version to roll up. Notices are hints and repeat, so none needs to be kept."""
        try:
            notice = msgspec.json.decode(value, type=Notice)
        except msgspec.DecodeError as error:
            log.warning("notice_ignored", why=str(error))
            return
        if len(self.pending) < _PANES_PENDING_MAX:
            self.pending[VersionId(notice.model, notice.version)] = None
            self._wake.set()

    async def _roll_up_pending(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=1.0)
        except TimeoutError:
            return
        self._wake.clear()
        while self.pending:
            version = next(iter(self.pending))
            del self.pending[version]
            await self._guarded(version, self.rollup.process)

    async def _guarded(self, version: VersionId, work: Callable[[VersionId], int]) -> None:
        """Run blocking work in a thread. A failure costs this version this round only."""
        try:
            await asyncio.to_thread(work, version)
        except Exception:
            log.exception("rollup_failed", model=version.model, version=version.version)

    def run(self, loglevel: str = "warning") -> None:
        """Run until SIGINT or SIGTERM; does not return."""
        faust.Worker(self.app, loglevel=loglevel, redirect_stdouts=False).execute_from_commandline()
