"""The query API: one JSON document, or one sentence with the status that fits it."""

import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest
import redis
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from schemas.windows import WindowSpec, window_spec
from stream.baseline.build import build_baseline
from stream.reading.drift_check import check_drift
from stream.reading.errors import ReadingError
from stream.reading.window import CountedWindow
from stream.reading.wording import document
from stream.state.keys import VersionId
from stream.web.api import DriftApi

NOW_MS = 1_790_002_800_000


class Reader:
    """Knows one window of one version; what was asked for is kept."""

    def __init__(self, window: CountedWindow) -> None:
        self.window = window
        self.asked: list[tuple[str, int | None]] = []

    def one_version(self, model: str, version: str) -> VersionId:
        if model == "away":
            raise redis.ConnectionError("refused")
        if model != "credit":
            raise ReadingError(f"no model {model!r} has sent an event: the models are credit")
        return VersionId(model, version)

    def spec(self, _version: VersionId, size: str) -> WindowSpec:
        return window_spec(size)

    def read(self, _version: VersionId, spec: WindowSpec, end_ms: int | None) -> CountedWindow:
        self.asked.append((spec.name, end_ms))
        return self.window

    def concept(self, _version: VersionId) -> None:
        """No day has had its labels."""


@pytest.fixture
def reader(counted_window: Any) -> Reader:
    ages = np.random.default_rng(5).normal(40, 10, 400)
    baseline = build_baseline({"age": ages}, model_name="credit", model_version="1")
    return Reader(counted_window(baseline, [{"features": {"age": float(a)}} for a in ages]))


def ask(reader: Reader, path: str) -> tuple[int, Any]:
    async def answer() -> tuple[int, Any]:
        known: Any = reader
        app = web.Application()
        app.add_routes(DriftApi(known, lambda: NOW_MS).routes())
        async with TestClient(TestServer(app)) as client:
            response = await client.get(f"/api/v1/models/{path}")
            assert response.content_type == "application/json"
            return response.status, await response.json()

    return asyncio.run(answer())


def test_the_answer_is_that_of_the_command(reader: Reader) -> None:
    status, found = ask(reader, "credit/1/drift")
    assert status == 200
    assert found == msgspec.to_builtins(document(check_drift(reader.window)))
    assert reader.asked == [("1d", None)]


def test_window_and_end_are_as_on_the_command_line(reader: Reader) -> None:
    assert ask(reader, "credit/1/drift?window=24h&end=1h")[0] == 200
    assert reader.asked == [("1d", NOW_MS - 3_600_000)]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("other/1/drift", 404, "the models are credit"),
        ("credit/1/drift?window=13q", 400, "'13q' is no duration"),
        ("credit/1/drift?end=yesterday", 400, "'yesterday' is no time"),
        ("credit/1/drift?size=1d", 400, "there are window and end"),
        ("away/1/drift", 503, "try again"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    reader: Reader, path: str, status: int, said: str
) -> None:
    given, error = ask(reader, path)
    assert given == status
    assert error.keys() == {"error"}
    assert said in error["error"]
    assert reader.asked == []
