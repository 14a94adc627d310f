"""Files of models and rules: parsed once, with errors that say what to do.

A file holds ``models`` and ``rules``, or is a list of models, or is one model. Beside the form of
`ModelConfig` it may use the alias ``model_id``, integers as versions, any scalar as
``positive_class``, and ``24h`` for ``1d``; rules may be in the form of `schemas.rule_forms`.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from schemas.converting import ConfigError, converted, instead
from schemas.directions import BETTER, better
from schemas.durations import parse_duration_ms, window_name
from schemas.features import FeatureConfig
from schemas.metric_names import METRIC_ALIASES, describe
from schemas.models import ModelConfig
from schemas.names import canonical_class
from schemas.rule_forms import plain_rule
from schemas.rules import RuleConfig

__all__ = ["ConfigError", "ConfigFile", "parse_config", "parse_model", "parse_rule"]

_LOCAL_KEYS = ("channels", "routes")
# Tests of rules, which `streamgauge alerts check` runs: a file may have its own.
_PASSED_OVER = ("tests", "rule_files")


class ConfigFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Models and rules of one file.

    Attributes
    ----------
    models
        Each name and version once.
    rules
        Each name once.
    """

    models: tuple[ModelConfig, ...] = ()
    rules: tuple[RuleConfig, ...] = ()


def parse_config(document: object) -> ConfigFile:
    """Read a parsed TOML or JSON document.

    Parameters
    ----------
    document
        Tables, lists and scalars.

    Returns
    -------
    ConfigFile
        In the form of ``ml.config``.

    Raises
    ------
    ConfigError
        For the first thing that is wrong.
    """
    if isinstance(document, list):
        document = {"models": document}
    if not isinstance(document, dict):
        raise ConfigError("the file must hold a table with `models` and `rules`, or be one model")
    if {"model_name", "model_id"} & document.keys():
        document = {"models": [document]}
    for key in document:
        if key in _LOCAL_KEYS:
            raise ConfigError(f"`{key}` is a local setting: move it to streamgauge.toml")
        if key not in {"models", "rules", *_PASSED_OVER}:
            raise ConfigError(f"unknown key `{key}`: {instead(key, ('models', 'rules'))}")
    models = tuple(map(parse_model, _list_at(document, "models")))
    rules = tuple(map(parse_rule, _list_at(document, "rules")))
    _refuse_repeated([f"model {m.model_name!r} version {m.model_version!r}" for m in models])
    _refuse_repeated([f"rule {rule.name!r}" for rule in rules])
    return ConfigFile(models=models, rules=rules)


def parse_model(table: object) -> ModelConfig:
    """Read one model; raises `ConfigError`."""
    if not isinstance(table, dict):
        raise ConfigError("each of `models` must be a table")
    table = dict(table)
    alias = table.pop("model_id", None)
    name = table.setdefault("model_name", alias) if alias is not None else table.get("model_name")
    where = f"model {name!r} version {table.get('model_version', '*')!r}"
    if name is None:
        raise ConfigError("a model without `model_name`: add it")
    if alias not in (None, name):
        raise ConfigError(f"{where}: `model_id` is an alias of `model_name`; give one of them")
    if isinstance(table.get("model_version"), int):
        table["model_version"] = str(table["model_version"])
    if isinstance(table.get("positive_class"), bool | int | float):
        table["positive_class"] = canonical_class(table["positive_class"])
    if isinstance(table.get("windows"), list | tuple):
        table["windows"] = [_canonical_window(entry) for entry in table["windows"]]
    features = table.get("features")
    for feature, settings in features.items() if isinstance(features, dict) else ():
        converted(settings, FeatureConfig, f"{where}: feature {feature!r}")
    model = converted(table, ModelConfig, where)
    for figure in model.performance_threshold:
        _refuse_unbounded(figure, where)
    return model


def parse_rule(table: object) -> RuleConfig:
    """Read one rule; raises `ConfigError`."""
    if not isinstance(table, dict):
        raise ConfigError("each of `rules` must be a table")
    table = plain_rule(table)
    if isinstance(table.get("match"), dict):
        table["match"] = {k: _label_text(v) for k, v in table["match"].items()}
    if "window" in table:
        table["window"] = _canonical_window(table["window"])
    return converted(table, RuleConfig, f"rule {table.get('name')!r}")


def _canonical_window(entry: object) -> object:
    """Give a window its canonical name; what is no window is left for the type check to refuse."""
    if isinstance(entry, Mapping):
        return {key: _canonical_window(value) for key, value in entry.items()}
    try:
        return window_name(parse_duration_ms(entry)) if isinstance(entry, str) else entry
    except ValueError:
        return entry


def _label_text(value: object) -> object:
    return canonical_class(value) if isinstance(value, bool | int | float) else value


def _list_at(document: dict[str, Any], key: str) -> list[object]:
    found = document.get(key, [])
    if not isinstance(found, list):
        raise ConfigError(f"`{key}` must be a list of tables; in TOML, write [[{key}]]")
    return found


def _refuse_repeated(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"{name} is there twice: remove one")
        seen.add(name)


def _refuse_unbounded(figure: str, where: str) -> None:
    """Refuse a bound on what is no figure, or on one that is better neither high nor low."""
    if better(figure) is not None:
        return
    advice = "write a rule with a condition"
    near = get_close_matches(figure, (*BETTER, *METRIC_ALIASES), n=1)
    if describe(figure) is not None:
        why = f"{figure!r} is better neither high nor low"
    elif near:
        why, advice = f"unknown figure {figure!r}", f"did you mean `{near[0]}`?"
    else:
        why = f"it is not known which way {figure!r} is better"
    raise ConfigError(f"{where}: `performance_threshold`: {why}: {advice}")
