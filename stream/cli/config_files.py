"""Files of models and rules, read for commands."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import orjson

from schemas.config import ConfigError, ConfigFile, parse_config
from schemas.models import ModelConfig
from stream.cli.errors import CommandError, usage

STDIN = "-"


def read_config_file(file: str) -> ConfigFile:
    """Read models and rules of a file, or of standard input.

    Raises
    ------
    CommandError
        For the first thing that is wrong with it.
    """
    try:
        parsed = parse_config(read_document(file))
    except ConfigError as error:
        raise usage(f"{file}: {error}") from error
    for model in parsed.models:
        check_constraints(file, model)
    return parsed


def read_document(file: str) -> Any:
    """Read TOML where the name says so, else JSON; ``-`` is standard input.

    Raises
    ------
    CommandError
        When it can't be read, or is none.
    """
    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} can't be read ({error.strerror}): check the path") from error
    is_toml = Path(file).suffix.lower() == ".toml"
    try:
        return tomllib.loads(data.decode("utf-8")) if is_toml else orjson.loads(data)
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        kind = "TOML" if is_toml else "JSON"
        raise usage(f"{file} is no {kind}: {error}") from error


def check_constraints(file: str, model: ModelConfig) -> None:
    """Refuse a regular expression that workers could not use.

    Raises
    ------
    CommandError
        Naming the feature.
    """
    patterns = {name: of.regex for name, of in model.features.items() if of.regex is not None}
    if not patterns:
        return
    from stream.window.constraints import check_regex  # noqa: PLC0415  # Arrow takes its time

    for name, pattern in patterns.items():
        try:
            check_regex(pattern)
        except ValueError as error:
            raise usage(
                f"{file}: feature {name} of {model.model_name} {model.model_version}: {error}"
            ) from error
