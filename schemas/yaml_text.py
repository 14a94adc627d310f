"""YAML, as much of it as JSON types need, always written the same way."""

import json
import re
from typing import Any

__all__ = ["yaml_text"]

# Plain only where no YAML reader sees anything but a string; all else is quoted as JSON.
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$./-]*")
_NOT_PLAIN = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def yaml_text(value: dict[str, Any]) -> str:
    """Write a tree of dicts, lists and scalars as block-style YAML.

    Parameters
    ----------
    value
        JSON types; keys are strings; order is kept.

    Examples
    --------
    >>> print(yaml_text({"a": [{"b": 1, "c": "x y"}, "no"], "d": {}}), end="")
    a:
      - b: 1
        c: "x y"
      - "no"
    d: {}
    """
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            inner = _lines(item)
            if isinstance(item, dict | list) and item:
                lines += [f"{_scalar(key)}:", *(f"  {line}" for line in inner)]
            else:
                lines.append(f"{_scalar(key)}: {inner[0]}")
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            first, *rest = _lines(item)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        return lines
    return [_scalar(value)]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return json.dumps(value, ensure_ascii=False)
