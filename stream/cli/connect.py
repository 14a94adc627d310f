"""Reach Kafka and Redis, or say at once that they don't answer."""

import socket
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.topics import Topic
from stream.cli.errors import CommandError, usage
from stream.kafka import ensure_topics
from stream.settings import Settings, shown_url
from stream.state.client import RedisClient

KAFKA_PORT = 9092
# Long enough for another continent, short enough for a person who waits.
CONNECT_TIMEOUT_S = 5.0
REDIS_TIMEOUT_S = 5.0

_START_ONE = "start one with `streamgauge up`"


def require_kafka(settings: Settings, *, create_topics: bool = True) -> None:
    """Check that a broker listens, and create the topics that are missing.

    Raises
    ------
    CommandError
        When none is configured, or none of those configured listens.
    """
    servers = settings.bootstrap_servers
    if servers is None:
        raise usage(
            "no Kafka is configured and no `streamgauge up` is running here:"
            f" set kafka.bootstrap_servers, or {_START_ONE}"
        )
    refusals = [why for server in servers.split(",") if (why := _refusal(server.strip()))]
    if len(refusals) == len(servers.split(",")):
        raise CommandError(
            f"Kafka at {servers} does not answer ({refusals[0]}): check"
            f" kafka.bootstrap_servers, or {_START_ONE}"
        )
    if create_topics:
        ensure_topics(settings, tuple(Topic))


def _refusal(server: str) -> str | None:
    """Why a server can't be connected to, None where it can."""
    at = urlsplit(server if "://" in server else f"//{server}")
    try:
        address = (at.hostname or "", at.port or KAFKA_PORT)
    except ValueError:
        return f"{server} is no host:port"
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return error.strerror or str(error) or "no answer"
    return None


def require_redis(settings: Settings, *, text: bool = True) -> RedisClient:
    """Connect to Redis, as its users do: text in, text out; else bytes, as the state has them.

    Raises
    ------
    CommandError
        When none is configured or it does not answer.
    """
    url = settings.redis.url
    if url is None:
        raise usage(
            "no Redis is configured and no `streamgauge up` is running here:"
            f" set redis.url, or {_START_ONE}"
        )
    client: RedisClient = redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),  # a person waits
        decode_responses=text,
    )
    try:
        client.ping()
    except redis.AuthenticationError as error:
        raise CommandError(
            f"Redis at {shown_url(url)} refuses the password ({error}): check redis.url"
        ) from error
    except redis.RedisError as error:
        raise CommandError(
            f"Redis at {shown_url(url)} does not answer ({error}): check redis.url, or {_START_ONE}"
        ) from error
    return client
