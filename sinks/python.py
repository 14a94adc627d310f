"""Notifications given to a function that somebody installed.

A package offers one as an entry point of the group `GROUP`; its name is the handler's::

    [project.entry-points."streamgauge.channels"]
    sms = "our_alerts:send_sms"

and it is called with each notification::

    def send_sms(notification: Notification) -> str | None:
        gateway.send(notification.title)

It has ten seconds. What it raises is tried again, unless the exception has a `retryable` that is
false. A string it returns is the `receipt` of the later notifications of the conversation. Where it
has attributes `every_event`, `pages` or `edits`, they are those of `sinks.channel.Channel`.
"""

import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from schemas.notifications import Notification
from sinks.channel import DeliveryError

__all__ = ["GROUP", "Handler", "PythonChannel", "load_handler"]

GROUP = "streamgauge.channels"

Handler = Callable[[Notification], Any]
"""What it really returns is found out when it does."""


class PythonChannel:
    """Calls a handler with each notification.

    Parameters
    ----------
    name : of the handler, for messages
    handler : what to call
    """

    resend_ms: int | None = None

    def __init__(self, name: str, handler: Handler) -> None:
        self._name = name
        self._handler = handler
        self.every_event = getattr(handler, "every_event", None) is True
        self.pages = getattr(handler, "pages", None) is True
        self.edits = getattr(handler, "edits", None) is True

    def send(self, notification: Notification) -> str | None:
        """Call the handler."""
        try:
            returned = self._handler(notification)
        except DeliveryError:
            raise
        except (Exception, SystemExit) as error:  # others' code may raise anything
            retryable = getattr(error, "retryable", True) is not False
            why = f"handler {self._name} raised {_place(error)}"
            raise DeliveryError(why, retryable=retryable) from error
        return returned if isinstance(returned, str) else None


def load_handler(name: str) -> Handler:
    """Load an installed handler.

    Raises
    ------
    ValueError
        When there is none of this name, or several, or it can't be loaded, or is no function.
    """
    found = {(entry.name, entry.value): entry for entry in metadata.entry_points(group=GROUP)}
    named = [entry for (of, _), entry in sorted(found.items()) if of == name]
    if not named:
        others = ", ".join(sorted({of for of, _ in found}))
        installed = f"installed are {others}" if others else f"no package offers any ({GROUP})"
        raise ValueError(f"there is no handler {name!r}; {installed}")
    if len(named) > 1:
        places = " and ".join(entry.value for entry in named)
        raise ValueError(f"several packages offer a handler {name!r}: {places}; uninstall one")
    try:
        handler = named[0].load()
    except Exception as error:  # an import may raise anything
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"handler {named[0].value} can't be loaded: {why}") from error
    if not callable(handler):
        raise ValueError(f"handler {named[0].value} is no function")
    return handler  # type: ignore[no-any-return]


def _place(error: BaseException) -> str:
    """Say what was raised and where; its text may hold data, which logs do not."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
