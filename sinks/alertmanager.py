"""Alerts for a Prometheus Alertmanager, which groups, silences and notifies by its own routes.

References
----------
.. [1] Alertmanager API v2, ``POST /api/v2/alerts``.
.. [2] Prometheus, "Sending alerts to Alertmanager": clients send what fires again and again, to
   every peer of a cluster, and an alert that is not sent again ends by itself.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from schemas.alerts import AlertEvent, Status
from schemas.notifications import Notification
from sinks.channel import DeliveryError
from sinks.endpoint import Endpoint
from sinks.wording import is_link, rfc3339

__all__ = ["PEERS_MAX", "RESEND_MS", "AlertmanagerChannel", "basic", "bearer"]

RESEND_MS = 60_000
"""Prometheus' own ``--rules.alert.resend-delay``."""
PEERS_MAX = 16
"""They are asked at once, with a thread for each."""
_LASTS = 4
"""Prometheus too lets an alert end after four times without news."""
_PATH = "/api/v2/alerts"
_not_legal = re.compile(r"[^a-zA-Z0-9_]")

log = structlog.get_logger("alerts")


class AlertmanagerChannel:
    """Posts alerts to every peer of a cluster; one that takes them is enough.

    An alert's identity there is its label set, rule and severity included. `startsAt` is never in
    the future; `endsAt` of what fires lies four times `resend_ms` ahead, of what is over it is now.

    Parameters
    ----------
    peers : 1 to `PEERS_MAX`
    now_ms : the clock, epoch ms
    authorization : value of the header, see `basic` and `bearer`
    resend_ms : how often what fires is sent again

    Raises
    ------
    ValueError
        For no peers, and for too many.
    """

    every_event = True
    pages = False
    edits = False

    def __init__(
        self,
        peers: Sequence[Endpoint],
        now_ms: Callable[[], int],
        *,
        authorization: str | None = None,
        resend_ms: int = RESEND_MS,
    ) -> None:
        if not 1 <= len(peers) <= PEERS_MAX:
            raise ValueError(f"must name 1 to {PEERS_MAX} peers")
        self.resend_ms: int | None = resend_ms
        self._lasts_ms = _LASTS * resend_ms
        self._peers = tuple(peers)
        self._headers = {} if authorization is None else {"Authorization": authorization}
        self._now_ms = now_ms

    def send(self, notification: Notification) -> None:
        """Post the events of a notification to every peer."""
        now_ms = self._now_ms()
        body = msgspec.json.encode(
            [_alert(event, now_ms, self._lasts_ms) for event in notification.events]
        )
        with ThreadPoolExecutor(len(self._peers)) as pool:
            errors = list(pool.map(lambda peer: self._post(peer, body), self._peers))
        failed = [error for error in errors if error is not None]
        if len(failed) == len(self._peers):
            raise _joined(failed)
        for error in failed:
            log.warning("alertmanager_peer_missed", why=str(error), id=notification.id)

    def _post(self, peer: Endpoint, body: bytes) -> DeliveryError | None:
        try:
            peer.post(body, self._headers, _PATH)
        except DeliveryError as error:
            return error
        return None


def basic(username: str, password: str) -> str:
    """Return the value of the header for basic authentication."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def bearer(token: str) -> str:
    """Return the value of the header for a token."""
    return f"Bearer {token}"


def _joined(errors: Sequence[DeliveryError]) -> DeliveryError:
    waits = [error.wait_ms for error in errors if error.wait_ms is not None]
    return DeliveryError(
        "; ".join(str(error) for error in errors),
        retryable=any(error.retryable for error in errors),
        wait_ms=min(waits, default=None),
    )


def _alert(event: AlertEvent, now_ms: int, lasts_ms: int) -> dict[str, Any]:
    over = event.status is Status.RESOLVED
    alert: dict[str, Any] = {
        "labels": _labels(event),
        "annotations": _annotations(event),
        "startsAt": rfc3339(min(event.starts_at, now_ms)),
        "endsAt": rfc3339(now_ms if over else now_ms + lasts_ms),
    }
    if is_link(event.dashboard_url):
        alert["generatorURL"] = event.dashboard_url
    return alert


def _labels(event: AlertEvent) -> dict[str, str]:
    """Name labels as Prometheus may: what is taken gets ``exported_`` before it, as there."""
    found = {"alertname": event.rule, "severity": event.severity.value}
    # Names that are legal as they are come first, so that they keep them.
    for name in sorted(event.labels, key=lambda name: (_legal(name) != name, name)):
        if not event.labels[name]:
            continue  # to Prometheus an empty label is none
        legal = _legal(name)
        while legal in found:
            legal = f"exported_{legal}"
        found[legal] = event.labels[name]
    return found


def _legal(name: str) -> str:
    legal = _not_legal.sub("_", name)
    return f"_{legal}" if not legal or legal[0].isdigit() else legal


def _annotations(event: AlertEvent) -> Mapping[str, str]:
    told = {
        "summary": event.summary,
        "description": "; ".join(event.cause),
        "runbook_url": event.runbook_url,
        "dashboard_url": event.dashboard_url,
        "value": event.value,
        "threshold": event.threshold,
        "baseline_value": event.baseline_value,
        "sample_count": event.sample_count,
        "incident": event.incident,
        "fingerprint": event.fingerprint,
    }
    return {name: str(value) for name, value in told.items() if value not in {None, ""}}
