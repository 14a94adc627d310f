import pytest

from schemas.topics import TOPICS, Topic, check_namespace, topic_name, topic_settings


def test_settings() -> None:
    config = topic_settings(TOPICS[Topic.CONFIG])
    assert config == {
        "cleanup.policy": "compact",
        "message.timestamp.type": "LogAppendTime",
        "min.compaction.lag.ms": str(90 * 86_400_000),
    }
    assert topic_settings(TOPICS[Topic.ALERTS])["cleanup.policy"] == "compact,delete"
    assert topic_settings(TOPICS[Topic.PANES])["retention.ms"] == "3600000"


@pytest.mark.parametrize("namespace", ["", "a b", "a/b", "ml\n", "{ml}", "n" * 129, "é"])
def test_no_namespace(namespace: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        check_namespace(namespace)


def test_namespaces_part_topics() -> None:
    assert topic_name(check_namespace("team-a"), Topic.ALERTS) == "team-a.alerts"
