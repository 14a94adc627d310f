"""``alerts channels`` and ``test-notify``: whether people would be told."""

import time
from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Protocol

import msgspec
import redis
import typer

from schemas.alerts import Severity, Status
from schemas.notifications import Notification
from stream.alerting.channel_figures import read_channels
from stream.alerting.channel_store import ChannelState, ChannelStore, Dead
from stream.alerting.dead_letters import Retried, retry
from stream.alerting.keys import AlertKeys
from stream.alerting.routing import Routing
from stream.alerting.trial import trial
from stream.cli.channel_views import (
    channel_document,
    channels_table,
    letter_document,
    letters_table,
    trial_text,
)
from stream.cli.connect import require_redis
from stream.cli.errors import CommandError, usage
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import clean, console, escape, note, print_json
from stream.configure import author
from stream.settings import Settings
from stream.state.client import RedisClient

app = typer.Typer()


class Only(StrEnum):
    """One of the two notifications of a trial."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Channel(Protocol):
    """What delivers notifications; `sinks` has them.

    A failure is an exception, with ``retryable`` where it is one of delivery.
    """

    def send(self, notification: Notification) -> str | None:
        """Return when it was taken, with what the next of the conversation need to know."""


@app.command(
    epilog=examples(
        "streamgauge alerts channels",
        "# what a channel could not deliver, and to send it again once the trouble is over",
        "streamgauge alerts channels --dead pager",
        "streamgauge alerts channels --retry pager",
        then="[bold]streamgauge alerts test-notify CHANNEL[/] tries one now.",
    )
)
def channels(
    dead: Annotated[
        str | None,
        typer.Option("--dead", metavar="CHANNEL", help="Show what this channel gave up, and why."),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(
            "--retry",
            metavar="CHANNEL",
            help="Let this channel try again what it gave up, where it is still so.",
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Show where alerts go, what waits to be delivered, and what fails."""
    from stream.bootstrap import read_routing  # noqa: PLC0415  # half a second to import

    if dead is not None and again is not None:
        raise usage("--dead and --retry are two requests: give one of them")
    settings = open_settings(config, data_dir, namespace)
    routing = read_routing(settings)
    client = require_redis(settings, text=False)
    try:
        if dead is not None:
            store = _store(settings, client, routing, dead)
            _show_letters(dead, store.dead_letters(), as_json=as_json)
        elif again is not None:
            _store(settings, client, routing, again)
            kind = routing.channels.get(again)
            every_event = kind is not None and kind.every_event
            retried = retry(client, settings.namespace, again, every_event)
            _show_retried(again, retried, as_json=as_json)
        else:
            _show_channels(settings, client, routing, as_json=as_json)
    except redis.RedisError as error:
        raise CommandError(f"Redis stopped answering ({error}): try again") from error
    finally:
        client.close()


@app.command(
    "test-notify",
    epilog=examples(
        "streamgauge alerts test-notify pager",
        "# leave it open, to see whether it wakes somebody; then end it",
        "streamgauge alerts test-notify pager --status firing",
        "streamgauge alerts test-notify pager --status resolved",
        then="[bold]streamgauge alerts channels[/] shows how channels are doing;"
        " [bold]streamgauge doctor[/] whether enough of them hear of what is critical.",
    ),
)
def try_channel(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Its name in the settings.")],
    severity: Annotated[
        Severity, typer.Option("--severity", help="As which it is to be taken.")
    ] = Severity.CRITICAL,
    status: Annotated[
        Only | None,
        typer.Option(
            "--status", help="Send this one only. [dim]Default: firing, then resolved.[/]"
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Send a test notification, now and from here, and its end; prints what the channel says."""
    settings = open_settings(config, data_dir, namespace)
    to = _make_channel(settings, channel)
    statuses = tuple(Only) if status is None else (status,)
    results: list[dict[str, Any]] = []
    try:
        for result in _try(to, channel, settings.namespace, severity, statuses):
            results.append(result)
            if not as_json:
                console().print(escape(trial_text(result)))
    finally:
        if as_json:
            print_json(results)


def _make_channel(settings: Settings, name: str) -> Channel:
    """Make one channel; what the settings say of others may be wrong."""
    from stream.bootstrap import notification_channels  # noqa: PLC0415  # half a second to import

    alone = {of: values for of, values in settings.channels.items() if of == name}
    made = notification_channels(msgspec.structs.replace(settings, channels=alone))
    if name not in made:
        raise usage(_unknown(name, [*made, *settings.channels]))
    return made[name]


def _try(
    to: Channel, name: str, namespace: str, severity: Severity, statuses: Iterable[Only]
) -> Iterable[dict[str, Any]]:
    """Send notifications straight to a channel; yields what it said of each that it took.

    Raises
    ------
    CommandError
        With the reason, for the first that it did not take.
    """
    starts_at = time.time_ns() // 1_000_000
    receipt = None
    for status in statuses:
        now_ms = time.time_ns() // 1_000_000
        made = trial(name, namespace, Status(status), severity, author(), starts_at, now_ms)
        began = time.monotonic()
        try:
            given = msgspec.structs.replace(made, receipt=receipt)
            receipt = to.send(given) or receipt
        except Exception as error:  # whatever it is, the channel did not take it
            raise CommandError(_refusal(name, status, error)) from error
        yield {
            "channel": name,
            "status": status.value,
            "id": made.id,
            "took_ms": round(1000 * (time.monotonic() - began)),
            "receipt": receipt,
        }


def _refusal(name: str, status: Only, error: Exception) -> str:
    what = "the test notification" if status is Only.FIRING else "the end of the test"
    retryable = getattr(error, "retryable", None)
    if retryable is None:  # no error of delivery, so its text may hold anything, secrets too
        return clean(f"{name} failed with {type(error).__name__} at {what}: please report this")
    after = (
        "agents would try again; is it up, and can it be reached from here?"
        if retryable
        else f"agents would give it up; correct it there, or channels.{name} in the settings"
    )
    return clean(f"{name} did not take {what} ({error}): {after}")


def _store(settings: Settings, client: RedisClient, routing: Routing, name: str) -> ChannelStore:
    """Return the state of a channel, also of one that only the agents' settings have."""
    store = ChannelStore(client, AlertKeys(settings.namespace), name)
    if name not in routing.channels and store.state() == ChannelState():
        raise usage(_unknown(name, routing.channels))
    return store


def _unknown(name: str, known: Iterable[str]) -> str:
    there = list(dict.fromkeys(known))
    near = get_close_matches(name, there, n=1)
    instead = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(there)}"
    return clean(f"there is no channel {name!r} in the settings: {instead}")


def _show_channels(
    settings: Settings, client: RedisClient, routing: Routing, *, as_json: bool
) -> None:
    found = read_channels(client, settings.namespace, routing.channels)
    if as_json:
        print_json([channel_document(routing, one) for one in found])
        return
    console().print(channels_table(routing, found))
    if len(found) == 1:
        note("alerts go to the log only: docs/contract.md has [channels.NAME] for the settings")


def _show_letters(name: str, letters: list[Dead], *, as_json: bool) -> None:
    if as_json:
        print_json([letter_document(letter) for letter in letters])
    elif letters:
        console().print(letters_table(letters))
        note(f"`streamgauge alerts channels --retry {name}` sends again what is still so")
    else:
        note(clean(f"{name} gave nothing up"))


def _show_retried(name: str, retried: Retried, *, as_json: bool) -> None:
    if as_json:
        print_json({"retried": [one.id for one in retried.back], "left": retried.left})
        return
    for one in retried.back:
        console().print(f"{escape(clean(name))} is to try again: {escape(clean(one.title))}")
    if retried.left:
        note(f"{retried.left} left: what they tell is so no more")
    elif not retried.back:
        note(clean(f"{name} gave nothing up"))
