"""The books: what became of the events of each partition."""

from stream.state.client import RedisClient
from stream.state.keys import READ_TOPICS, PartitionId, StateKeys

BOOKS = ("consumed", "accepted", "late", "rejected", "empty")
"""consumed = accepted + late + rejected + empty, in events; always, in every partition."""


def read_books(client: RedisClient, namespace: str) -> dict[PartitionId, dict[str, int]]:
    """Books of every partition that has a log clock, of all topics that workers read."""
    keys = StateKeys(namespace)
    names = [name for topic in READ_TOPICS for name in client.hkeys(keys.clocks_of(topic))]
    partitions = [PartitionId.parse(name.decode()) for name in names]
    with client.pipeline(transaction=False) as pipe:
        for partition in partitions:
            pipe.hmget(keys.partition(partition), *BOOKS)
        rows = pipe.execute()
    return {
        partition: {book: int(amount or 0) for book, amount in zip(BOOKS, row, strict=True)}
        for partition, row in zip(partitions, rows, strict=True)
    }
