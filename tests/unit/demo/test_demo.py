"""The demo's surroundings."""

import msgspec

from stream.demo.demo import REPORT_AGAIN_MS, environment_of
from stream.settings import Settings, WorkerSettings, load_settings


def test_other_commands_get_the_settings_of_the_demo() -> None:
    worker = WorkerSettings(idle_timeout_ms=2_000, report_again_ms=REPORT_AGAIN_MS)
    settings = msgspec.structs.replace(Settings(namespace="demo"), worker=worker)
    mine = {"PATH": "/bin", "STREAMGAUGE_REDIS__URL": "redis://mine"}
    environment = environment_of(settings, mine)
    assert environment["PATH"] == "/bin"
    assert "mine" not in environment["STREAMGAUGE_REDIS__URL"]
    given = {
        name: value for name, value in environment.items() if value and name.startswith("STREAM")
    }
    read = load_settings(environment=given)
    assert read.worker == worker
    assert read.namespace == "demo"
