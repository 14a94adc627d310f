"""The compose file and the image, as far as a machine without an engine can check them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.settings import load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]


def test_everything_has_a_health_check_and_waits_for_what_it_needs(services: Any) -> None:
    assert set(services) == {"kafka", "redis", "worker", "agents"}
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
    for role in ("worker", "agents"):
        needs = services[role]["depends_on"]
        assert {name: need["condition"] for name, need in needs.items()} == {
            "kafka": "service_healthy",
            "redis": "service_healthy",
        }


def test_ports_are_published_on_loopback_only(services: Any) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned(services: Any) -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    for image in [*bases, *(service["image"] for service in services.values())]:
        assert re.search(r":\d+\.\d+", image), image


def test_the_image_runs_as_a_user_without_rights() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert "USER streamgauge" in lines
    assert lines.index("USER streamgauge") < lines.index('ENTRYPOINT ["streamgauge"]')


@pytest.mark.parametrize("role", ["worker", "agents"])
def test_the_settings_of_a_role_are_settings(services: Any, role: str) -> None:
    given = {
        name: re.sub(r"\$\{[^}]*\}", "secret", str(value))
        for name, value in services[role]["environment"].items()
    }
    settings = load_settings(environment=given)
    assert settings.bootstrap_servers == "kafka:19092"
    assert settings.redis.url == "redis://:secret@redis:6379/0"
    assert settings.topics.replication == 1


def test_redis_keeps_what_it_is_given(services: Any) -> None:
    command = services["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"
