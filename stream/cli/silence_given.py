"""What is said of a silence on the command line, and the record that it makes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from schemas.durations import parse_duration_ms
from schemas.rules import SilenceConfig
from stream.alerting.silences import State, StoredSilence, make_silence, state
from stream.cli.errors import CommandError, usage
from stream.reading.times import moment_ms

DURATION_DEFAULT = "1h"
_RULE = re.compile(r"[A-Za-z0-9._*-]+")
TIME_FORMS = "RFC 3339 (UTC where it names no zone) or epoch ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is said of a silence; None is what is not said.

    Attributes
    ----------
    match : empty where no matcher is given
    starts_at, ends_at : epoch ms
    lasts_ms : instead of its end
    comment : why
    everything : whether all matchers may be ``*``
    """

    match: Mapping[str, str]
    starts_at: int | None = None
    ends_at: int | None = None
    lasts_ms: int | None = None
    comment: str | None = None
    everything: bool = False


def parse_given(
    matchers: Iterable[str],
    *,
    for_: str | None,
    until: str | None,
    from_: str | None,
    comment: str | None,
    everything: bool,
    now_ms: int,
) -> Given:
    """Read arguments and options.

    Raises
    ------
    CommandError
        For the first that is wrong.
    """
    if for_ is not None and until is not None:
        raise usage("--for and --until both say when it ends: give one of them")
    return Given(
        match=parse_matchers(matchers),
        starts_at=None if from_ is None else _moment("--from", from_, now_ms),
        ends_at=None if until is None else _moment("--until", until, now_ms),
        lasts_ms=None if for_ is None else _duration(for_),
        comment=comment,
        everything=everything,
    )


def parse_matchers(given: Iterable[str]) -> dict[str, str]:
    """Read matchers; a word without ``=`` is the name of a rule, as in amtool.

    Raises
    ------
    CommandError
        For a label that is given twice, and for operators that there are not.
    """
    out: dict[str, str] = {}
    for text in given:
        is_rule = _RULE.fullmatch(text) is not None
        name, equals, value = (f"rule={text}" if is_rule else text).partition("=")
        if not equals or name.endswith("!") or value.startswith("~"):
            raise usage(
                f"{text!r}: matchers are NAME=VALUE, where * stands for any characters; there are"
                " no regular expressions and no !="
            )
        if name in out:
            raise usage(f"{name} is given twice, and an alert has one: make two silences")
        out[name] = value
    return out


def _duration(text: str) -> int:
    try:
        return parse_duration_ms(text)
    except ValueError as error:
        raise usage(f"--for {error}") from error


def _moment(option: str, text: str, now_ms: int) -> int:
    """Read a time, epoch ms. Durations, elsewhere so long ago, would here mean the opposite."""
    try:
        parse_duration_ms(text)
    except ValueError:
        try:
            return moment_ms(text, now_ms)
        except ValueError:
            raise usage(f"{option} {text!r} is no time: write {TIME_FORMS}") from None
    raise usage(f"{option} {text} is a duration: write a time, or how long by --for")


def wanted_silence(
    id_: str, given: Given, before: SilenceConfig | None, now_ms: int
) -> SilenceConfig:
    """Return the silence that is asked for.

    Parameters
    ----------
    id_ : its id
    given : what is said of it
    before : the silence of that id; where it has not ended, what is not said stays as it is
    now_ms : wall clock

    Raises
    ------
    CommandError
        For one that needs more to be said, or would do other than its maker thinks.
    """
    if before is not None and state(before, now_ms) is State.EXPIRED:
        before = None
    match, comment, ends_at = given.match, given.comment, given.ends_at
    starts_at = given.starts_at
    if before is not None:
        match = match or before.match
        comment = before.comment if comment is None else comment
        starts_at = before.starts_at if starts_at is None else starts_at
        if ends_at is None and given.lasts_ms is None:
            ends_at = before.ends_at
    elif not comment:
        raise usage('say why, for whoever wonders at the quiet: --comment "…"')
    if starts_at is None:
        starts_at = now_ms
    if ends_at is None:
        lasts_ms = given.lasts_ms
        lasts_ms = parse_duration_ms(DURATION_DEFAULT) if lasts_ms is None else lasts_ms
        ends_at = (
            max(now_ms, starts_at) + lasts_ms
        )  # one that runs already goes on as long from now
    try:
        return make_silence(
            id_=id_,
            match=match,
            starts_at=starts_at,
            ends_at=ends_at,
            comment=comment or "",
            now_ms=now_ms,
            everything=given.everything,
        )
    except ValueError as error:
        said = str(error).replace("`everything`", "--everything")
        raise usage(f"this makes no silence: {said}") from error


def find_silence(stored: Mapping[str, StoredSilence], name: str, now_ms: int) -> StoredSilence:
    """Return the silence of that id.

    Raises
    ------
    CommandError
        Naming the nearest; those that go on first.
    """
    found = stored.get(name)
    if found is not None:
        return found
    going_on = [n for n, one in stored.items() if state(one.silence, now_ms) is not State.EXPIRED]
    near = get_close_matches(name, going_on, n=1) or get_close_matches(name, stored, n=1)
    hint = f"did you mean {near[0]}?" if near else "`streamgauge alerts silences` lists them"
    raise CommandError(f"there is no silence {name!r}: {hint}")
