"""The embedded stack as it is: real Java, real Kafka, real Redis, real crashes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stream.embedded import EmbeddedError, EmbeddedStack

DEADLINE_S = 60.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def produce(bootstrap_servers: str, topic: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    for created in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        created.result(DEADLINE_S)
    failed: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    producer.produce(topic, value, on_delivery=lambda e, _m: failed.append(e) if e else None)
    assert producer.flush(DEADLINE_S) == 0
    assert failed == []


def consume_first(bootstrap_servers: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": topic})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(DEADLINE_S)
        assert message is not None
        assert message.error() is None
        value = message.value()
        assert value is None or isinstance(value, bytes)
        return value
    finally:
        consumer.close()


def server_pids(stack: EmbeddedStack) -> list[int]:
    pids = [stack.pid("kafka"), stack.pid("redis")]
    return [pid for pid in pids if pid is not None]


def run_in_another_process(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stream.embedded", "--data-dir", str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    addresses: dict[str, str] = json.loads(process.stdout.readline())
    return addresses


def test_a_message_goes_in_and_comes_out(stack: EmbeddedStack, namespace: str) -> None:
    produce(stack.bootstrap_servers, namespace, b"an event")
    assert consume_first(stack.bootstrap_servers, namespace) == b"an event"


def test_a_misspelt_topic_is_not_created(stack: EmbeddedStack, namespace: str) -> None:
    failed: list[KafkaError] = []
    # By default a producer waits half a minute for an unknown topic to spread over the cluster.
    producer = Producer(
        {"bootstrap.servers": stack.bootstrap_servers, "topic.metadata.propagation.max.ms": 0}
    )
    producer.produce(namespace, b"x", on_delivery=lambda e, _m: failed.append(e) if e else None)
    producer.flush(DEADLINE_S)
    assert [error.code() for error in failed] == [KafkaError.UNKNOWN_TOPIC_OR_PART]


def test_redis_answers_to_the_password_only(stack: EmbeddedStack) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        assert client.ping()
        settings = client.config_get("*")
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["save"] == ""
    without_password = stack.redis_url.split("@")[1]
    with (
        redis.Redis.from_url(f"redis://{without_password}") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_nothing_listens_beyond_loopback(stack: EmbeddedStack) -> None:
    listening = [
        connection.laddr.ip
        for pid in server_pids(stack)
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) == 3
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_a_second_process_adopts_what_runs_and_leaves_it_running(stack: EmbeddedStack) -> None:
    before = server_pids(stack)
    with run_in_another_process(stack.data_dir) as adopter:
        addresses = first_line(adopter)
        assert adopter.stdin is not None
        adopter.stdin.close()
        assert adopter.wait(DEADLINE_S) == 0
    assert addresses["bootstrap_servers"] == stack.bootstrap_servers
    assert addresses["redis_url"] == stack.redis_url
    assert server_pids(stack) == before
    with redis.Redis.from_url(stack.redis_url) as client:
        assert client.ping()


def test_an_adopter_can_neither_stop_nor_kill(stack: EmbeddedStack) -> None:
    before = server_pids(stack)
    with EmbeddedStack.start(stack.data_dir) as adopter:
        assert adopter.adopted
        assert not stack.adopted
        with pytest.raises(EmbeddedError, match="only its owner can kill redis"):
            adopter.kill_redis()
    assert server_pids(stack) == before


def test_many_starters_make_one_stack(tmp_path: Path) -> None:
    processes = [run_in_another_process(tmp_path) for _ in range(3)]
    try:
        addresses = [first_line(process) for process in processes]
        assert addresses[0] == addresses[1] == addresses[2]
    finally:
        for process in processes:
            process.communicate("", DEADLINE_S)
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_a_parent_killed_with_9_leaves_no_orphan_and_a_restart_finds_the_data(
    tmp_path: Path, namespace: str
) -> None:
    with run_in_another_process(tmp_path) as parent:
        addresses = first_line(parent)
        produce(addresses["bootstrap_servers"], namespace, b"kept")
        with redis.Redis.from_url(addresses["redis_url"]) as client:
            client.set(namespace, "kept")
        state = json.loads((tmp_path / "state.json").read_text())
        pids = [entry["pid"] for entry in state["servers"].values()]
        pids.append(state["supervisor"]["pid"])
        assert len(pids) == 3
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "no process of the stack is left")

    with EmbeddedStack.start(tmp_path) as again:
        assert not again.adopted
        assert again.bootstrap_servers == addresses["bootstrap_servers"]
        assert consume_first(again.bootstrap_servers, namespace) == b"kept"
        with redis.Redis.from_url(again.redis_url) as client:
            assert client.get(namespace) == b"kept"


def test_servers_crash_and_come_back_with_their_data(tmp_path: Path, namespace: str) -> None:
    with EmbeddedStack.start(tmp_path) as stack:
        with redis.Redis.from_url(stack.redis_url) as client:
            client.set(namespace, "written")
            stack.kill_redis()
            assert stack.pid("redis") is None
            stack.start_redis()
            assert client.get(namespace) == b"written"
            stack.restart_redis()
            assert client.get(namespace) == b"written"
        produce(stack.bootstrap_servers, namespace, b"written")
        stack.kill_kafka()
        stack.start_kafka()
        assert consume_first(stack.bootstrap_servers, namespace) == b"written"
        pids = server_pids(stack)
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "both servers are gone")


def test_a_server_that_cannot_start_is_explained(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir(parents=True)
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"this is not an append-only file\n")
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedStack.start(tmp_path)
    assert "redis ended with code 1" in str(caught.value)
    assert str(tmp_path / "logs" / "redis.log") in str(caught.value)
