"""Moments as people write them."""

from stream.cli.errors import usage
from stream.reading.times import FORMS, moment_ms

__all__ = ["FORMS", "parse_moment"]


def parse_moment(option: str, text: str, now_ms: int) -> int:
    """Read a moment that was given to an option; see `stream.reading.times`.

    Raises
    ------
    CommandError
        For a text that is none.
    """
    try:
        return moment_ms(text, now_ms)
    except ValueError as error:
        raise usage(f"{option} {error}") from error
