"""One process at a time works on the outbox or a channel; after a crash, another may."""

import contextlib

from redis.exceptions import LockError
from redis.lock import Lock

from stream.state.client import RedisClient

LEASE_S = 15.0
"""Longer than one publication or delivery takes; how long the work of a killed process waits."""


class Lease:
    """A lease on one piece of work; `with` takes it where it is free, `renew` tells whether it was.

    Parameters
    ----------
    client : Redis
    key : of the lease
    """

    def __init__(self, client: RedisClient, key: str) -> None:
        self._lock = Lock(client, key, timeout=LEASE_S, blocking=False, thread_local=False)

    def __enter__(self) -> "Lease":
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(LockError):  # not ours, or not ours any more
            self._lock.release()

    def renew(self) -> bool:
        """Hold it for the full time again; False where another has it."""
        try:
            return bool(self._lock.reacquire())
        except LockError:
            return False
