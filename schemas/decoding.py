"""Bytes to an event, or to the reason why not."""

import re

import msgspec

from schemas.errors import Reason, Rejected
from schemas.events import Event

__all__ = ["decode_event", "rejected_by"]

# No event nests a thousand deep; Python's own limit stops the decoder there.
_TOO_DEEP = Rejected(Reason.MALFORMED_JSON, "nested too deep")
# Enough for every message of msgspec; a header stays small.
_DETAIL_CHARACTERS = 300
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`\Z")


def decode_event(data: bytes, kind: type[Event]) -> Event | Rejected:
    """Decode one JSON document as one event.

    Parameters
    ----------
    data
        The event's own bytes, UTF-8.
    kind
        Which event it should be.

    Returns
    -------
    Event
        Structurally valid; its timestamp is still as sent, see `parse_timestamp_ms`.
    Rejected
        Otherwise.

    Examples
    --------
    >>> from schemas.events import LabelEvent
    >>> decode_event(b'{"request_id": "r-1"}', LabelEvent)
    Rejected(reason=<Reason.MISSING_FIELD: 'missing_field'>, detail='missing `label` or `metrics`')
    """
    try:
        if not data.isascii():
            data.decode("utf-8")  # msgspec does not look at what it skips
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return rejected_by(error)
    except RecursionError:
        return _TOO_DEEP


def rejected_by(error: msgspec.DecodeError | UnicodeDecodeError) -> Rejected:
    """Say in the contract's words what msgspec said in its own.

    Parameters
    ----------
    error
        From decoding JSON into any event struct, also one built at run time.

    Returns
    -------
    Rejected
        The reason, and a detail that names the field first.
    """
    text = str(error)[:_DETAIL_CHARACTERS]
    if not isinstance(error, msgspec.ValidationError):
        return Rejected(Reason.MALFORMED_JSON, text)
    match = _PATH.search(text)
    path, text = (match["path"], text[: match.start()]) if match else ("", text)
    if text.startswith("Object missing required field "):
        missing = text.removeprefix("Object missing required field ")
        return Rejected(Reason.MISSING_FIELD, f"{path}: missing {missing}".removeprefix(": "))
    if text.startswith("Expected `object`, got") and not path:
        return Rejected(Reason.NOT_AN_EVENT, text)
    if "matching regex" in text:
        reason = Reason.BAD_NAME
    elif ", got `" in text:
        reason = Reason.BAD_TYPE
    else:
        reason = Reason.BAD_VALUE
    return Rejected(reason, f"{path}: {text}".removeprefix(": "))
