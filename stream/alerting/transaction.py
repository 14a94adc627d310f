"""Change what several processes may change: read, decide, store, unless somebody else did first."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import redis

from stream.state.client import RedisClient

TRIES = 50

Result = TypeVar("Result")


def transact(
    client: RedisClient,
    sequence: str,
    work: "Callable[[Queue], Result]",
    watched: Iterable[str] = (),
) -> Result:
    """Run some work in a transaction, again where what it rests on has changed meanwhile.

    Parameters
    ----------
    client : Redis
    sequence : a key that rises with each such transaction
    work : reads by other connections, then queues its changes on the pipeline that it is given
    watched : other keys that must not change

    Returns
    -------
    What the work returned.

    Raises
    ------
    redis.RedisError
        When others were first all the time.
    """
    for _ in range(TRIES):
        with client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(sequence, *watched)
                queue = Queue(pipe)
                result = work(queue)
                queue.run(sequence)
            except redis.WatchError:
                continue
            return result
    raise redis.RedisError(f"{sequence} kept changing; is Redis overloaded?")


class Queue:
    """Keeps commands until everything is read: a pipeline that watches would run them at once."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._commands: list[tuple[Any, ...]] = []

    def add(self, *command: Any) -> None:
        """Queue a command, as its name and arguments."""
        self._commands.append(command)

    def run(self, sequence: str) -> None:
        """Run all of them in one step; none where there are none."""
        if not self._commands:
            return
        self._pipe.multi()
        self._pipe.execute_command("INCR", sequence)
        for command in self._commands:
            self._pipe.execute_command(*command)
        self._pipe.execute()
