"""Write a peer's numbers, each as the shortest text that reads back as the same float."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any


def write_recording(file: str, packages: list[str], **recorded: Any) -> None:
    """Write ``file`` beside this module: versions of the packages, then what was recorded.

    One line for each list of numbers, so that a change shows in a diff where it is.
    """
    versions = {package: metadata.version(package) for package in packages}
    path = Path(__file__).parent / file
    path.write_text(_as_text({"versions": versions, **recorded}) + "\n", "utf-8")


def _as_text(value: Any, indent: str = "") -> str:
    if not isinstance(value, dict):
        return json.dumps(value, allow_nan=False)
    deeper = indent + "  "
    entries = [f"{deeper}{json.dumps(k)}: {_as_text(v, deeper)}" for k, v in value.items()]
    return "{\n" + ",\n".join(entries) + "\n" + indent + "}"
