"""What has changed about a model that may have caused an alert: a version is new. Pure."""

from collections.abc import Mapping
from typing import Protocol

from schemas.activations import Activation
from schemas.alerts import AlertEvent
from stream.alerting.incidents import new_version


class Published(Protocol):
    """What a registry's snapshot says of versions."""

    @property
    def activations(self) -> Mapping[str, Activation]:
        """Activations by key."""

    @property
    def made_ms(self) -> Mapping[str, int]:
        """When each was published, by key."""


class News:
    """When versions of models were first seen: when the first activation of each was published."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._first_seen: dict[str, dict[str, int]] = {}

    def follow(self, version: int, published: Published) -> None:
        """Take over what is registered now; ``version`` rises with every change of it."""
        if version == self._version:
            return
        self._version = version
        self._first_seen = {}
        for key, activation in published.activations.items():
            of_model = self._first_seen.setdefault(activation.model_name, {})
            made_ms = published.made_ms.get(key)
            if made_ms is not None:
                known = of_model.get(activation.model_version, made_ms)
                of_model[activation.model_version] = min(known, made_ms)

    def of(self, alert: AlertEvent, now_ms: int) -> str | None:
        """Say what is new about the version that an alert is about; None where nothing is."""
        first_seen = self._first_seen.get(alert.labels.get("model_name", ""), {})
        return new_version(alert, first_seen, now_ms)
