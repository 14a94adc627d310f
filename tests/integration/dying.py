"""A Redis client whose process dies before its n-th command."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class DeathError(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


class Countdown:
    """How many commands are sent until the end; ``sent`` were."""

    def __init__(self, left: int) -> None:
        self.left, self.sent, self.is_over = left, 0, False

    def tick(self) -> None:
        """Count one; once the end has come nothing is sent any more, not even to clean up."""
        if self.is_over:
            raise redis.ConnectionError("the process is dead")
        self.is_over = self.sent >= self.left
        if self.is_over:
            raise DeathError
        self.sent += 1


def dying_client(url: str, countdown: Countdown) -> redis.Redis:
    """Connect; pipelines are sent at once and count as one command."""

    class Dying(redis.Connection):
        connecting = False

        def on_connect(self) -> None:
            self.connecting = True
            super().on_connect()  # type: ignore[no-untyped-call]
            self.connecting = False

        def send_packed_command(self, command: Any, check_health: bool = True) -> Any:
            if not self.connecting:
                countdown.tick()
            return super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    once = Retry(NoBackoff(), 0)
    pool = redis.ConnectionPool.from_url(url, connection_class=Dying, retry=once)
    return redis.Redis(connection_pool=pool)
