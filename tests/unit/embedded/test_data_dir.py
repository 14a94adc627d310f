from __future__ import annotations

import fcntl
import json
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from stream.embedded.data_dir import DataDir, write_private
from stream.embedded.errors import EmbeddedError
from stream.embedded.supervisor import start_time


def test_ports_are_remembered(tmp_path: Path) -> None:
    chosen = DataDir(tmp_path).choose_ports()
    assert DataDir(tmp_path).choose_ports() == chosen
    assert len({chosen.kafka, chosen.controller, chosen.redis}) == 3


def test_a_port_taken_meanwhile_is_given_up(tmp_path: Path) -> None:
    before = DataDir(tmp_path).choose_ports()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", before.redis))
        squatter.listen()
        after = DataDir(tmp_path).choose_ports()
    assert before.redis not in (after.kafka, after.controller, after.redis)


def test_a_damaged_port_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"kafka": 1')
    chosen = DataDir(tmp_path).choose_ports()
    assert json.loads((tmp_path / "ports.json").read_text())["kafka"] == chosen.kafka


def test_the_password_is_kept_and_private(tmp_path: Path) -> None:
    password = DataDir(tmp_path).redis_password()
    assert len(password) >= 24
    assert DataDir(tmp_path).redis_password() == password
    assert stat.S_IMODE((tmp_path / "redis.password").stat().st_mode) == 0o600


def test_a_private_file_replaces_one_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_cannot_start_at_once(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    with (
        directory.start_lock(1.0),
        pytest.raises(EmbeddedError, match="another process has been starting"),
        DataDir(tmp_path).start_lock(0.0),
    ):
        pass
    with directory.start_lock(0.0):
        pass


def test_only_a_held_lock_counts_as_a_supervisor(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    assert not directory.is_supervised()
    with directory.alive_lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert directory.is_supervised()
    assert not directory.is_supervised()


def write_account(directory: DataDir, pid: int, started: float) -> None:
    state = {"phase": "running", "servers": {"redis": {"pid": pid, "started": started}}}
    directory.state_path.write_text(json.dumps(state))


def test_a_server_that_outlived_its_supervisor_is_ended(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    with subprocess.Popen(["sleep", "600"]) as server:
        started = start_time(server.pid)
        assert started is not None
        write_account(directory, server.pid, started)
        directory.end_leftovers()
        assert server.wait() == -signal.SIGKILL
    assert directory.read_state() is None


def test_a_later_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        started = start_time(stranger.pid)
        assert started is not None
        write_account(directory, stranger.pid, started - 3600)
        directory.end_leftovers()
        assert stranger.poll() is None
        stranger.kill()
    assert directory.read_state() is None


def test_last_words_are_the_last_line_of_the_log(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    assert directory.last_words("redis") == f"see {directory.logs}"
    log = directory.logs / "redis.log"
    log.write_text("noise\n" * 2000 + "Can't open the append-only file\n\n")
    assert directory.last_words("redis").endswith('"Can\'t open the append-only file"')


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="choose another one"):
        DataDir(tmp_path / "file" / "below")
