"""Keys of the private state, under ``<namespace>:state:``; users have no promise about them."""

from typing import NamedTuple

from schemas.topics import Topic

READ_TOPICS = (Topic.PREDICTIONS, Topic.LABELS, Topic.MEASUREMENTS)
"""Topics that workers read."""


EVERY_VERSION = "*"
"""Stands for all versions of a model: of what is measured of the model alone."""


class VersionId(NamedTuple):
    """A model version. Both parts use the alphabet of names, so they stand in keys as they are."""

    model: str
    version: str


class PartitionId(NamedTuple):
    """A partition of a topic, by the topic's id: a topic made anew under its name is another."""

    topic_id: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic_id}:{self.partition}"

    @classmethod
    def parse(cls, text: str) -> "PartitionId":
        """Read what ``str`` wrote."""
        topic_id, partition = text.rsplit(":", 1)
        return cls(topic_id, int(partition))


class StateKeys:
    """Private keys of one namespace."""

    def __init__(self, namespace: str) -> None:
        self._root = f"{namespace}:state:"

    @property
    def clocks(self) -> str:
        """HASH partition → log clock, ms: how far the partition was read, in append time."""
        return self._root + "clocks"

    @property
    def label_clocks(self) -> str:
        """HASH the same of the partitions of labels, which no window waits for."""
        return self._root + "label_clocks"

    def clocks_of(self, topic: Topic) -> str:
        """HASH of the log clocks of one of the topics that workers read."""
        return {
            Topic.PREDICTIONS: self.clocks,
            Topic.LABELS: self.label_clocks,
            Topic.MEASUREMENTS: self._root + "measurement_clocks",
        }[topic]

    @property
    def root(self) -> str:
        """What every key here begins with."""
        return self._root

    @property
    def join(self) -> str:
        """HASH of the join: bytes stored, and what became of predictions and labels."""
        return self._root + "join"

    @property
    def join_root(self) -> str:
        """What the join's own keys begin with: buckets (two bytes more) and terms."""
        return self._root + "j:"

    def terms(self, code: bytes) -> bytes:
        """STRING MessagePack: what entries that name this code are counted by."""
        return f"{self.join_root}terms:".encode() + code

    @property
    def versions(self) -> str:
        """SET of ``model version`` that have state."""
        return self._root + "versions"

    def partition(self, partition: PartitionId) -> str:
        """HASH ``owner``, ``offset``, books, and ``w:<model> <version>`` → watermark."""
        return f"{self._root}{{{partition}}}"

    def version(self, version: VersionId) -> str:
        """HASH ``sequence``, ``layout``, ``w:<partition>`` → watermark; ``labels_append``, ms.

        The latter is the append time of the newest label that changed what is counted.
        """
        return f"{self._root}v:{version.model}:{version.version}"

    def panes(self, version: VersionId) -> str:
        """ZSET pane → the sequence number of its last change."""
        return self.version(version) + ":panes"

    def pane(self, version: VersionId, member: str) -> str:
        """HASH of rows (:mod:`stream.state.codec`)."""
        return f"{self.version(version)}:pane:{member}"

    def labelled(self, version: VersionId) -> str:
        """ZSET label pane → the sequence number of its last change."""
        return self.version(version) + ":labelled"

    def label_pane(self, version: VersionId, member: str) -> str:
        """HASH of rows (:mod:`stream.window.labelled`)."""
        return f"{self.version(version)}:labels:{member}"

    def settled(self, version: VersionId) -> str:
        """HASH ``<window>:<end>`` → its reports before labels, as long as those may come."""
        return self.version(version) + ":settled"

    def settled_until(self, version: VersionId) -> str:
        """ZSET ``<window>:<end>`` → log clock, ms, until which its reports are kept."""
        return self.version(version) + ":settled_until"

    def concept(self, version: VersionId) -> str:
        """STRING what is known of concept drift, as JSON."""
        return self.version(version) + ":concept"

    def sample(self, version: VersionId) -> str:
        """ZSET hash of the request id → row: the sample a provisional baseline is made of."""
        return self.version(version) + ":sample"

    def fence(self, version: VersionId) -> str:
        """HASH ``<window>:<end>`` → revision and time of the last report."""
        return self.version(version) + ":reports"

    def decided(self, version: VersionId) -> str:
        """STRING ``<window end> <decisions as JSON>`` of the last decision window."""
        return self.version(version) + ":decided"
