from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from stream.embedded import jars
from stream.embedded.errors import EmbeddedError
from stream.embedded.jars import Pin

GOOD = b"the pinned bytes"
PIN = Pin("org.example.kafka:some-jar_2.13:1.0", hashlib.sha256(GOOD).hexdigest())


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    """Stand in for jgo: write `content` where the jar belongs, and note each fetch."""
    fetched: list[str] = []

    def context(repository: Path) -> SimpleNamespace:
        def resolve() -> None:
            fetched.append(PIN.coordinate)
            path = PIN.path_in(repository)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        artifact = SimpleNamespace(resolve=resolve)
        component = SimpleNamespace(artifact=lambda: artifact)
        project = SimpleNamespace(at_version=lambda _version: component)
        return SimpleNamespace(project=lambda _group, _artifact: project)

    monkeypatch.setattr(jars, "_maven_context", context)
    return fetched


def fail(error: Exception) -> Callable[[Path], SimpleNamespace]:
    def context(_repository: Path) -> SimpleNamespace:
        raise error

    return context


def test_the_pin_file_names_the_whole_broker_once() -> None:
    pins = jars.load_pins()
    coordinates = [pin.coordinate for pin in pins]
    assert len(pins) == 46
    assert len(set(coordinates)) == 46
    assert set(jars.ROOT_COORDINATES) <= set(coordinates)
    assert all(len(bytes.fromhex(pin.sha256)) == 32 for pin in pins)


def test_a_jar_lies_where_maven_would_put_it() -> None:
    path = PIN.path_in(Path("/r"))
    assert path == Path("/r/org/example/kafka/some-jar_2.13/1.0/some-jar_2.13-1.0.jar")


def test_a_missing_jar_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = serve(monkeypatch, GOOD)
    said: list[str] = []
    first = jars.ensure_jars(tmp_path, pins=[PIN], progress=said.append)
    second = jars.ensure_jars(tmp_path, pins=[PIN], progress=said.append)
    assert first == second == [PIN.path_in(tmp_path / "maven")]
    assert len(fetched) == 1
    assert len(said) == 1


def test_a_truncated_jar_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = PIN.path_in(tmp_path / "maven")
    broken.parent.mkdir(parents=True)
    broken.write_bytes(GOOD[:5])
    serve(monkeypatch, GOOD)
    jars.ensure_jars(tmp_path, pins=[PIN])
    assert broken.read_bytes() == GOOD


def test_an_altered_jar_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, b"something else")
    with pytest.raises(EmbeddedError, match="does not have the pinned SHA-256"):
        jars.ensure_jars(tmp_path, pins=[PIN])
    assert not PIN.path_in(tmp_path / "maven").exists()


def test_no_network_is_said_with_the_jars_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "_maven_context", fail(ConnectionError("no route to host")))
    with pytest.raises(EmbeddedError, match=r"some-jar_2\.13:1\.0 could not be fetched \(no route"):
        jars.ensure_jars(tmp_path, pins=[PIN])


def test_without_jgo_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "_maven_context", fail(ModuleNotFoundError("jgo")))
    with pytest.raises(EmbeddedError, match="pip install jgo"):
        jars.ensure_jars(tmp_path, pins=[PIN])


def test_the_cache_may_be_put_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.delenv("STREAMGAUGE_CACHE_DIR", raising=False)
    assert jars.default_cache() == Path("/xdg/streamgauge")
    monkeypatch.setenv("STREAMGAUGE_CACHE_DIR", str(tmp_path))
    assert jars.default_cache() == tmp_path
