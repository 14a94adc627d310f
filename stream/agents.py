"""The control plane: a Faust app whose agents roll up panes and, from their reports, raise alerts.

Faust gives what is low-rate and keyed its consumer groups: each model's notices reach one agents
process, and when that one dies, another. State is in Redis, so agents are idempotent and Faust
keeps no tables. This is the only module that imports Faust.
"""

import asyncio
import tempfile
from collections.abc import Callable
from typing import Any

import faust
import msgspec
import structlog

from schemas.topics import Topic, topic_name
from stream.alerting.service import Alerting
from stream.rollup.rollup import Rollup
from stream.settings import Settings
from stream.state.keys import VersionId
from stream.web.server import HttpServer

log = structlog.get_logger("agents")

_PANES_PENDING_MAX = 10_000
_ALERTS_TURN_S = 0.5  # a person is told within a second of the report
_ALERTS_RETRY_S = 1.0
_SESSION_TIMEOUT_S = 10.0  # of the contract; Faust's own minute is how long a crash would be felt


def group_name(namespace: str) -> str:
    """Name of the consumer group that all agents processes share."""
    return f"{namespace}.agents"


class Notice(msgspec.Struct, frozen=True):
    """A record of ``ml.panes``: this model version changed."""

    model: str
    version: str


class ControlPlane:
    """The Faust app and what its agents work on."""

    def __init__(
        self, settings: Settings, rollup: Rollup, alerting: Alerting, http: HttpServer
    ) -> None:
        self.settings = settings
        self.rollup = rollup
        self.alerting = alerting
        self.http = http
        self.pending: dict[VersionId, None] = {}
        self._wake = asyncio.Event()
        # Faust makes a folder even where it has nothing to put into it.
        self._folder = tempfile.TemporaryDirectory(prefix="streamgauge-agents-")
        self.app = self._make_app()

    def _make_app(self) -> faust.App:
        servers = self.settings.bootstrap_servers or ""
        app = faust.App(
            group_name(self.settings.namespace),
            broker=[f"kafka://{server}" for server in servers.split(",")],
            store="memory://",
            topic_disable_leader=True,
            web_enabled=False,
            value_serializer="raw",
            key_serializer="raw",
            # No report is passed over, and what changed before the first start is looked at.
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=_SESSION_TIMEOUT_S,
            autodiscover=False,
            datadir=self._folder.name,
        )
        panes = app.topic(topic_name(self.settings.namespace, Topic.PANES), value_type=bytes)

        @app.agent(panes, name="rollup")
        async def rollup(notices: faust.StreamT[Any]) -> None:
            async for value in notices:
                self._take_notice(value)

        @app.task  # type: ignore[untyped-decorator]  # Faust's own
        async def roll_up_pending() -> None:
            while not app.should_stop:
                await self._roll_up_pending()

        reports = app.topic(topic_name(self.settings.namespace, Topic.METRICS), value_type=bytes)

        @app.agent(reports, name="alerts")
        async def alerts(reports: faust.StreamT[Any]) -> None:
            async for value in reports:
                await self._raise_alerts(value)

        @app.task  # type: ignore[untyped-decorator]  # Faust's own
        async def relay_alerts() -> None:
            while not app.should_stop:
                await self._relay_alerts()

        @app.service
        class Http(faust.Service):
            async def on_start(service) -> None:  # self is the control plane
                await self._start_http()

            async def on_stop(service) -> None:
                self.alerting.close()
                await self.http.stop()

        return app

    async def _raise_alerts(self, report: bytes) -> None:
        """Evaluate a report, again and again until Kafka and Redis let it: none may be lost."""
        try:
            while not await asyncio.to_thread(self.alerting.take, report):
                await asyncio.sleep(_ALERTS_RETRY_S)
        except Exception:
            log.exception("report_failed")

    async def _relay_alerts(self) -> None:
        """Let out what is staged, and do the checks that are due."""
        try:
            await asyncio.to_thread(self.alerting.turn)
        except Exception:
            log.exception("alerts_failed")
        await asyncio.sleep(_ALERTS_TURN_S)

    async def _start_http(self) -> None:
        """Listen; where the port is taken, by another agents process say, go on without."""
        try:
            await self.http.start()
        except OSError as error:
            http = self.settings.http
            log.error(
                "http_not_served",
                why=f"{http.host}:{http.port}: {error.strerror}; set http.port to a free one",
            )

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
            if await self._guarded(version, self.rollup.process):
                self.pending[version] = None  # at the back of the queue

    async def _guarded(self, version: VersionId, work: Callable[[VersionId], bool]) -> bool:
        """Run blocking work in a thread. A failure costs this version this round only."""
        try:
            return await asyncio.to_thread(work, version)
        except Exception:
            log.exception("rollup_failed", model=version.model, version=version.version)
            return False

    def run(self, loglevel: str = "warning") -> None:
        """Run until SIGINT or SIGTERM; does not return."""
        worker = faust.Worker(self.app, loglevel=loglevel, redirect_stdouts=False, quiet=True)
        worker.spinner = None  # it writes terminal codes even where there is no terminal
        worker.execute_from_commandline()
