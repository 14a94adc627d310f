"""Write ``schemas/json/*.json`` and ``schemas/asyncapi.yaml``: ``python -m schemas.generate``."""

import json
from pathlib import Path

from schemas.asyncapi import asyncapi_document
from schemas.json_schemas import SCHEMAS, json_schema
from schemas.yaml_text import yaml_text

__all__ = ["generated", "write"]

DIRECTORY = Path(__file__).parent
_NOTE = "# Made by `python -m schemas.generate`; change the structs instead.\n"


def generated() -> dict[str, str]:
    """Return what belongs into the generated files, by path below this package."""
    files = {
        f"json/{name}.json": json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
        for name in SCHEMAS
    }
    return files | {"asyncapi.yaml": _NOTE + yaml_text(asyncapi_document())}


def write(directory: Path = DIRECTORY) -> None:
    """Write the generated files, and remove schemas that are no longer made."""
    files = generated()
    (directory / "json").mkdir(exist_ok=True)
    for path in (directory / "json").glob("*.json"):
        if f"json/{path.name}" not in files:
            path.unlink()
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
