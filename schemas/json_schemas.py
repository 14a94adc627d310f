"""JSON Schemas (draft 2020-12), made from the structs.

A struct's first docstring line becomes the description of its schema, the `Attributes` section
those of its fields, so that every word is written once.
"""

import re
from collections.abc import Mapping
from inspect import cleandoc
from types import MappingProxyType
from typing import Any

import msgspec

from schemas.activations import Activation
from schemas.alerts import AlertEvent
from schemas.baselines import Baseline
from schemas.config import ConfigFile
from schemas.events import LabelEvent, MeasurementEvent, PredictionEvent
from schemas.metrics import WindowReport
from schemas.models import ModelConfig
from schemas.rejected import RejectedHeaders
from schemas.rules import DEFAULT_RULE_NAMES, RuleConfig, SilenceConfig
from schemas.sent_alerts import SentAlert

__all__ = ["SCHEMAS", "field_descriptions", "json_schema"]

SCHEMAS: Mapping[str, type[msgspec.Struct]] = MappingProxyType(
    {
        "activation": Activation,
        "alert": AlertEvent,
        "baseline": Baseline,
        "config": ConfigFile,
        "label": LabelEvent,
        "measurement": MeasurementEvent,
        "model": ModelConfig,
        "prediction": PredictionEvent,
        "rejected-headers": RejectedHeaders,
        "report": WindowReport,
        "rule": RuleConfig,
        "sent-alert": SentAlert,
        "silence": SilenceConfig,
    }
)
"""What is published as ``schemas/json/<name>.json``."""

# What the structs check in `__post_init__`, where a schema can say it.
_GIVEN = {"not": {"type": "null"}}
_ACROSS_FIELDS: dict[str, dict[str, Any]] = {
    "PredictionEvent": {
        "anyOf": [
            {"required": ["prediction"], "properties": {"prediction": _GIVEN}},
            {"required": ["error"], "properties": {"error": _GIVEN}},
        ]
    },
    "LabelEvent": {
        "anyOf": [
            {"required": ["label"], "properties": {"label": _GIVEN}},
            {
                "required": ["metrics"],
                "properties": {"metrics": {"type": "object", "minProperties": 1}},
            },
        ]
    },
    "RuleConfig": {
        "anyOf": [
            {"properties": {"name": {"enum": list(DEFAULT_RULE_NAMES)}}},
            {
                "required": ["metric", "window", "condition"],
                "properties": dict.fromkeys(("metric", "window", "condition"), _GIVEN),
            },
        ]
    },
}

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^(\w+)\n((?:    .+\n?)+)", re.MULTILINE)


def json_schema(name: str) -> dict[str, Any]:
    """Return the schema published under a name.

    Parameters
    ----------
    name
        One of `SCHEMAS`.

    Returns
    -------
    dict
        In a fixed order, ready to be written.
    """
    kind = SCHEMAS[name]
    _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    definitions = {key: _published(key, components[key]) for key in sorted(components)}
    root = definitions.pop(kind.__name__)
    schema = {"$schema": _DIALECT, "$id": f"urn:streamgauge:schema:{name}:1", **root}
    return schema | ({"$defs": definitions} if definitions else {})


def field_descriptions(docstring: str) -> dict[str, str]:
    r"""Return the `Attributes` section of a NumPy docstring, by field as on the wire.

    Examples
    --------
    >>> field_descriptions("A.\n\nAttributes\n----------\nfor_\n    How\n    long.\n")
    {'for': 'How long.'}
    """
    _, _, section = cleandoc(docstring).partition("Attributes\n----------\n")
    return {
        match[1].rstrip("_"): " ".join(match[2].split()) for match in _ATTRIBUTE.finditer(section)
    }


def _published(name: str, component: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = _cleaned(component)
    docstring = schema.get("description", "")
    schema["description"] = " ".join(cleandoc(docstring).partition("\n\n")[0].split())
    for field, text in field_descriptions(docstring).items():
        schema["properties"][field] = {"description": text, **schema["properties"][field]}
    return {**schema, **_ACROSS_FIELDS.get(name, {})}


def _cleaned(value: Any) -> Any:
    r"""Drop null defaults; write Python's ``\A`` and ``\Z`` as every dialect's ``^`` and ``$``."""
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    cleaned = {k: _cleaned(v) for k, v in value.items() if (k, v) != ("default", None)}
    if isinstance(cleaned.get("pattern"), str):
        cleaned["pattern"] = cleaned["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    return cleaned
