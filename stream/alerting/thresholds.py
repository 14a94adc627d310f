"""The bounds of models' configurations (``performance_threshold``), as rules need them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from schemas.conditions import Condition, Operator
from schemas.directions import Better, better
from schemas.durations import parse_duration_ms
from schemas.metric_names import METRIC_ALIASES, METRIC_NAMES
from schemas.models import ModelConfig, window_specs
from stream.rollup.readmodel import DECISION_METRICS

_ANY_VERSION = "*"
_NAME_CHARACTERS_MAX = 128  # of the names of rules, as of models
# Of the default rules on such figures: `error-rate`, and `data-quality`.
_OVER: Mapping[str, tuple[str, str]] = {"traffic": ("5m", "5m"), "data quality": ("1h", "0s")}
_OVER_ELSE = ("1d", "0s")  # as `accuracy-drop`

log = structlog.get_logger("alerts")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One bound of one model.

    Attributes
    ----------
    name : of the rule, ``<model>-<figure>``; several configurations of a model share it
    match : labels an alert must have
    except_versions : versions with a configuration of their own, which this one is not for
    metric : the figure
    conditions : any of them is a breach
    window : canonical name; None is every window that carries the figure
    for_ms : how long it must hold
    """

    name: str
    match: Mapping[str, str]
    except_versions: tuple[str, ...]
    metric: str
    conditions: tuple[Condition, ...]
    window: str | None
    for_ms: int


def thresholds(models: Iterable[ModelConfig]) -> list[Threshold]:
    """Return the bounds of all models.

    Parameters
    ----------
    models : configurations; that of a version takes the place of its model's

    Returns
    -------
    list
        Without figures that are better neither way, with a warning: files with them are refused,
        but other writers of ``ml.config`` may have put them there.

    Examples
    --------
    >>> model = ModelConfig(model_name="credit", performance_threshold={"accuracy": 0.95})
    >>> [(found.name, found.window) for found in thresholds([model])]
    [('credit-accuracy', '1d')]
    """
    configs = list(models)
    found = []
    for config in configs:
        own = tuple(
            other.model_version
            for other in configs
            if other.model_name == config.model_name and other.model_version != _ANY_VERSION
        )
        for figure, bound in config.performance_threshold.items():
            conditions = _conditions(figure, bound)
            if conditions:
                found.append(_threshold(config, own, figure, conditions))
            else:
                why = "it is better neither high nor low; write a rule with a condition"
                log.warning("threshold_not_used", model=config.model_name, figure=figure, why=why)
    return found


def _threshold(
    config: ModelConfig, own: Sequence[str], figure: str, conditions: tuple[Condition, ...]
) -> Threshold:
    match, except_versions = {"model_name": config.model_name}, tuple(own)
    if config.model_version != _ANY_VERSION:
        match["model_version"], except_versions = config.model_version, ()
    metric = METRIC_ALIASES.get(figure, figure)
    window, for_ = _over(metric)
    suffix = f"-{figure}"
    return Threshold(
        name=config.model_name[: max(0, _NAME_CHARACTERS_MAX - len(suffix))] + suffix,
        match=match,
        except_versions=except_versions,
        metric=metric,
        conditions=conditions,
        window=None if metric in DECISION_METRICS else _window(config, window),
        for_ms=parse_duration_ms(for_),
    )


def _conditions(figure: str, bound: float) -> tuple[Condition, ...]:
    """Return when a figure breaches its bound; empty where that cannot be said."""
    above = Condition(Operator.GT, 0.0, None, bound)
    below = Condition(Operator.LT, 0.0, None, bound)
    match better(figure):
        case Better.HIGHER:
            return (below,)
        case Better.LOWER:
            return (above,)
        case Better.NEAR_ZERO:
            size = abs(bound)
            return (Condition(Operator.GT, 0.0, None, size), Condition(Operator.LT, 0, None, -size))
    return ()


def _over(metric: str) -> tuple[str, str]:
    """Return the window of a figure, and how long it must be beyond its bound."""
    known = METRIC_NAMES.get(metric)
    return _OVER_ELSE if known is None else _OVER.get(known.group, _OVER_ELSE)


def _window(config: ModelConfig, wanted: str) -> str:
    """Return the model's shortest window that is at least as long; else its longest."""
    specs = window_specs(config)
    longest = specs[-1].name if specs else wanted
    size_ms = parse_duration_ms(wanted)
    return next((spec.name for spec in specs if spec.size_ms >= size_ms), longest)
