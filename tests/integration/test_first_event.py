"""The main job, as thin as it gets: a shell, Kafka, a worker that dies, ``redis-cli HGETALL``."""

from typing import Any

from programs import until
from shell import redis_cli

EVENT = '{"model_name":"credit","model_version":3,"prediction":1,"latency_ms":12.5}'
WINDOWS = ("1m", "5m", "1h", "1d", "7d")


def test_an_event_from_a_shell_is_read_exactly_though_the_worker_was_killed(
    stack: Any, namespace: Any, programs: Any
) -> None:
    def send(event: Any) -> None:
        sent = programs.run("emit", "-", stdin=event.encode())
        assert sent.returncode == 0, sent.stderr

    def figures(window: Any) -> Any:
        shown = redis_cli(stack, "HGETALL", f"{namespace}:{{credit}}:m:3:{window}")
        return dict(zip(shown[::2], shown[1::2], strict=True))

    worker = programs.start("worker", "--instance", "one")
    programs.start("agents")
    send(EVENT)
    until(lambda: figures("5m").get("count") == "1", "one event counted")

    programs.kill(worker)
    send(EVENT.replace("12.5", "50"))
    programs.start("worker", "--instance", "one")
    until(lambda: figures("7d").get("count") == "2", "the event sent meanwhile counted as well")

    for window in WINDOWS[2:]:
        seen = figures(window)
        assert seen["count"] == seen["revision"] == "2"
        assert seen["error_rate"] == "0.0"
        assert seen["latency_max_ms"] == "50.0"
        assert float(seen["latency_mean_ms"]) == 31.25
        assert abs(float(seen["latency_p50_ms"]) / 12.5 - 1) < 0.011
        assert seen["complete"] == seen["exact"] == "true"
