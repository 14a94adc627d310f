"""Decide what the supervisor shall run: find the programs, configure them, write it down."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from stream.embedded.data_dir import DataDir, Ports, write_private
from stream.embedded.jars import ensure_jars
from stream.embedded.java import find_java
from stream.embedded.kafka import format_command, server_command, server_properties
from stream.embedded.redis_server import find_redis, redis_conf
from stream.embedded.supervisor import start_time

# Measured 0.9 s.
FORMAT_TIMEOUT_S = 60.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that a stack is made of."""

    java: Path
    redis_server: Path
    jars: list[Path]


def find_programs(progress: Progress) -> Programs:
    """Find Java and Redis, and fetch the jars that are missing.

    Raises
    ------
    EmbeddedError
        If one of them can't be had; the message says how to get it.
    """
    return Programs(find_java(), find_redis(), ensure_jars(progress=progress))


def write_plan(directory: DataDir, programs: Programs, ports: Ports, kafka_heap_mb: int) -> Path:
    """Write both servers' configuration and the supervisor's plan; return the plan's path.

    The calling process becomes the owner of what the plan starts.
    """
    properties = directory.root / "server.properties"
    write_private(
        properties,
        server_properties(
            log_dir=directory.kafka, broker_port=ports.kafka, controller_port=ports.controller
        ),
    )
    conf = directory.root / "redis.conf"
    write_private(
        conf,
        redis_conf(
            directory=directory.redis, port=ports.redis, password=directory.redis_password()
        ),
    )
    java, jars = programs.java, programs.jars
    formatting = None
    if not directory.is_formatted():
        # Kafka wants 16 bytes in base64; 22 characters of a UUID's hex digits are such a text.
        formatting = format_command(java, jars, properties, cluster_id=uuid.uuid4().hex[:22])
    plan = {
        "owner_pid": os.getpid(),
        "owner_started": start_time(os.getpid()),
        "data_dir": str(directory.root),
        "logs_dir": str(directory.logs),
        "state_path": str(directory.state_path),
        "lock_path": str(directory.alive_lock),
        "ports": asdict(ports),
        "format_timeout_s": FORMAT_TIMEOUT_S,
        "kafka_format": formatting,
        "commands": {
            "kafka": server_command(java, jars, properties, kafka_heap_mb),
            "redis": [str(programs.redis_server), str(conf)],
        },
    }
    path = directory.root / "plan.json"
    write_private(path, json.dumps(plan, indent=1))
    return path
