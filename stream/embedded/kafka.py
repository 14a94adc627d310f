"""How Apache Kafka is told to be one small node: configuration and command lines, as text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

# The node is its own controller quorum, with static voters: it may come back on other ports.
NODE_ID = 1

# A user's event is 500 bytes; a batch message or a baseline may be a few MB.
MESSAGE_BYTES_MAX = 16 * 1024 * 1024

# The cleaner reserves this at start-up. Kafka's 128 MB would be half of our heap; 8 MB does
# 300,000 keys a pass.
CLEANER_BUFFER_BYTES = 8 * 1024 * 1024

# Below this heap the node is a laptop's: a quick start counts. Above, it is under load: optimised
# code counts.
OPTIMISE_FROM_HEAP_MB = 512

# Measured: Kafka 4.2 formats and starts with 48, and has then nothing left to work with.
HEAP_MB_MIN = 64


def server_properties(*, log_dir: Path, broker_port: int, controller_port: int) -> str:
    """Render ``server.properties`` for a combined broker and controller on loopback."""
    broker = f"127.0.0.1:{broker_port}"
    controller = f"127.0.0.1:{controller_port}"
    settings: Mapping[str, object] = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(log_dir).replace("\\", "\\\\"),
        # Topics are created on purpose, with their retention; a misspelt name must fail.
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Fifty partitions of bookkeeping are for clusters: four open faster and take fewer files.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 4,
        # A lone consumer gets its partitions at once; one that crashed is missed after a second.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "group.consumer.min.session.timeout.ms": 1000,
        # A crashed node is let in again only when its old session is over: 9 s by default. Three
        # heartbeats leave room for a busy machine.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 1000,
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "replica.fetch.max.bytes": MESSAGE_BYTES_MAX,
        "log.cleaner.dedupe.buffer.size": CLEANER_BUFFER_BYTES,
        # One client machine: half of the default threads.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def format_command(
    java: Path, jars: Sequence[Path], properties: Path, cluster_id: str
) -> list[str]:
    """Return the command that prepares an empty log directory; it leaves a prepared one alone."""
    storage_tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
    return [
        *_java(java, jars, heap_mb=HEAP_MB_MIN),
        *storage_tool,
        *("--cluster-id", cluster_id, "--config", str(properties)),
    ]


def server_command(java: Path, jars: Sequence[Path], properties: Path, heap_mb: int) -> list[str]:
    """Return the command that runs the node in the foreground.

    Raises
    ------
    ValueError
        If `heap_mb` is below `HEAP_MB_MIN`.
    """
    if heap_mb < HEAP_MB_MIN:
        raise ValueError(f"kafka_heap_mb is {heap_mb}, and Kafka needs at least {HEAP_MB_MIN}")
    return [*_java(java, jars, heap_mb=heap_mb), "kafka.Kafka", str(properties)]


def _java(java: Path, jars: Sequence[Path], *, heap_mb: int) -> list[str]:
    """Return the JVM's part: a node ready after 2 s, about 220 MB resident when idle."""
    compiler = ["-XX:TieredStopAtLevel=1"] if heap_mb < OPTIMISE_FROM_HEAP_MB else []
    return [
        str(java),
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        *compiler,
        # No files under the system's temporary directory that a kill -9 would leave behind.
        "-XX:-UsePerfData",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "-cp",
        os.pathsep.join(map(str, jars)),
    ]
