"""Silences over HTTP: what is published, what is answered, what is refused."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from schemas.rules import SilenceConfig
from stream.alerting.silences import StoredSilence, authors_after
from stream.configure import moment
from stream.kafka import KafkaUnavailableError
from stream.web.silences_api import BODY_BYTES_MAX, SilencesApi

NOW_MS = 1_790_002_800_000  # 2026-09-21 15:00 UTC
HOUR_MS = 3_600_000
PATH = "/api/v1/silences"
CREDIT = {"match": {"model_name": "credit"}, "duration": "2h", "comment": "upgrade"}


class Topic:
    """What is published is read a moment later, as it is by a process that follows the topic."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredSilence] = {}
        self.behind: list[StoredSilence] = []
        self.reads_until_heeded = 0
        self.error: Exception | None = None

    def publish(self, silence: SilenceConfig, who: str, now_ms: int) -> None:
        if self.error is not None:
            raise self.error
        before = self.stored.get(silence.id)
        authors = authors_after(before.authors if before else None, who, moment(now_ms))
        self.behind += [StoredSilence(silence, authors)]
        self.reads_left = self.reads_until_heeded

    def read(self) -> dict[str, StoredSilence]:
        if self.behind and self.reads_left == 0:
            self.stored |= {one.silence.id: one for one in self.behind}
            self.behind.clear()
        elif self.behind:
            self.reads_left -= 1
        return self.stored

    def hold(self, name: str, start: int, end: int, who: str = "ann") -> None:
        silence = SilenceConfig(
            id=name, match={"rule": name}, starts_at=NOW_MS + start, ends_at=NOW_MS + end
        )
        self.stored[name] = StoredSilence(silence, authors_after(None, who, moment(NOW_MS)))


@pytest.fixture
def topic() -> Topic:
    return Topic()


Talk = Callable[[TestClient[Any, Any]], Coroutine[Any, Any, Any]]


def talk(topic: Topic, talk: Talk) -> Any:
    async def served() -> Any:
        app = web.Application()
        api = SilencesApi(topic.read, topic.publish, lambda: NOW_MS, lambda count: b"\1" * count)
        app.add_routes(api.routes())
        async with TestClient(TestServer(app)) as client:
            return await talk(client)

    return asyncio.run(served())


def ask(topic: Topic, method: str, path: str = PATH, body: Any = None, **headers: str) -> Any:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(client: TestClient[Any, Any]) -> tuple[int, Any]:
        response = await client.request(
            method, path, data=data, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        assert response.content_type == "application/json"
        return response.status, await response.json()

    return talk(topic, answer)


def test_a_silence_is_made_listed_and_ended(topic: Topic) -> None:
    status, made = ask(topic, "POST", body=CREDIT, X_Streamgauge_User="ann")
    assert status == 201
    assert made == {
        "id": "0101010101",
        "match": {"model_name": "credit"},
        "starts_at": NOW_MS,
        "ends_at": NOW_MS + 2 * HOUR_MS,
        "comment": "upgrade",
        "state": "active",
        "created_by": "ann",
        "created_at": "2026-09-21T15:00:00.000Z",
        "changed_by": "ann",
        "changed_at": "2026-09-21T15:00:00.000Z",
    }
    assert ask(topic, "GET") == (200, [made])
    status, over = ask(topic, "DELETE", f"{PATH}/{made['id']}", X_Streamgauge_User="bob")
    assert status == 200
    ends = {"starts_at": NOW_MS - 1, "ends_at": NOW_MS, "state": "expired", "changed_by": "bob"}
    assert over == made | ends
    assert ask(topic, "GET") == (200, [over])
    again = ask(topic, "DELETE", f"{PATH}/{made['id']}")
    assert again == (200, over), "ending it twice is ending it once"


def test_the_author_is_of_the_body_else_of_the_header_else_http(topic: Topic) -> None:
    for number, (body, headers, who) in enumerate(
        [
            ({"created_by": "ann"}, {"X_Streamgauge_User": "bob"}, "ann"),
            ({}, {"X_Streamgauge_User": " bob "}, "bob"),
            ({}, {"X_Streamgauge_User": ""}, "http"),
            ({}, {}, "http"),
        ]
    ):
        given = {**CREDIT, **body, "id": f"s-{number}"}
        _, made = ask(topic, "POST", body=given, **headers)
        assert made["created_by"] == who
        assert topic.stored[f"s-{number}"].authors.created_by == who


def test_a_header_that_is_no_text_names_somebody_all_the_same(topic: Topic) -> None:
    async def as_bytes(client: TestClient[Any, Any]) -> bytes:
        body = json.dumps(CREDIT).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}"
        )
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(head.encode() + b"\r\nX-Streamgauge-User: \xff!\r\n\r\n" + body)
        answer = await reader.read()
        writer.close()
        return answer

    assert talk(topic, as_bytes).startswith(b"HTTP/1.1 201")
    assert topic.stored["0101010101"].authors.created_by == "?!"


def test_a_silence_of_a_given_id_is_made_once_and_then_replaced(topic: Topic) -> None:
    given = {**CREDIT, "id": "nightly", "created_by": "ann"}
    assert ask(topic, "POST", body=given)[0] == 201
    ends = {"match": {"rule": "latency"}, "ends_at": NOW_MS + 1, "created_by": "bob"}
    status, changed = ask(topic, "POST", body={**ends, "id": "nightly"})
    assert (status, changed["created_by"], changed["changed_by"]) == (200, "ann", "bob")
    assert (changed["match"], changed["comment"]) == ({"rule": "latency"}, "")
    assert ask(topic, "GET") == (200, [changed])


def test_a_duration_counts_from_the_start(topic: Topic) -> None:
    given = {"match": {"rule": "latency"}, "starts_at": NOW_MS + HOUR_MS, "duration": "30m"}
    _, made = ask(topic, "POST", body=given)
    assert made["ends_at"] == NOW_MS + 3 * HOUR_MS // 2
    assert made["state"] == "pending"


def test_who_asks_next_is_told(topic: Topic) -> None:
    topic.reads_until_heeded = 4

    async def make_then_list(client: TestClient[Any, Any]) -> Any:
        made = await (await client.post(PATH, json=CREDIT)).json()
        return made, await (await client.get(PATH)).json()

    made, listed = talk(topic, make_then_list)
    assert listed == [made]


def test_one_change_comes_after_another(topic: Topic) -> None:
    topic.reads_until_heeded = 2

    async def make_twice_at_once(client: TestClient[Any, Any]) -> list[int]:
        given = {**CREDIT, "id": "deploy"}
        answers = await asyncio.gather(*(client.post(PATH, json=given) for _ in range(2)))
        return sorted(answer.status for answer in answers)

    assert talk(topic, make_twice_at_once) == [200, 201]


def test_silences_are_listed_by_state(topic: Topic) -> None:
    topic.hold("over", -2, -1)
    topic.hold("to-come", 1, 2)
    topic.hold("active", -1, 1)

    def listed(query: str) -> list[str]:
        status, found = ask(topic, "GET", f"{PATH}?{query}")
        assert status == 200
        return [one["id"] for one in found]

    assert listed("") == ["active", "to-come", "over"]
    assert listed("state=active") == ["active"]
    assert listed("state=pending&state=expired") == ["to-come", "over"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"match": {}}, "needs a matcher"),
        ({"match": None}, "Expected `object`, got `null`"),
        ({"match": {"rule": 3}}, "Expected `str`"),
        ({"match": {"rule": "*"}}, "say `everything`"),
        ({"comments": "x"}, "unknown field `comments`"),
        ({"duration": "soon"}, "'soon' is no duration"),
        ({"duration": "0s"}, "is not after its start"),
        ({"ends_at": NOW_MS + 1}, "one of ends_at (epoch ms) and duration"),
        ({"duration": None}, "one of ends_at (epoch ms) and duration"),
        ({"duration": None, "ends_at": "2026-09-22"}, "Expected `int | null`, got `str`"),
        ({"duration": "999999999999999d"}, "is no time of these centuries"),
        ({"id": "a b"}, "'a b' is no id"),
        ({"created_by": ""}, "length >= 1"),
    ],
)
def test_a_body_that_is_refused_is_told_in_one_sentence(
    topic: Topic, change: Any, said: str
) -> None:
    status, answer = ask(topic, "POST", body={**CREDIT, **change})
    assert (status, answer.keys()) == (400, {"error"})
    assert said in answer["error"]
    assert "\n" not in answer["error"]
    assert topic.read() == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"match": {"rule": "\xff"}, "duration": "1h"}', 400),
        (b'{"match": {"rule": "\\ud800"}, "duration": "1h"}', 400),
        (b"[" * BODY_BYTES_MAX, 400),
        (b" " * (BODY_BYTES_MAX + 1), 413),
        (b" " * (10 * BODY_BYTES_MAX), 413),
    ],
    ids=["empty", "cut", "array", "bytes", "surrogate", "deep", "long", "very long"],
)
def test_a_body_that_is_no_silence(topic: Topic, body: bytes, status: int) -> None:
    given, answer = ask(topic, "POST", body=body)
    assert (given, answer.keys()) == (status, {"error"})
    said = {400: "the body is no ", 413: "a silence takes at most 65,536 bytes"}
    assert answer["error"].startswith(said[status])
    assert topic.read() == {}


def test_everything_is_silenced_where_it_is_said(topic: Topic) -> None:
    given = {"match": {"rule": "*"}, "duration": "1h", "everything": True}
    assert ask(topic, "POST", body=given)[0] == 201


def test_what_is_not_there_and_what_cannot_be_asked(topic: Topic) -> None:
    status, answer = ask(topic, "DELETE", f"{PATH}/nobody")
    assert (status, "there is no silence 'nobody'" in answer["error"]) == (404, True)
    status, answer = ask(topic, "GET", f"{PATH}?state=silent")
    assert (status, "pending, active, expired" in answer["error"]) == (400, True)
    status, answer = ask(topic, "GET", f"{PATH}?sort=id")
    assert (status, "'sort' is no parameter" in answer["error"]) == (400, True)
    long = {"X_Streamgauge_User": "x" * 201}
    assert ask(topic, "POST", body=CREDIT, **long)[0] == 400
    assert ask(topic, "DELETE", f"{PATH}/nobody", **long)[0] == 400


def test_a_broker_that_does_not_answer_is_told(topic: Topic) -> None:
    topic.hold("active", -1, 1)
    topic.error = KafkaUnavailableError("1 records were not written")
    assert ask(topic, "POST", body=CREDIT) == (503, {"error": "1 records were not written"})
    assert ask(topic, "DELETE", f"{PATH}/active")[0] == 503
    _, listed = ask(topic, "GET")
    assert [one["id"] for one in listed] == ["active"]
