"""Keys of the alerts' private state, under ``<namespace>:state:alerts:``."""

from schemas.keys import encoded, state_key


class AlertKeys:
    """Private keys of one namespace."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def _key(self, name: str) -> str:
        return state_key(self._namespace, f"alerts:{name}")

    @property
    def restored(self) -> str:
        """STRING that is there once ``ml.alerts`` was read back."""
        return self._key("restored")

    @property
    def outbox(self) -> str:
        """LIST of entries to publish, oldest first."""
        return self._key("outbox")

    @property
    def usual(self) -> str:
        """HASH model → what traffic is usual."""
        return self._key("usual")

    def lease(self, name: str) -> str:
        """STRING: which process works on the outbox or a channel now."""
        return self._key(f"lease:{encoded(name)}")

    def series(self, name: str) -> str:
        """HASH ``sequence``, ``f:<rule>`` → fence, ``e:<fingerprint>`` → episode."""
        return self._key(f"series:{name}")

    def history(self, name: str) -> str:
        """ZSET window end → ``<end> <revision> <figures>``, a day of windows."""
        return self._key(f"history:{name}")

    def waiting(self, channel: str) -> str:
        """LIST of what a channel has still to deliver, oldest first."""
        return self._key(f"waiting:{encoded(channel)}")

    def channel(self, channel: str) -> str:
        """HASH ``failures``, ``not_before``: how a channel is doing."""
        return self._key(f"channel:{encoded(channel)}")

    def dead(self, channel: str) -> str:
        """LIST of the newest that a channel could not deliver."""
        return self._key(f"dead:{encoded(channel)}")
