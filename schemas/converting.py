"""Tables to structs, with errors that say what to do."""

import re
from difflib import get_close_matches
from typing import TypeVar

import msgspec

from schemas.canonical import canonical_json
from schemas.models import BASELINE_PATTERN, VERSION_PATTERN
from schemas.names import NAME_PATTERN
from schemas.shapes import first_unknown

__all__ = ["NAME_WORDS", "ConfigError", "converted", "instead"]

NAME_WORDS = "a string of 1 to 128 of the characters A-Z a-z 0-9 . _ -"
# What is expected where msgspec names a pattern.
_PATTERN_WORDS = {
    NAME_PATTERN: NAME_WORDS,
    VERSION_PATTERN: f"{NAME_WORDS}, or '*'",
    BASELINE_PATTERN: "a baseline id, or inherit, provisional, rolling or seasonal",
}
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`\Z")
_WORDS = {"object": "a table", "array": "a list", "str": "a string", "float": "a number"}
_WORDS |= {"int": "a whole number", "bool": "true or false", "null": "nothing"}

Converted = TypeVar("Converted", bound=msgspec.Struct)


class ConfigError(ValueError):
    """A file that can't be used: one sentence with what is meant, field and what is allowed."""


def converted(table: object, kind: type[Converted], where: str) -> Converted:
    """Turn a table into a struct.

    Parameters
    ----------
    table
        Of a parsed TOML or JSON document.
    kind
        What it should be.
    where
        What it is, as the error begins.

    Raises
    ------
    ConfigError
        For the first unknown key, with the nearest known one, else for the first wrong value.
    """
    if unknown := first_unknown(table, kind):
        path, given, allowed = unknown
        what = f"unknown key `{path}`" if given is None else f"`{path}`: {given!r} is not allowed"
        raise ConfigError(f"{where}: {what}: {instead(given or path.split('.')[-1], allowed)}")
    try:
        record = msgspec.convert(table, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        match = _PATH.search(text)
        field = f"`{match['path']}`: " if match and match["path"] else ""
        text = text[: match.start()] if match else text
        raise ConfigError(f"{where}: {field}{_in_words(text)}") from error
    try:
        canonical_json(record)
    except ValueError as error:  # TOML knows nan and inf, JSON does not
        raise ConfigError(f"{where}: {error}") from error
    return record


def instead(given: str, allowed: tuple[str, ...]) -> str:
    """Say what may be there in place of what is given.

    Examples
    --------
    >>> instead("acuracy", ("accuracy", "f1")), instead("x", ("accuracy", "f1"))
    ('did you mean `accuracy`?', 'use one of accuracy, f1')
    """
    near = get_close_matches(str(given), allowed, n=1)
    return f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(allowed)}"


def _in_words(text: str) -> str:
    for pattern, words in _PATTERN_WORDS.items():
        text = text.replace(f"`str` matching regex {pattern!r}", words)
    for word, words in _WORDS.items():
        text = text.replace(f"`{word}`", words).replace(f"`{word} | null`", words)
    return text[0].lower() + text[1:]
