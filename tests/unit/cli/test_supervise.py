"""Children are started again, ever more slowly; and end with their parent."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stream.cli.running import Running, data_directory, find_running, leave_note, this_process
from stream.cli.supervise import BACKOFF_S, STEADY_S, Supervisor, last_words


class Clock:
    now = 0.0

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def said() -> Any:
    return []


@pytest.fixture
def clock() -> Any:
    return Clock()


@pytest.fixture
def children(said: Any, clock: Any) -> Iterator[Any]:
    supervisor = Supervisor(os.environ, said.append, clock)
    yield supervisor
    supervisor.stop()


def until(look: Any) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def tended(children: Any, said: Any, lines: Any) -> Any:
    def look() -> Any:
        children.tend()
        return len(said) >= lines

    until(look)


def test_one_that_keeps_dying_is_started_ever_more_slowly(
    children: Any, said: Any, clock: Any, tmp_path: Path
) -> None:
    children.add(
        "worker-1", [sys.executable, "-c", "print('no luck'); exit(3)"], tmp_path / "w.log"
    )
    for number, wait_s in enumerate((*BACKOFF_S, BACKOFF_S[-1]), 1):
        tended(children, said, number)
        assert f"worker-1 ended with code 3; starting it again in {wait_s:g} s" in said[-1]
        assert '"no luck"' in said[-1]
        children.tend()
        assert len(said) == number  # not before its time
        clock.now += wait_s


def test_one_that_ran_steadily_starts_again_at_once(
    children: Any, said: Any, clock: Any, tmp_path: Path
) -> None:
    children.add("agents", [sys.executable, "-c", "exit(1)"], tmp_path / "a.log")
    tended(children, said, 1)
    clock.now += BACKOFF_S[0]
    children.tend()
    clock.now += STEADY_S
    tended(children, said, 2)
    assert f"in {BACKOFF_S[0]:g} s" in said[-1]


def test_a_signal_is_named(children: Any, said: Any, tmp_path: Path) -> None:
    children.add(
        "agents", [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], tmp_path / "l"
    )
    tended(children, said, 1)
    assert "was ended by signal 9" in said[0]


def test_last_words_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_words(log) == f"see {log}"
    log.write_text("first\nlast\n\n")
    assert last_words(log) == f'see {log}: "last"'


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it takes half a second")
def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    child = textwrap.dedent("""
        import sys, time
        from stream.cli.children import end_with_parent
        end_with_parent(int(sys.argv[1]))
        print("up", flush=True)
        time.sleep(60)
    """)
    parent = textwrap.dedent(f"""
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", {child!r}, str(os.getpid())],
                                 stdout=subprocess.PIPE, start_new_session=True)
        child.stdout.readline()
        print(child.pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")


# -- the note --------------------------------------------------------------------------------------


def note(**changed: Any) -> Any:
    pid, started = this_process()
    fields: dict[str, Any] = {
        "pid": pid,
        "started": started,
        "bootstrap_servers": "127.0.0.1:1",
        "redis_url": "redis://:secret@127.0.0.1:2/0",
        "namespace": "ml",
        "http_host": "127.0.0.1",
        "http_port": 8080,
    }
    return Running(**(fields | changed))


def test_a_running_up_is_found_and_its_note_is_private(tmp_path: Path) -> None:
    leave_note(tmp_path, note())
    assert find_running(tmp_path) == note()
    assert (tmp_path / "up.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("changed", [{"pid": 2**22 + 1}, {"started": 1.0}])
def test_one_that_is_gone_is_not(tmp_path: Path, changed: Any) -> None:
    leave_note(tmp_path, note(**changed))
    assert find_running(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1}'])
def test_a_note_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "up.json").write_text(text)
    assert find_running(tmp_path) is None


def test_the_default_directory_is_the_users() -> None:
    assert str(data_directory(None)).endswith("/.local/share/streamgauge")


def test_settings_win_over_a_running_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stream.cli.options import open_settings  # noqa: PLC0415  # typer

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMGAUGE_DATA_DIR", str(tmp_path))
    for name in ("KAFKA__BOOTSTRAP_SERVERS", "REDIS__URL", "NAMESPACE"):
        monkeypatch.delenv(f"STREAMGAUGE_{name}", raising=False)
    assert open_settings().redis.url is None
    leave_note(tmp_path, note(namespace="other"))
    assert open_settings().namespace == "other"
    assert open_settings().bootstrap_servers == "127.0.0.1:1"
    assert open_settings(namespace="mine").namespace == "mine"
    # Another Kafka is another system: nothing of this one is mixed in.
    monkeypatch.setenv("STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS", "elsewhere:9092")
    settings = open_settings()
    assert (settings.bootstrap_servers, settings.redis.url) == ("elsewhere:9092", None)
