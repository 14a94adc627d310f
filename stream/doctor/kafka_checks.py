"""Kafka: whether brokers answer, the topics are there, and they keep enough."""

from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicPartition, libversion
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not listed
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    OffsetSpec,
)

from schemas.topics import TOPICS, Topic, topic_name
from stream.doctor.check import Check, fine, trouble, warning
from stream.settings import Settings

TIMEOUT_S = 10.0
REPLICATION_MIN = 3
LIBRDKAFKA_MIN = (2, 13, 2)
_INPUTS = (Topic.PREDICTIONS, Topic.LABELS, Topic.MEASUREMENTS)
_MS_PER_DAY = 86_400_000

Configs = Mapping[str, Mapping[str, str]]


def check_reach(admin: AdminClient, settings: Settings) -> tuple[Check, ClusterMetadata | None]:
    """Ask for the brokers; returns what the cluster knows, None where none answers."""
    servers = settings.bootstrap_servers
    try:
        cluster = admin.list_topics(timeout=TIMEOUT_S)
    except KafkaException as error:
        return (
            trouble(
                "kafka.reach",
                f"{servers} does not answer: {error.args[0].str()}",
                "check kafka.bootstrap_servers, TLS and SASL; `streamgauge up` starts a Kafka",
            ),
            None,
        )
    version = libversion()[0]
    brokers = f"{len(cluster.brokers)} broker{'s' * (len(cluster.brokers) != 1)}"
    said = f"{brokers} at {servers}, librdkafka {version}"
    parts = tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
    if parts < LIBRDKAFKA_MIN:
        return (
            trouble(
                "kafka.reach",
                said,
                "install confluent-kafka 2.13.2 or newer: earlier ones can lose their place",
            ),
            cluster,
        )
    return fine("kafka.reach", said), cluster


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back what is computed may go, by the configurations of all models.

    Attributes
    ----------
    window_ms : length of the longest window
    horizon_ms : the longest wait for a label
    """

    window_ms: int
    horizon_ms: int


def check_topics(
    admin: AdminClient, cluster: ClusterMetadata, settings: Settings, reach: Reach
) -> list[Check]:
    """Look at every topic of the namespace."""
    names = {topic: topic_name(settings.namespace, topic) for topic in TOPICS}
    missing = [name for name in names.values() if name not in cluster.topics]
    if missing:
        return [
            trouble(
                "topics.exist",
                f"there is no {', '.join(missing)}",
                "start a worker, which creates them, or create them by hand; is the namespace"
                f" {settings.namespace} right?",
            )
        ]
    there = {topic: cluster.topics[name] for topic, name in names.items()}
    inputs = ", ".join(f"{topic} {len(there[topic].partitions)}" for topic in _INPUTS)
    checks = [fine("topics.exist", f"all {len(there)}; partitions: {inputs}")]
    copies = {
        topic: min((len(p.replicas) for p in found.partitions.values()), default=0)
        for topic, found in there.items()
    }
    checks.append(_replication(copies, len(cluster.brokers)))
    configs = _configs(admin, list(names.values()))
    checks.append(_timestamps(configs, names))
    checks.append(check_retention(configs, names, reach))
    return checks


def _replication(copies: Mapping[Topic, int], brokers: int) -> Check:
    few = {topic: count for topic, count in copies.items() if count < REPLICATION_MIN}
    if not few:
        return fine("topics.replication", f"at least {min(copies.values())} copies of each")
    lowest = min(few.values())
    hint = (
        "fine on one machine; in production use three brokers and topics.replication = 3"
        if brokers < REPLICATION_MIN
        else f"raise the replication of {', '.join(few)}; for new topics set topics.replication = 3"
    )
    copy = "one copy" if lowest == 1 else f"{lowest} copies"
    return warning("topics.replication", f"{len(few)} topics have {copy} only", hint)


def _timestamps(configs: Configs, names: Mapping[Topic, str]) -> Check:
    own = [
        names[topic]
        for topic in _INPUTS
        if configs.get(names[topic], {}).get("message.timestamp.type") == "CreateTime"
    ]
    if own:
        return warning(
            "topics.timestamps",
            f"{', '.join(own)}: CreateTime, so the sender's clock decides what is late or idle",
            "set message.timestamp.type=LogAppendTime on them",
        )
    return fine("topics.timestamps", "LogAppendTime")


def check_retention(configs: Configs, names: Mapping[Topic, str], reach: Reach) -> Check:
    """Check that a rebuild finds every event and label that windows still rest on."""
    needed = {
        Topic.PREDICTIONS: max(reach.window_ms, reach.horizon_ms),
        Topic.LABELS: reach.horizon_ms,
    }
    said, short = [], {}
    for topic, needed_ms in needed.items():
        name = names[topic]
        text = configs.get(name, {}).get("retention.ms")
        if text is None:
            hint = "allow DescribeConfigs on it"
            return warning("topics.retention", f"{name}: can't be asked", hint)
        kept_ms = int(text)
        said.append(f"{name} keeps {_days(kept_ms)}")
        if 0 <= kept_ms < needed_ms:
            short[name] = needed_ms
    if not short:
        return fine("topics.retention", ", ".join(said))
    return warning(
        "topics.retention",
        f"{', '.join(said)}; the longest window has {_days(reach.window_ms)}, and predictions wait"
        f" {_days(reach.horizon_ms)} for their labels",
        f"raise retention.ms of {' and '.join(f'{name} to {ms}' for name, ms in short.items())},"
        " or figures of that time can't be rebuilt after a loss",
    )


def _days(span_ms: int) -> str:
    return "for ever" if span_ms < 0 else f"{span_ms / _MS_PER_DAY:.3g} d"


def _configs(admin: AdminClient, names: list[str]) -> Configs:
    """Settings of topics; of those we may not ask for nothing."""
    wanted = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    out = {}
    for resource, future in admin.describe_configs(wanted, request_timeout=TIMEOUT_S).items():
        try:
            found = future.result()
        except KafkaException:  # an ACL forbids it; the checks say what they could not see
            continue
        out[resource.name] = {name: str(entry.value) for name, entry in found.items()}
    return out


def end_offsets(admin: AdminClient, name: str, partitions: int) -> dict[int, int]:
    """Return the end of each partition's log; of those that don't answer nothing."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    wanted = {TopicPartition(name, number): latest for number in range(partitions)}
    out = {}
    for place, future in admin.list_offsets(wanted, request_timeout=TIMEOUT_S).items():
        try:
            out[place.partition] = int(future.result().offset)
        except KafkaException:  # its leader is away; the lag of this partition is not known
            continue
    return out
