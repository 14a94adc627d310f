"""The examination as a whole, in the order in which one thing depends on another."""

import time
from collections.abc import Mapping

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not listed
    AdminClient,
    ClusterMetadata,
)
from msgspec import UNSET

from schemas.durations import parse_duration_ms
from schemas.models import ModelConfig, window_specs
from schemas.records import ConfigRecord
from schemas.topics import Topic, topic_name
from stream.alerting.channel_figures import read_channels
from stream.configure import model_config, read_config
from stream.doctor.channel_checks import (
    check_delivery,
    check_given_up,
    check_named,
    check_queue,
    check_recipients,
    check_settings,
    read_queue,
    unusable_settings,
)
from stream.doctor.check import Book, Check, Diagnosis, trouble
from stream.doctor.kafka_checks import Reach, check_reach, check_topics, end_offsets
from stream.doctor.label_checks import check_need, check_orphans, check_room
from stream.doctor.label_traffic import read_waiting
from stream.doctor.plane_checks import (
    Progress,
    check_books,
    check_health,
    check_lag,
    check_members,
    check_ownership,
)
from stream.doctor.redis_checks import check_redis
from stream.kafka import client_settings, topic_ids
from stream.settings import Settings, SettingsError
from stream.state.books import read_books
from stream.state.client import RedisClient
from stream.state.join import JoinFigures, read_join
from stream.state.keys import READ_TOPICS, PartitionId, StateKeys, VersionId

_LOOKED_TWICE_S = 3.0
"""What waits and gets on is another after so long: agents look at it twice a second."""


def examine(settings: Settings, client: RedisClient | None, now_ms: int) -> Diagnosis:
    """Look at everything.

    Parameters
    ----------
    settings
        Where things are.
    client
        Redis, answering in bytes; None where none is configured.
    now_ms
        Wall clock.
    """
    checks: list[Check] = []
    books: list[Book] = []
    labels: JoinFigures | None = None
    configured: dict[str, ConfigRecord] = {}
    redis_checks = _redis_checks(settings, client)
    redis_answers = all(check.ok for check in redis_checks if check.name == "redis.reach")
    admin, cluster = None, None
    if settings.bootstrap_servers is None:
        hint = "set kafka.bootstrap_servers, or start `streamgauge up`"
        checks.append(trouble("kafka.reach", "no Kafka is configured", hint))
    else:
        admin = AdminClient(client_settings(settings))
        reach, cluster = check_reach(admin, settings)
        checks.append(reach)
    checks += redis_checks
    if admin is not None and cluster is not None:
        if topic_name(settings.namespace, Topic.CONFIG) in cluster.topics:
            configured = read_config(settings)
        checks += check_topics(admin, cluster, settings, _reach(configured))
        checks += check_members(admin, settings.namespace)
        counted = _counted_topics(settings, cluster)
        if client is not None and redis_answers and counted:
            ids = topic_ids(settings, counted)
            progress = read_progress(admin, client, settings.namespace, ids, cluster)
            books = _books(client, settings.namespace, ids)
            checks += [check_ownership(progress), check_lag(progress, now_ms), check_books(books)]
    if client is not None and redis_answers:
        labels = read_join(client, settings.namespace)
        checks += _label_checks(settings, client, labels, books, configured, now_ms)
    checks += _channel_checks(settings, configured)
    if client is not None and redis_answers:
        agents_run = any(check.ok for check in checks if check.name == "agents.running")
        checks += _delivery_checks(settings, client, agents_run, now_ms)
    checks.append(check_health(settings.http))
    ok = all(check.ok for check in checks)
    return Diagnosis(ok, checks, books, UNSET if labels is None else labels)


def _redis_checks(settings: Settings, client: RedisClient | None) -> list[Check]:
    if client is None or settings.redis.url is None:
        hint = "set redis.url, or start `streamgauge up`"
        return [trouble("redis.reach", "no Redis is configured", hint)]
    return check_redis(client, settings.redis.url)


def _reach(configured: Mapping[str, ConfigRecord]) -> Reach:
    """How far back figures of any model go."""
    models = [ModelConfig(model_name="default")]
    models += [record for record in configured.values() if isinstance(record, ModelConfig)]
    return Reach(
        window_ms=max(spec.size_ms for model in models for spec in window_specs(model)),
        horizon_ms=max(parse_duration_ms(model.labels.join_horizon) for model in models),
    )


def _label_checks(
    settings: Settings,
    client: RedisClient,
    labels: JoinFigures,
    books: list[Book],
    configured: Mapping[str, ConfigRecord],
    now_ms: int,
) -> list[Check]:
    members = client.smembers(StateKeys(settings.namespace).versions)
    versions = sorted(VersionId(*member.decode().split(" ")) for member in members)
    configs = {version: model_config(configured, *version) for version in versions}
    bytes_max = settings.join.max_bytes
    waiting = read_waiting(client, settings.namespace, configs, now_ms)
    return [
        check_room(labels, bytes_max, configs),
        check_orphans(labels, books, topic_name(settings.namespace, Topic.LABELS)),
        check_need(labels, bytes_max, waiting),
    ]


def _channel_checks(settings: Settings, configured: Mapping[str, ConfigRecord]) -> list[Check]:
    from stream import bootstrap  # noqa: PLC0415  # half a second that others save

    try:
        channels = bootstrap.notification_channels(settings)
        routing = bootstrap.make_routing(settings, channels)
        bootstrap.heartbeat_channels(settings, channels)
    except SettingsError as error:
        return [unusable_settings(str(error))]
    named = check_named(routing, configured)
    return [check_settings(routing), check_recipients(routing), *([named] if named else [])]


def _delivery_checks(
    settings: Settings, client: RedisClient, agents_run: bool, now_ms: int
) -> list[Check]:
    from stream import bootstrap  # noqa: PLC0415  # half a second that others save

    queue = now = read_queue(client, settings.namespace)
    if agents_run and any(queue.heads):
        time.sleep(_LOOKED_TWICE_S)
        now = read_queue(client, settings.namespace)
    checks = [check_queue(queue, now, agents_run, now_ms)]
    try:
        names = bootstrap.read_routing(settings).channels
    except SettingsError:  # which is told already
        return checks
    channels = read_channels(client, settings.namespace, names)
    return [check_delivery(channels, now_ms), check_given_up(channels, now_ms), *checks]


def _counted_topics(settings: Settings, cluster: ClusterMetadata) -> list[str]:
    names = (topic_name(settings.namespace, topic) for topic in READ_TOPICS)
    return [name for name in names if name in cluster.topics]


def read_progress(
    admin: AdminClient,
    client: RedisClient,
    namespace: str,
    ids: Mapping[str, str],
    cluster: ClusterMetadata,
) -> list[Progress]:
    """Return how far each partition has been read, of the topics that workers have claimed.

    Predictions are always among them; the others once a worker has claimed any of theirs.
    """
    keys = StateKeys(namespace)
    clocks = {
        name.decode(): int(value)
        for topic in READ_TOPICS
        for name, value in client.hgetall(keys.clocks_of(topic)).items()
    }
    out = []
    for name, identity in ids.items():
        numbers = sorted(cluster.topics[name].partitions)
        partitions = [PartitionId(identity, number) for number in numbers]
        claimed = any(str(partition) in clocks for partition in partitions)
        if not claimed and name != topic_name(namespace, Topic.PREDICTIONS):
            continue
        ends = end_offsets(admin, name, len(numbers))
        for partition in partitions:
            owner, offset = client.hmget(keys.partition(partition), "owner", "offset")
            out.append(
                Progress(
                    name,
                    partition.partition,
                    None if owner is None else owner.decode(),
                    None if offset is None else int(offset),
                    clocks.get(str(partition), 0),
                    ends.get(partition.partition),
                )
            )
    return out


def _books(client: RedisClient, namespace: str, ids: Mapping[str, str]) -> list[Book]:
    """Books of the topics there are now; those of topics deleted since are history."""
    names = {identity: name for name, identity in ids.items()}
    books = [
        Book(names[at.topic_id], at.partition, **amounts)
        for at, amounts in read_books(client, namespace).items()
        if at.topic_id in names
    ]
    return sorted(books, key=lambda book: (book.topic, book.partition))
