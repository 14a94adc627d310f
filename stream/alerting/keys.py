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

    @property
    def sequence(self) -> str:
        """STRING that rises with every change of what follows, so that none is built on another."""
        return self._key("routing")

    @property
    def decided(self) -> str:
        """LIST of events to publish, as they will be, oldest first."""
        return self._key("decided")

    @property
    def incidents(self) -> str:
        """HASH name → open incident."""
        return self._key("incidents")

    @property
    def inhibitors(self) -> str:
        """HASH slot → fingerprints of the alerts that stand in it."""
        return self._key("inhibitors")

    @property
    def routed(self) -> str:
        """HASH fingerprint → groups that its beginning went to, while it fires."""
        return self._key("routed")

    @property
    def due(self) -> str:
        """ZSET group → when it has to be looked at."""
        return self._key("due")

    @property
    def expiring(self) -> str:
        """ZSET fingerprint → when an alert from outside ends by itself."""
        return self._key("expiring")

    @property
    def ticked(self) -> str:
        """STRING: when alerts were last looked after, epoch ms."""
        return self._key("ticked")

    @property
    def looked(self) -> str:
        """STRING: when somebody last looked for missing figures, epoch ms."""
        return self._key("looked")

    @property
    def data(self) -> str:
        """HASH rule and labels → when a figure was last there."""
        return self._key("data")

    def group(self, group: str) -> str:
        """HASH ``about`` → conversation, ``m:<fingerprint>`` → member."""
        return self._key(f"group:{group}")

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
        """LIST of notifications that a channel has still to deliver, oldest first."""
        return self._key(f"waiting:{encoded(channel)}")

    def tries(self, channel: str) -> str:
        """HASH id of a notification → how often it failed, and when it is tried again."""
        return self._key(f"tries:{encoded(channel)}")

    def receipts(self, channel: str) -> str:
        """HASH key of a conversation → what the channel returned for its first message."""
        return self._key(f"receipts:{encoded(channel)}")

    def channel(self, channel: str) -> str:
        """HASH: how a channel is doing; the fields are those of `ChannelState`."""
        return self._key(f"channel:{encoded(channel)}")

    def dead(self, channel: str) -> str:
        """LIST of the newest that a channel could not deliver, each with the reason."""
        return self._key(f"dead:{encoded(channel)}")

    def beat(self, channel: str) -> str:
        """STRING that is there while the last heartbeat is not due to be repeated."""
        return self._key(f"beat:{encoded(channel)}")
