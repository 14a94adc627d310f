"""The alerts in Redis that users read: a set of active ones, and a hash of fields for each."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from schemas.alerts import AlertEvent
from schemas.keys import active_alerts_key, alert_key
from stream.state.client import RedisClient

_TEXTS = frozenset(
    {
        "id",
        "fingerprint",
        "status",
        "severity",
        "rule",
        "summary",
        "runbook_url",
        "dashboard_url",
        "report_id",
        "incident",
        "silenced_by",
        "inhibited_by",
        "source",
    }
)


def alert_fields(event: AlertEvent) -> dict[str, str]:
    """Return the fields of an alert's hash: strings bare, all else as JSON, nulls left out."""
    fields = {}
    for name in AlertEvent.__struct_fields__:
        value = getattr(event, name)
        if value is not None:
            bare = name in _TEXTS
            fields[name] = str(value) if bare else msgspec.json.encode(value).decode()
    return fields


def read_alert(fields: Mapping[str, str]) -> AlertEvent:
    """Read what `alert_fields` wrote.

    Raises
    ------
    ValueError
        For a hash that is none of ours.
    """
    try:
        values = {
            name: value if name in _TEXTS else msgspec.json.decode(value)
            for name, value in fields.items()
        }
        return msgspec.convert(values, AlertEvent)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"this is no alert: {error}") from error


def read_active(client: RedisClient, namespace: str) -> list[AlertEvent]:
    """Read the alerts that are pending or firing, oldest first; bytes or text, as the client is."""
    members = sorted(_text(m) for m in client.smembers(active_alerts_key(namespace)))
    with client.pipeline(transaction=False) as pipe:
        for of in members:
            pipe.hgetall(alert_key(namespace, of))
        hashes = pipe.execute()
    alerts = [read_alert({_text(k): _text(v) for k, v in one.items()}) for one in hashes if one]
    return sorted(alerts, key=lambda alert: (alert.starts_at, alert.fingerprint))


def count_active(client: RedisClient, namespace: str) -> Counter[tuple[str, str]]:
    """Count the alerts that are pending or firing by status and severity; of bytes."""
    members = client.smembers(active_alerts_key(namespace))
    with client.pipeline(transaction=False) as pipe:
        for of in members:
            pipe.hmget(alert_key(namespace, of.decode()), "status", "severity")
        found = pipe.execute()
    return Counter((of.decode(), how.decode()) for of, how in found if of and how)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
