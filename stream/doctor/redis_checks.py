"""Redis: whether it answers, is one primary, and keeps what it is given."""

from collections.abc import Mapping
from typing import Any

import redis

from stream.doctor.check import Check, fine, trouble, warning
from stream.settings import shown_url
from stream.state.client import RedisClient

VERSION_MIN = (6, 2)
MEMORY_SHARE_MAX = 0.8
_FSYNC_ALLOWED = ("everysec", "always")


def check_redis(client: RedisClient, url: str) -> list[Check]:
    """Look at Redis; one check where it does not answer."""
    where = shown_url(url)
    try:
        info = client.info()
    except redis.RedisError as error:
        return [
            trouble(
                "redis.reach",
                f"{where} does not answer: {error}",
                "check redis.url and the password; `streamgauge up` starts a Redis",
            )
        ]
    return [
        _version(info, str(where)),
        _topology(info),
        _eviction(info),
        _persistence(info, _fsync(client)),
        _memory(info),
    ]


def _version(info: Mapping[str, Any], where: str) -> Check:
    text = str(info.get("redis_version", "0"))
    name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    if version < VERSION_MIN:
        return trouble("redis.reach", f"{name} {text} at {where}", "use Redis 6.2 or newer")
    return fine("redis.reach", f"{name} {text} at {where}")


def _topology(info: Mapping[str, Any]) -> Check:
    if int(info.get("cluster_enabled", 0)):
        return trouble(
            "redis.topology",
            "a Redis Cluster, whose scripts can't change several models in one step",
            "use one primary (replicas and Sentinel are fine), one for each namespace if need be",
        )
    role = str(info.get("role", "master"))
    if role != "master":
        return trouble(
            "redis.topology",
            f"this is a {role}, which takes no writes",
            "set redis.url to the primary",
        )
    return fine("redis.topology", f"one primary, {info.get('connected_slaves', 0)} replicas")


def _eviction(info: Mapping[str, Any]) -> Check:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        return trouble(
            "redis.eviction",
            f"maxmemory-policy is {policy}, so counts may vanish when memory is short",
            "CONFIG SET maxmemory-policy noeviction",
        )
    return fine("redis.eviction", "noeviction")


def _fsync(client: RedisClient) -> str | None:
    """Return ``appendfsync``, None where we may not ask: managed servers forbid CONFIG."""
    try:
        answer = client.config_get("appendfsync")
    except redis.RedisError:
        return None
    return {_text(k): _text(v) for k, v in answer.items()}.get("appendfsync")


def _persistence(info: Mapping[str, Any], fsync: str | None) -> Check:
    if not int(info.get("aof_enabled", 0)):
        return trouble(
            "redis.persistence",
            "no append-only file: a restart would lose the state, and replay from Kafka takes time",
            "CONFIG SET appendonly yes, and appendfsync everysec",
        )
    if fsync is None:
        return warning(
            "redis.persistence",
            "append-only file; how often it is written can't be asked",
            "make sure that appendfsync is everysec or always",
        )
    if fsync not in _FSYNC_ALLOWED:
        return trouble(
            "redis.persistence", f"appendfsync is {fsync}", "CONFIG SET appendfsync everysec"
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return trouble(
            "redis.persistence",
            "the last write of the append-only file failed",
            "look at Redis' log and at the disk",
        )
    return fine("redis.persistence", f"append-only file, {fsync}")


def _memory(info: Mapping[str, Any]) -> Check:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    text = f"{used / 2**20:,.0f} MB"
    if most and used > MEMORY_SHARE_MAX * most:
        return warning(
            "redis.memory",
            f"{text} of {most / 2**20:,.0f} MB",
            "raise maxmemory: a full Redis stops the workers",
        )
    return fine("redis.memory", text + (f" of {most / 2**20:,.0f} MB" if most else ", no limit"))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
