from __future__ import annotations

from pathlib import Path

import pytest

from stream.embedded import kafka

JAVA = Path("/jdk/bin/java")
JARS = [Path("/cache/a.jar"), Path("/cache/b.jar")]


def settings() -> dict[str, str]:
    text = kafka.server_properties(
        log_dir=Path("/data/kafka"), broker_port=21000, controller_port=21001
    )
    return dict(line.split("=", 1) for line in text.splitlines())


def test_every_listener_is_on_loopback() -> None:
    configured = settings()
    for name in ("listeners", "advertised.listeners"):
        for listener in configured[name].split(","):
            assert listener.split("://")[1].startswith("127.0.0.1:")


def test_topics_are_made_on_purpose_only() -> None:
    assert settings()["auto.create.topics.enable"] == "false"


def test_every_internal_topic_fits_one_node() -> None:
    factors = {k: v for k, v in settings().items() if k.endswith((".factor", ".min.isr"))}
    assert len(factors) == 6
    assert set(factors.values()) == {"1"}


def test_a_small_heap_starts_quickly_and_a_large_one_optimises() -> None:
    quick = kafka.server_command(JAVA, JARS, Path("p"), 256)
    loaded = kafka.server_command(JAVA, JARS, Path("p"), 1024)
    assert "-Xmx256m" in quick
    assert "-XX:TieredStopAtLevel=1" in quick
    assert "-Xmx1024m" in loaded
    assert "-XX:TieredStopAtLevel=1" not in loaded


def test_a_heap_that_is_too_small_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="kafka_heap_mb is 32"):
        kafka.server_command(JAVA, JARS, Path("p"), 32)


def test_formatting_leaves_a_formatted_directory_alone() -> None:
    command = kafka.format_command(JAVA, JARS, Path("p"), "id")
    assert "--ignore-formatted" in command
    assert command[command.index("-cp") + 1] == "/cache/a.jar:/cache/b.jar"
