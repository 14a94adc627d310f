"""Records of ``ml.config``: their keys, and what their values decode to."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from schemas.activations import Activation
from schemas.models import ModelConfig
from schemas.rules import RuleConfig, SilenceConfig

__all__ = ["RECORD_KINDS", "ConfigRecord", "decode_record", "encode_record", "record_key"]

ConfigRecord = ModelConfig | RuleConfig | SilenceConfig | Activation

RECORD_KINDS: Mapping[str, type[ConfigRecord]] = MappingProxyType(
    {
        "model": ModelConfig,
        "rule": RuleConfig,
        "silence": SilenceConfig,
        "activation": Activation,
    }
)
"""What a record is, by the first part of its key."""


def record_key(record: ConfigRecord) -> str:
    """Return the key under which a record is published; a tombstone under it deletes the record.

    Examples
    --------
    >>> record_key(ModelConfig(model_name="credit"))
    'model/credit/*'
    """
    match record:
        case ModelConfig():
            return f"model/{record.model_name}/{record.model_version}"
        case RuleConfig():
            return f"rule/{record.name}"
        case SilenceConfig():
            return f"silence/{record.id}"
        case Activation():
            return f"activation/{record.model_name}/{record.model_version}/{record.effective_from}"


def encode_record(record: ConfigRecord) -> bytes:
    """Write a record's value as JSON."""
    return msgspec.json.encode(record)


def decode_record(key: str, value: bytes) -> ConfigRecord:
    """Read a record.

    Parameters
    ----------
    key
        The record's key.
    value
        Its value, not a tombstone's.

    Raises
    ------
    ValueError
        For a key of no known kind, a value that is none of that kind, or one that belongs under
        another key. `msgspec.ValidationError` is one.
    """
    kind = RECORD_KINDS.get(key.partition("/")[0])
    if kind is None:
        raise ValueError(f"record key {key!r}: starts with none of {', '.join(RECORD_KINDS)}")
    record = msgspec.json.decode(value, type=kind)
    if record_key(record) != key:
        raise ValueError(f"record key {key!r}: its value belongs under {record_key(record)!r}")
    return record
