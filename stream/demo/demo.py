"""The demo's steps: register, build the baseline, replay, watch until every window is final."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schemas.activations import Activation
from stream.activations import plan_for
from stream.baseline.build import build_baseline
from stream.baseline.read import read_table
from stream.baseline.store import BEGINNING_OF_TIME, activate, publish_baseline
from stream.configure import publish_config
from stream.demo.model import CONFIG, RULES
from stream.demo.traffic import MODEL, ROLES, VERSION, data_file
from stream.embedded import EmbeddedStack
from stream.kafka import ensure_topics
from stream.settings import Settings, load_settings

REPLAY_S = 25.0
IDLE_TIMEOUT_MS = 2_000
"""The replay ends, so its last windows need not wait for more as long as live ones do."""
REPORT_AGAIN_MS = 200
"""Labels of weeks come within seconds: half a minute between reports would outlast the demo. Short
beside a round of the agents, so that months become mature in their order."""
WHO = "streamgauge demo"
_END_S = 15.0

Say = Callable[[str], None]


@contextmanager
def demo_settings(settings: Settings, say: Say) -> Iterator[Settings]:
    """Kafka and Redis from the settings, else embedded ones in a folder that goes afterwards."""
    options: dict[str, Any] = {
        "worker": {"idle_timeout_ms": IDLE_TIMEOUT_MS, "report_again_ms": REPORT_AGAIN_MS},
        "http": {"port": _free_port()},
    }
    with tempfile.TemporaryDirectory(prefix="streamgauge-demo-") as folder:
        options["data_dir"] = folder
        if settings.bootstrap_servers is not None and settings.redis.url is not None:
            yield load_settings(options=options | {"namespace": f"demo-{int(time.time())}"})
            return
        with EmbeddedStack.start(Path(folder), progress=say) as stack:
            options["kafka"] = {"bootstrap.servers": stack.bootstrap_servers}
            options["redis"] = {"url": stack.redis_url}
            yield load_settings(environment={}, options=options)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def register(settings: Settings, say: Say) -> None:
    """Register the model, its rules and its baseline, which counts from the beginning of time."""
    ensure_topics(settings)
    now_ms = time.time_ns() // 1_000_000
    publish_config(settings, [CONFIG, *RULES], WHO, now_ms)
    baseline = build_baseline(
        read_table(data_file("reference.parquet")),
        model_name=MODEL,
        model_version=VERSION,
        roles=ROLES,
    )
    identity = publish_baseline(settings, baseline, WHO, now_ms)
    activation = Activation(
        model_name=MODEL,
        model_version=VERSION,
        effective_from=BEGINNING_OF_TIME,
        plan=plan_for(CONFIG, baseline, {}),
        baseline_id=identity,
    )
    activate(settings, activation, WHO, now_ms)
    say(f"baseline {identity[:12]} of {baseline.rows:,} rows, {len(baseline.features)} features")


def environment_of(settings: Settings, base: dict[str, str]) -> dict[str, str]:
    """Environment in which other commands find the demo's Kafka, Redis and namespace."""
    return {name: value for name, value in base.items() if not name.startswith("STREAMGAUGE_")} | {
        "STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers or "",
        "STREAMGAUGE_REDIS__URL": settings.redis.url or "",
        "STREAMGAUGE_NAMESPACE": settings.namespace,
        "STREAMGAUGE_WORKER__IDLE_TIMEOUT_MS": str(settings.worker.idle_timeout_ms),
        "STREAMGAUGE_WORKER__REPORT_AGAIN_MS": str(settings.worker.report_again_ms),
        "STREAMGAUGE_HTTP__PORT": str(settings.http.port),
    }


@contextmanager
def roles(environment: dict[str, str], parent: int, log: Path) -> Iterator[None]:
    """One worker and one agents process, which end with the block and with this process."""
    running = []
    with log.open("wb") as output:
        for role in ("worker", "agents"):
            command = [sys.executable, "-m", "stream.cli.main", role, "--parent", str(parent)]
            process = subprocess.Popen(  # noqa: S603  # our own program
                command, env=environment, stdout=output, stderr=output
            )
            running.append(process)
        try:
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                try:
                    process.wait(_END_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
