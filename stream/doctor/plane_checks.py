"""Workers and agents: whether they are there and keep up, and whether the books balance."""

import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream.doctor.check import Book, Check, fine, trouble, warning
from stream.settings import HttpSettings

TIMEOUT_S = 10.0
HEALTH_TIMEOUT_S = 5.0
LAG_MS_MAX = 300_000
"""More than 5 minutes behind is trouble, as in the rule `pipeline-lag`."""
REFUSED_SHARE_MAX = 0.05
"""More refused events than one in twenty are worth a look; late ones of a backfill are not rare."""
LAG_MS_NOTED = 30_000
"""Records wait, and none was read for half a minute: worth a look before it is trouble."""
_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has been read.

    Attributes
    ----------
    owner
        Id of the worker that counts it; None where none ever did.
    offset
        Next to read, None where nothing is stored.
    clock_ms
        Append time up to which it was read.
    end
        End of its log, None where the broker did not say.
    """

    topic: str
    partition: int
    owner: str | None
    offset: int | None
    clock_ms: int
    end: int | None

    @property
    def lag(self) -> int:
        """How many records are still to be read."""
        return max(0, (self.end or 0) - (self.offset or 0))


def check_members(admin: AdminClient, namespace: str) -> list[Check]:
    """Look who is in the consumer groups of workers and agents."""
    checks = []
    for role in ("worker", "agents"):
        group = f"{namespace}.{role}"
        try:
            future = admin.describe_consumer_groups([group], request_timeout=TIMEOUT_S)[group]
            found = future.result()
            hosts = sorted({member.host.lstrip("/") for member in found.members})
            count = len(found.members)
        except KafkaException:  # a broker answers so for a group that never was
            count, hosts = 0, []
        name = "workers" if role == "worker" else "agents"
        if count:
            checks.append(fine(f"{name}.running", f"{count} on {', '.join(hosts)}"))
        else:
            checks.append(
                trouble(
                    f"{name}.running",
                    f"nobody is in the group {group}",
                    f"start one with `streamgauge {role}`, or everything with `streamgauge up`",
                )
            )
    return checks


def check_ownership(progress: Sequence[Progress]) -> Check:
    """Check that every partition is some worker's."""
    without = [f"{at.topic}/{at.partition}" for at in progress if at.owner is None]
    if without:
        return trouble(
            "workers.partitions",
            f"no worker has ever claimed {_some(without)}",
            "start a worker; if some run, look at their logs",
        )
    owners = len({at.owner for at in progress})
    return fine(
        "workers.partitions", f"{len(progress)} partitions, {owners} owner{'s' * (owners != 1)}"
    )


def check_lag(progress: Sequence[Progress], now_ms: int) -> Check:
    """Compare what was read with what is there, by offset and by the log's clock."""
    started = [at for at in progress if at.offset is not None]
    if not started:
        return trouble("lag", "nothing has been read yet", "start a worker")
    lag = sum(at.lag for at in started)
    slowest = max(started, key=lambda at: now_ms - at.clock_ms)
    behind_ms = max(0, now_ms - slowest.clock_ms)
    said = f"{lag:,} records, {behind_ms / _MS_PER_S:,.0f} s behind"
    if behind_ms > LAG_MS_MAX:
        place = f"{slowest.topic}/{slowest.partition}"
        return trouble(
            "lag", f"{said} on {place}", "is a worker running? If so, start more of them"
        )
    if lag and behind_ms > LAG_MS_NOTED:
        return warning("lag", said, "a worker is catching up, or does not get on: see its log")
    return fine("lag", said)


def check_books(books: Sequence[Book]) -> Check:
    """Check that every event consumed is accepted, late, rejected or empty."""
    if not books:
        return fine("books", "nothing has been consumed yet")
    wrong = [f"{book.topic}/{book.partition}" for book in books if not book.balances]
    if wrong:
        return trouble(
            "books",
            f"do not balance on {_some(wrong)}: events were lost or counted twice",
            "keep the state and report this with the output of `streamgauge doctor --json`",
        )
    total = {
        name: sum(getattr(book, name) for book in books)
        for name in ("consumed", "accepted", "late", "rejected", "empty")
    }
    said = ", ".join(f"{count:,} {name}" for name, count in total.items())
    refused = total["late"] + total["rejected"]
    if refused > REFUSED_SHARE_MAX * total["consumed"]:
        hint = "many events are refused: the header `reason` on the topic `rejected` says why"
        return warning("books", f"balance: {said}", hint)
    return fine("books", f"balance: {said}")


def check_health(settings: HttpSettings) -> Check:
    """Ask the agents how they are."""
    place = f"http://{settings.host}:{settings.port}/health"
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return warning(
            "agents.health",
            f"{place} does not answer",
            "set http.host and http.port to where agents run, or start `streamgauge agents`",
        )
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.OK:
        return fine("agents.health", f"{place} says all is well")
    said = f"{place} says {answer.status}: {_failing(body)}"
    return trouble("agents.health", said, "see the other checks, and the agents' log")


def _failing(body: bytes) -> str:
    """Name the parts that /health calls failing."""
    try:
        parts: Mapping[str, Mapping[str, object]] = orjson.loads(body)["parts"]
        return "; ".join(
            f"{name}: {part.get('detail', 'failing')}"
            for name, part in parts.items()
            if not part.get("ok")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:200].decode("utf-8", "replace")


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 5
    return ", ".join(names[:5]) + (f" and {rest} more" if rest > 0 else "")
