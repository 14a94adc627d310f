"""What the embedded stack says when the world will not let it start."""

from __future__ import annotations


class EmbeddedError(Exception):
    """Kafka or Redis can't be had or won't run on this machine.

    The message is one sentence for a person at a terminal: what happened, where, what to do.
    Trying again without doing that does not help, so there is no ``retryable`` flag.
    """
