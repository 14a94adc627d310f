"""Agents die and Redis crashes while alerts fire and end on every kind of channel."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from alert_helpers import MINUTE_MS, T0, alerts_on_topic, by_id, errors, send_reports
from alert_places import CHANNELS, SECRETS, Places, places
from programs import Programs, programs_of, until

from schemas.alerts import Status, alert_id, fingerprint
from schemas.metrics import WindowReport, with_report_id
from stream.embedded import EmbeddedStack
from stream.kafka import ensure_topics
from stream.settings import Settings, load_settings

HIGH_MIN, LOW_MIN = 20, 10
"""Minutes of one episode, and between two: the rule fires when the rate was high for five."""
AGENTS_AWAY_S = 25.0
"""So long a kill may keep a model's alerts waiting: until its group's members are told apart, and
until the lease of the outbox is over. What begins and ends within, Alertmanager may keep to itself,
as it does with all that ends before its group is due."""

_ROUTE = f"""
[[routes]]
channels = {json.dumps(CHANNELS)}
group_by = ["*"]
group_interval = "0s"
"""


@dataclass(frozen=True)
class Plan:
    """How much happens. Seconds of the wall clock; ``minute_s`` are those of a reported minute."""

    models: int
    episodes: int
    minute_s: float
    kills: int
    flaky_down_s: float
    seed: int

    @property
    def lasts_s(self) -> float:
        return self.episodes * (HIGH_MIN + LOW_MIN) * self.minute_s

    @property
    def is_slow(self) -> bool:
        """Whether alerts fire, and are over, for longer than agents are away."""
        return min(HIGH_MIN - 5, LOW_MIN + 5) * self.minute_s > AGENTS_AWAY_S


@dataclass(frozen=True)
class Outcome:
    """What arrived where, for the record."""

    episodes: int
    kills: int
    repeats: dict[str, int]
    seconds: float


def reports_of(model: str, episodes: int) -> Iterator[WindowReport]:
    """One report a minute, with an error rate that is high again and again."""
    for minute in range(episodes * (HIGH_MIN + LOW_MIN)):
        rate = 0.2 if minute % (HIGH_MIN + LOW_MIN) < HIGH_MIN else 0.01
        report = errors(minute, rate)
        yield with_report_id(msgspec.structs.replace(report, model_name=model))


def expected_ids(models: Iterable[str], episodes: int) -> dict[str, tuple[str, Status]]:
    """Fingerprint and status of every event that has to arrive, by id."""
    expected = {}
    for model in models:
        labels = {"model_name": model, "model_version": "3", "window": "5m"}
        of = fingerprint("error-rate", labels)
        for number in range(episodes):
            starts_at = T0 + number * (HIGH_MIN + LOW_MIN) * MINUTE_MS
            for status in (Status.FIRING, Status.RESOLVED):
                expected[alert_id(of, starts_at, status)] = (of, status)
    return expected


def run_chaos(stack: EmbeddedStack, namespace: str, folder: Path, plan: Plan) -> Outcome:
    """Let it happen, and check what arrived: of every episode one beginning and one end."""
    began = time.monotonic()
    with places(folder) as at, programs_of(stack, namespace, folder) as programs:
        programs.environment |= SECRETS
        config = folder / "streamgauge.toml"
        config.write_text(at.config + _ROUTE, "utf-8")
        models = [f"model-{number}" for number in range(plan.models)]
        expected = expected_ids(models, plan.episodes)
        _let_it_happen(stack, namespace, programs, at, config, models, plan)
        settings = load_settings(environment=programs.environment)
        try:
            until(lambda: _is_quiet(at, expected, plan), "everything has arrived", 120)
        except AssertionError as error:
            raise AssertionError(f"missing: {_missing(at, expected)}") from error
        time.sleep(2)  # what comes too much comes right after
        repeats = check_all(at, expected, plan)
        published = by_id(alerts_on_topic(settings))
        assert {of: (e.fingerprint, e.status) for of, e in published.items()} == expected
    return Outcome(len(expected) // 2, plan.kills, repeats, time.monotonic() - began)


def _let_it_happen(
    stack: EmbeddedStack,
    namespace: str,
    programs: Programs,
    at: Places,
    config: Path,
    models: list[str],
    plan: Plan,
) -> None:
    settings = load_settings(environment=programs.environment)
    ensure_topics(settings)
    dice = random.Random(plan.seed)
    agents = [programs.start("agents", "--config", str(config)) for _ in range(2)]
    until(lambda: programs.log().count("alerts_read_back") > 0, "agents are up")
    sending = threading.Thread(target=_send_all, args=(settings, models, plan))
    sending.start()
    for number in range(plan.kills):
        time.sleep(dice.uniform(0.5, 1.5) * plan.lasts_s / plan.kills)
        place = dice.randrange(len(agents))
        programs.kill(agents[place])
        agents[place] = programs.start("agents", "--config", str(config))
        if number == plan.kills // 2:
            stack.kill_redis()
            stack.start_redis()
        if number == plan.kills // 3:
            at.flaky.down = True
            threading.Timer(plan.flaky_down_s, setattr, (at.flaky, "down", False)).start()
    sending.join()


def _send_all(settings: Settings, models: list[str], plan: Plan) -> None:
    waiting = [list(reports_of(model, plan.episodes)) for model in models]
    for reports in zip(*waiting, strict=True):
        send_reports(settings, *reports)
        time.sleep(plan.minute_s)


def _counted(at: Places) -> dict[str, Counter[tuple[str, str]]]:
    """How often each place was told that an alert began, and that it ended."""
    told: dict[str, Counter[tuple[str, str]]] = {}
    told["hook"] = Counter((e.fingerprint, e.status.value) for e in at.hook.events)
    told["flaky"] = Counter((e.fingerprint, e.status.value) for e in at.flaky.events)
    told["pager"] = Counter((one.key, "firing") for one in at.pager.incidents)
    told["pager"] += Counter((one.key, "resolved") for one in at.pager.incidents if one.resolved)
    told["opsgenie"] = Counter((one.alias, "firing") for one in at.opsgenie.alerts)
    told["opsgenie"] += Counter((one.alias, "resolved") for one in at.opsgenie.alerts if one.closed)
    told["prometheus"] = Counter(
        (_of_labels(alert["labels"]), alert["status"])
        for message in at.prometheus.got
        for alert in message["alerts"]
    )
    return told


def _of_labels(labels: dict[str, str]) -> str:
    own = {name: value for name, value in labels.items() if name not in {"alertname", "severity"}}
    return fingerprint(labels["alertname"], own)


def _wanted(expected: dict[str, tuple[str, Status]]) -> Counter[tuple[str, str]]:
    return Counter((of, status.value) for of, status in expected.values())


def _missing(at: Places, expected: dict[str, tuple[str, Status]]) -> dict[str, int]:
    wanted = _wanted(expected)
    missing = {place: (wanted - told).total() for place, told in _counted(at).items()}
    missing["chat"] = len(expected) - _chat_count(at)
    missing["mail"] = len(expected) - len({mail.message["Message-ID"] for mail in at.mail.mails})
    return missing


def _is_quiet(at: Places, expected: dict[str, tuple[str, Status]], plan: Plan) -> bool:
    missing = _missing(at, expected)
    if not plan.is_slow:
        del missing["prometheus"]
    return all(count <= 0 for count in missing.values())


def _chat_count(at: Places) -> int:
    over = [message for message in at.chat.roots if message.edits]
    return len(at.chat.roots) + len(over)


def check_all(at: Places, expected: dict[str, tuple[str, Status]], plan: Plan) -> dict[str, int]:
    """Check every place; returns how often something came twice."""
    wanted = _wanted(expected)
    crashes = plan.kills + 1
    for place, told in _counted(at).items():
        assert not told - wanted, (place, told - wanted)
        if place != "prometheus" or plan.is_slow:
            assert told == wanted, (place, wanted - told)
    for hook in (at.hook, at.flaky):
        order: dict[str, list[str]] = {}
        for event in hook.events:
            order.setdefault(event.fingerprint, []).append(event.status.value)
        assert all(
            statuses == ["firing", "resolved"] * (len(statuses) // 2) for statuses in order.values()
        )
        assert {event.id for event in hook.events} == set(expected)
    refused = [at.hook, at.flaky, at.pager, at.opsgenie, at.chat]
    assert [one.refused for one in refused] == [[]] * len(refused)
    assert at.mail.broken == []
    ids = [mail.message["Message-ID"] for mail in at.mail.mails]
    replies = [message for message in at.chat.replies]
    repeats = {
        "hook": len(at.hook.got) - len({key for key, _ in at.hook.got}),
        "flaky": len(at.flaky.got) - len({key for key, _ in at.flaky.got}),
        "mail": len(ids) - len(set(ids)),
        "chat": len(at.chat.roots) - len(expected) // 2,
        "chat replies": len(replies) - len(expected) // 2,
    }
    assert len(set(ids)) == len(expected)
    assert all(0 <= count <= crashes for count in repeats.values()), repeats
    return repeats
