"""When the figures of rules were last there, in Redis: for rules that do not keep what they saw."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec
import redis
from msgspec.structs import replace

from schemas.metrics import WindowReport
from schemas.models import ModelConfig, window_specs
from schemas.rules import NoData
from schemas.windows import window_spec
from stream.alerting.absence import LastSeen, data_field, has_figure, is_replaced, read_field
from stream.alerting.evaluate import labels_of
from stream.alerting.keys import AlertKeys
from stream.alerting.rules import Rule
from stream.rollup.readmodel import DECISION_METRICS
from stream.state.client import RedisClient

FORGOTTEN_MS = 30 * 86_400_000
"""What has not been there for so long is missed no more."""
PAUSE_MS = 60_000
"""Four times the interval of looks: after that, nobody has looked for a while."""


class Missing(NamedTuple):
    """A figure that is missing: whose policy it is, in which series, when it was last there."""

    rule: Rule
    labels: Mapping[str, str]
    last: LastSeen


class Absences:
    """Figures that were there, by rule and series.

    Parameters
    ----------
    client : Redis
    keys : of the namespace
    """

    def __init__(self, client: RedisClient, keys: AlertKeys) -> None:
        self._client = client
        self._key = keys.data
        self._looked = keys.looked

    def saw(
        self,
        names: Collection[str],
        rules: Iterable[Rule],
        report: WindowReport,
        model: ModelConfig,
        now_ms: int,
        stale: bool,
    ) -> None:
        """Remember which figures a report has.

        Parameters
        ----------
        names : of rules that have judged no newer window
        rules : that the report was given to
        report : of a window
        model : the version's configuration
        now_ms : wall clock
        stale : whether the report rests on old input
        """
        for rule in rules:
            asks = rule.no_data is not NoData.KEEP_LAST and rule.name in names
            if asks and has_figure(rule, report):
                last = LastSeen(now_ms, report.window.end, _cadence_ms(rule, report, model), stale)
                field = data_field(rule.name, labels_of(report))
                self._client.hset(self._key, field, msgspec.json.encode(last))

    def begin_look(self, now_ms: int) -> bool:
        """Take note that somebody looks now.

        Time in which nobody did is no time in which figures were missing: reports may be waiting
        that nobody has judged. So for every figure the clock stood still then.

        Returns
        -------
        bool
            False where something changed meanwhile: look again a little later.
        """
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(self._looked, self._key)
            raw = pipe.get(self._looked)
            pause_ms = 0 if raw is None else now_ms - int(raw)
            moved: dict[str, bytes] = {}
            if not 0 <= pause_ms <= PAUSE_MS:  # the clock may have gone back, too
                for field, last in self._known().items():
                    later = replace(last, at_ms=min(now_ms, last.at_ms + pause_ms))
                    moved[field] = msgspec.json.encode(later)
            pipe.multi()
            pipe.set(self._looked, now_ms)
            if moved:
                pipe.hset(self._key, mapping=moved)
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True

    def look(self, rules: Iterable[Rule], now_ms: int) -> tuple[list[Missing], dict[str, str]]:
        """Return what is missing now, and what is missed no more: why, by field.

        The latter are those that no rule asks for, and versions that another has replaced; `forget`
        them once their alerts have ended.
        """
        asking = {rule.name: rule for rule in rules if rule.no_data is not NoData.KEEP_LAST}
        known = self._known()
        versions: dict[str, list[LastSeen]] = defaultdict(list)
        for field, last in known.items():
            versions[_without_version(field)].append(last)
        missing: list[Missing] = []
        over: dict[str, str] = {}
        for field, last in known.items():
            if now_ms < last.missing_from_ms:
                continue
            name, labels = read_field(field)
            rule = asking.get(name)
            if rule is None:
                over[field] = f"{name} does not mind any more that nothing is known"
            elif is_replaced(last, versions[_without_version(field)]):
                over[field] = f"another version than {labels.get('model_version')} is used now"
            elif now_ms - last.at_ms > FORGOTTEN_MS:
                over[field] = "it has been missing for a month"
            else:
                missing.append(Missing(rule, labels, last))
        return missing, over

    def is_missing(self, one: Missing) -> bool:
        """Whether a figure has not come since `look` found it missing."""
        raw = self._client.hget(self._key, data_field(one.rule.name, one.labels))
        return raw is not None and msgspec.json.decode(raw, type=LastSeen) == one.last

    def forget(self, fields: Collection[str]) -> None:
        """Forget figures."""
        if fields:
            self._client.hdel(self._key, *fields)

    def _known(self) -> dict[str, LastSeen]:
        raw = self._client.hgetall(self._key)
        return {f.decode(): msgspec.json.decode(v, type=LastSeen) for f, v in raw.items()}


def _without_version(field: str) -> str:
    rule, labels = read_field(field)
    return data_field(rule, {**labels, "model_version": ""})


def _cadence_ms(rule: Rule, report: WindowReport, model: ModelConfig) -> int:
    """How often a window like this carries the figure."""
    metrics = {clause.metric for level in rule.levels for clause in level.clauses}
    if rule.rests_on_labels or not metrics.isdisjoint(DECISION_METRICS):
        return report.window.size_ms  # only tumbling windows do
    found = [spec for spec in window_specs(model) if spec.name == report.window.name]
    return (found[0] if found else window_spec(report.window.name)).every_ms
