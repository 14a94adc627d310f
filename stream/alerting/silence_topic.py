"""Silences on ``ml.config``, and whose they are."""

from schemas.records import decode_record
from schemas.rules import SilenceConfig
from schemas.topics import Topic
from stream.alerting.silences import StoredSilence, authors_after, check_silence
from stream.settings import Settings
from stream.topic_reader import header, read_topic


def read_silences(settings: Settings) -> dict[str, StoredSilence]:
    """Return all silences by id, also those that ended. Records that can't be read are left out.

    Raises
    ------
    KafkaUnavailableError
        When the topic can't be read.
    """
    out: dict[str, StoredSilence] = {}
    for message in read_topic(settings, Topic.CONFIG):
        key = (message.key() or b"").decode("utf-8", "replace")
        kind, _, name = key.partition("/")
        value = message.value()
        if kind != "silence":
            continue
        if not value:
            out.pop(name, None)
            continue
        try:
            record = decode_record(key, value)
            assert isinstance(record, SilenceConfig), "the key says so"
            check_silence(record)
        except ValueError:  # written by a later version, or by hand; agents warn of it
            continue
        before = out[name].authors if name in out else None
        authors = authors_after(before, header(message, "who"), header(message, "when"))
        out[name] = StoredSilence(record, authors)
    return out
