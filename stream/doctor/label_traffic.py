"""What the traffic gives the label join to remember, as the live windows tell."""

from collections.abc import Mapping

from schemas.durations import parse_duration_ms
from schemas.keys import live_key
from schemas.models import ModelConfig, window_specs
from stream.doctor.label_checks import Waiting
from stream.state.client import RedisClient
from stream.state.keys import StateKeys, VersionId
from stream.state.retention import quiet_since_ms
from stream.window.panes import DAY_MS, HOUR_MS


def read_waiting(
    client: RedisClient, namespace: str, configs: Mapping[VersionId, ModelConfig], now_ms: int
) -> list[Waiting]:
    """Read what each version that has traffic gives the join.

    Parameters
    ----------
    client, namespace : as everywhere
    configs : of the versions that have state
    now_ms : wall clock; a version without an event for a day counts no more

    Notes
    -----
    The rate is that of the busier of the model's windows of an hour to a day: a day is all of the
    usual traffic, but of a model that is new or was backfilled it is half empty.
    """
    keys = StateKeys(namespace)
    out = []
    for version, config in configs.items():
        since_ms = quiet_since_ms(client, keys, version)
        if since_ms is None or now_ms - since_ms > DAY_MS:
            continue
        sizes = {spec.name: spec.size_ms for spec in window_specs(config)}
        usual = [name for name, size_ms in sizes.items() if HOUR_MS <= size_ms <= DAY_MS]
        with client.pipeline(transaction=False) as pipe:
            for window in usual or sizes:
                pipe.hget(live_key(namespace, *version, window), "throughput_per_s")
            rate = max((float(found) for found in pipe.execute() if found), default=0.0)
        horizon_ms = parse_duration_ms(config.labels.join_horizon)
        out.append(Waiting(rate * config.labels.sampling_rate, horizon_ms))
    return out
