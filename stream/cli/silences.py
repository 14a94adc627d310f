"""``alerts silence``, ``unsilence`` and ``silences``: keep known trouble from telling people."""

import secrets
import time
from typing import Annotated

import redis
import typer

from schemas.alerts import AlertEvent
from stream.alerting.silence_topic import read_silences
from stream.alerting.silences import (
    State,
    StoredSilence,
    authors_after,
    document,
    ended,
    in_order,
    is_about,
    make_id,
    state,
)
from stream.alerting.view import read_active
from stream.cli.connect import require_kafka, require_redis
from stream.cli.errors import CommandError
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import clean, console, escape, note, notes, print_json, time_text
from stream.cli.silence_given import (
    DURATION_DEFAULT,
    TIME_FORMS,
    find_silence,
    parse_given,
    wanted_silence,
)
from stream.cli.silence_views import effect, label_hints, silences_table
from stream.configure import author, moment, publish_config
from stream.settings import Settings

app = typer.Typer()

MatchersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME=VALUE",
        help="Labels that an alert must have, all of them; [bold]rule[/] and [bold]severity[/]"
        " are two.",
    ),
]
MatchOption = Annotated[
    list[str] | None,
    typer.Option("--match", metavar="NAME=VALUE", help="The same, as an option. Repeatable."),
]
ForOption = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="DURATION",
        help=f"How long, such as 30m, 2h, 7d. [dim]Default: {DURATION_DEFAULT}.[/]",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help=f"Until when, instead: {TIME_FORMS}.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="From when. [dim]Default: now.[/]")
]
CommentOption = Annotated[
    str | None, typer.Option("--comment", "-c", metavar="TEXT", help="Why. Needed.")
]
IdOption = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="Its id; of a silence that goes on, what is not given stays as it is."
        " [dim]Default: a new one.[/]",
    ),
]
EverythingOption = Annotated[
    bool, typer.Option("--everything", metavar="", help="Allow that every matcher is *.")
]


@app.command(
    epilog=examples(
        "streamgauge alerts silence model_name=credit rule=latency --for 2h \\",
        '    --comment "new GPUs"',
        "# a word without = is the name of a rule; * stands for any characters",
        'streamgauge alerts silence data-drift "segment=country=*" --for 7d -c campaign',
        "# make it longer",
        "streamgauge alerts silence --id 5f0c9a1b2e --for 4h",
        then="[bold]streamgauge alerts silences[/] lists them,"
        " [bold]streamgauge alerts unsilence ID[/] ends one early.",
    )
)
def silence(
    matchers: MatchersArgument = None,
    match: MatchOption = None,
    for_: ForOption = None,
    until: UntilOption = None,
    from_: FromOption = None,
    comment: CommentOption = None,
    id_: IdOption = None,
    everything: EverythingOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Tell nobody of some alerts for a while; prints the id. The alerts can still be seen."""
    now_ms = time.time_ns() // 1_000_000
    given = parse_given(
        [*(matchers or ()), *(match or ())],
        for_=for_,
        until=until,
        from_=from_,
        comment=comment,
        everything=everything,
        now_ms=now_ms,
    )
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    before = None if id_ is None else read_silences(settings).get(id_)
    known, authors = (None, None) if before is None else (before.silence, before.authors)
    made = wanted_silence(id_ or make_id(secrets.token_bytes), given, known, now_ms)
    publish_config(settings, [made], author(), now_ms)
    authors = authors_after(authors, author(), moment(now_ms))
    _tell_made(settings, StoredSilence(made, authors), now_ms, as_json=as_json)


@app.command(
    epilog=examples(
        "streamgauge alerts unsilence 5f0c9a1b2e",
        then="[bold]streamgauge alerts silences --all[/] shows it for five days, at least.",
    )
)
def unsilence(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Which; one or more.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """End silences now; of what still fires, people are told from then on."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    stored = read_silences(settings)
    now_ms = time.time_ns() // 1_000_000
    wanted = {name: find_silence(stored, name, now_ms) for name in ids}
    after = {}
    for name, one in wanted.items():
        after[name] = one
        if state(one.silence, now_ms) is not State.EXPIRED:
            authors = authors_after(one.authors, author(), moment(now_ms))
            after[name] = StoredSilence(ended(one.silence, now_ms), authors)
    changed = [one.silence for name, one in after.items() if one is not wanted[name]]
    publish_config(settings, changed, author(), now_ms)
    if as_json:
        print_json([document(one, now_ms) for one in after.values()])
        return
    for name, one in wanted.items():
        at = time_text(one.silence.ends_at)
        if one is after[name]:
            console().print(f"{name}: it had ended already, at {at} UTC")
        else:
            console().print(f"{name}: ended; it would have lasted until {at} UTC")


@app.command(
    epilog=examples(
        "streamgauge alerts silences",
        "streamgauge alerts silences --all --json",
        then="[bold]streamgauge alerts silence[/] makes one,"
        " [bold]streamgauge alerts unsilence ID[/] ends one.",
    )
)
def silences(
    all_: Annotated[
        bool, typer.Option("--all", metavar="", help="Also those that have ended.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """List what is kept quiet, until when, by whom and why."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    now_ms = time.time_ns() // 1_000_000
    stored = in_order(read_silences(settings).values(), now_ms)
    kept = [one for one in stored if all_ or state(one.silence, now_ms) is not State.EXPIRED]
    if as_json:
        print_json([document(one, now_ms) for one in kept])
    elif kept:
        console().print(silences_table(kept, now_ms))
    else:
        ended_count = f"; --all shows {len(stored)} that have ended" if stored else ""
        note(f"nothing is silenced{ended_count}")


def _tell_made(settings: Settings, stored: StoredSilence, now_ms: int, *, as_json: bool) -> None:
    """Print the id for programs, and say to a person what the silence does."""
    made, alerts = stored.silence, None
    try:
        alerts = _active(settings)
    except CommandError as error:  # the silence is made; Redis may be what the trouble is about
        note(f"how many alerts it quiets can't be told: {error}")
    quiet = [alert for alert in alerts or () if is_about(made, alert)]
    if as_json:
        counts = {} if alerts is None else {"quiets": len(quiet), "active_alerts": len(alerts)}
        print_json(document(stored, now_ms) | counts)
    else:
        print(made.id, flush=True)
    if alerts is None or as_json:
        return
    notes().print(escape(effect(made, quiet, len(alerts), now_ms)))
    if not quiet:
        for hint in label_hints(made.match, {name for alert in alerts for name in alert.labels}):
            notes().print(f"[yellow]{escape(clean(hint))}[/]")


def _active(settings: Settings) -> list[AlertEvent]:
    client = require_redis(settings)
    try:
        return read_active(client, settings.namespace)
    except redis.RedisError as error:
        raise CommandError(f"Redis stopped answering ({error})") from error
    finally:
        client.close()
