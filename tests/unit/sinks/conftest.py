"""Stand-ins for the places that channels talk to; they are beside the integration tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "integration"))

from receivers import WebhookReceiver, receiving
from receivers_alertmanager import Alertmanager
from receivers_opsgenie import Opsgenie
from receivers_pagerduty import PagerDuty
from receivers_slack import Slack
from receivers_smtp import SmtpServer, mail_server, make_certificate


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    with receiving(WebhookReceiver()) as running:
        yield running


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    with receiving(PagerDuty()) as running:
        yield running


@pytest.fixture
def opsgenie() -> Iterator[Opsgenie]:
    with receiving(Opsgenie()) as running:
        yield running


@pytest.fixture
def slack() -> Iterator[Slack]:
    with receiving(Slack()) as running:
        yield running


@pytest.fixture
def alertmanager() -> Iterator[Alertmanager]:
    with receiving(Alertmanager()) as running:
        yield running


@pytest.fixture
def mail() -> Iterator[SmtpServer]:
    with mail_server(SmtpServer()) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))
