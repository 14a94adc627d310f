"""Ask the servers themselves whether they are ready.

A line in a log, or an open port, only says that they try.
"""

from __future__ import annotations

import logging
import socket

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

# One question to a server on the same machine; a longer answer counts as "not yet".
ANSWER_TIMEOUT_S = 1.0

# librdkafka reports every refused connection: noise while we wait for the first to succeed.
_silent = logging.Logger("stream.embedded.readiness", level=logging.CRITICAL)


def redis_is_ready(port: int, password: str) -> bool:
    """Whether Redis answers PING: it has loaded its file and takes this password."""
    with redis.Redis(
        host="127.0.0.1",
        port=port,
        password=password,
        socket_timeout=ANSWER_TIMEOUT_S,
        socket_connect_timeout=ANSWER_TIMEOUT_S,
    ) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def kafka_is_ready(port: int) -> bool:
    """Whether the broker lists topics and itself among the brokers: it takes messages."""
    try:
        # Costs nothing while nobody listens, where a client would back off longer and longer.
        socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S).close()
    except OSError:
        return False
    admin = AdminClient(
        {"bootstrap.servers": f"127.0.0.1:{port}", "socket.timeout.ms": 1000}, logger=_silent
    )
    try:
        # A broker that is still fenced answers with an empty list.
        return len(admin.list_topics(timeout=ANSWER_TIMEOUT_S).brokers) == 1
    except KafkaException:
        return False
