"""Every kind of channel at once: stand-ins, a real SMTP server, a real Alertmanager."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from alertmanager import Receiver as FromAlertmanager
from alertmanager import alertmanager, receiver
from receivers import WebhookReceiver, receiving
from receivers_opsgenie import Opsgenie
from receivers_pagerduty import PagerDuty
from receivers_slack import Slack
from receivers_smtp import SmtpServer, mail_server

SECRETS = {
    "PLACES_HOOK": "hook-secret",
    "PLACES_PAGERDUTY": "r" * 32,
    "PLACES_SLACK": "xoxb-token",
    "PLACES_OPSGENIE": "opsgenie-key",
}
CHANNELS = ("hook", "flaky", "pager", "opsgenie", "chat", "mail", "prometheus")

_CONFIG = """
[channels.hook]
type = "webhook"
url = "{hook}/hook"
secret_env = "PLACES_HOOK"
[channels.flaky]
type = "webhook"
url = "{flaky}/hook"
[channels.pager]
type = "pagerduty"
url = "{pager}"
routing_key_env = "PLACES_PAGERDUTY"
[channels.opsgenie]
type = "opsgenie"
url = "{opsgenie}"
api_key_env = "PLACES_OPSGENIE"
[channels.chat]
type = "slack"
api_url = "{chat}"
channel = "#ml-alerts"
token_env = "PLACES_SLACK"
[channels.mail]
type = "email"
host = "127.0.0.1"
port = {mail_port}
tls = "none"
from = "streamgauge@example.org"
to = ["oncall@example.org"]
[channels.prometheus]
type = "alertmanager"
urls = ["{alertmanager}"]
resend = "10s"
"""


@dataclass
class Places:
    """Where notifications arrive."""

    hook: WebhookReceiver
    flaky: WebhookReceiver
    pager: PagerDuty
    opsgenie: Opsgenie
    chat: Slack
    mail: SmtpServer
    prometheus: FromAlertmanager
    config: str


@contextmanager
def places(folder: Path) -> Iterator[Places]:
    """Run all of them; ``config`` has the channels, and no routes."""
    with ExitStack() as stack:
        from_alertmanager = stack.enter_context(receiver())
        program = alertmanager(
            folder,
            from_alertmanager.url,
            group_by=["..."],
        )
        running = stack.enter_context(program)
        hook = stack.enter_context(receiving(WebhookReceiver(SECRETS["PLACES_HOOK"])))
        flaky = stack.enter_context(receiving(WebhookReceiver()))
        pager = stack.enter_context(receiving(PagerDuty(SECRETS["PLACES_PAGERDUTY"])))
        opsgenie = stack.enter_context(receiving(Opsgenie(SECRETS["PLACES_OPSGENIE"])))
        chat = stack.enter_context(receiving(Slack(SECRETS["PLACES_SLACK"])))
        mail = stack.enter_context(mail_server(SmtpServer()))
        config = _CONFIG.format(
            hook=hook.url,
            flaky=flaky.url,
            pager=pager.url,
            opsgenie=opsgenie.url,
            chat=chat.url,
            mail_port=mail.port,
            alertmanager=running.url,
        )
        yield Places(hook, flaky, pager, opsgenie, chat, mail, from_alertmanager, config)
