"""The books: what became of the events of each partition."""

from stream.state.client import RedisClient
from stream.state.keys import PartitionId, StateKeys

BOOKS = ("consumed", "accepted", "late", "rejected", "empty")
"""consumed = accepted + late + rejected + empty, in events; always, in every partition."""


def read_books(client: RedisClient, namespace: str) -> dict[PartitionId, dict[str, int]]:
    """Books of every partition that has a log clock, of predictions and of labels."""
    keys = StateKeys(namespace)
    names = [*client.hkeys(keys.clocks), *client.hkeys(keys.label_clocks)]
    partitions = [PartitionId.parse(name.decode()) for name in names]
    with client.pipeline(transaction=False) as pipe:
        for partition in partitions:
            pipe.hmget(keys.partition(partition), *BOOKS)
        rows = pipe.execute()
    return {
        partition: {book: int(amount or 0) for book, amount in zip(BOOKS, row, strict=True)}
        for partition, row in zip(partitions, rows, strict=True)
    }
