"""``alerts``: what is wrong now, and what changes."""

import sys
from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from schemas.alerts import AlertEvent, encode_alert
from schemas.topics import Topic, topic_name
from stream.alerting.view import read_active
from stream.cli import alerts_check, channels, sending_alerts, silences
from stream.cli.alert_views import alerts_table, line
from stream.cli.connect import require_kafka, require_redis
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, note, print_json
from stream.kafka import ADMIN_TIMEOUT_S, KafkaUnavailableError, make_follower
from stream.settings import Settings

_POLL_S = 0.2
_SEEN_MAX = 10_000
app = typer.Typer(
    name="alerts", no_args_is_help=True, help="Alerts: what is wrong now, and what changes."
)


@app.command(
    "list",
    epilog=examples(
        "streamgauge alerts list",
        "streamgauge alerts list --json",
        then="[bold]streamgauge alerts tail[/] shows them as they come;"
        " docs/runbooks/ what to do about each.",
    ),
)
def list_(
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Show the alerts that are pending or firing now, oldest first."""
    settings = open_settings(config, data_dir, namespace)
    alerts = read_active(require_redis(settings), settings.namespace)
    if as_json:
        print_json(msgspec.to_builtins(alerts))
    elif alerts:
        console().print(alerts_table(alerts))
    else:
        note("no alert is pending or firing")


@app.command(
    epilog=examples(
        "streamgauge alerts tail",
        "# everything that is kept, for a program",
        "streamgauge alerts tail --all --json",
    )
)
def tail(
    as_json: JsonOption = False,
    all_: Annotated[
        bool, typer.Option("--all", metavar="", help="Begin with the oldest that is kept.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="End after N alerts.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Print alerts as they change, one a line, each once. Ctrl-C ends it."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    try:
        for number, alert in enumerate(_follow(settings, from_start=all_), start=1):
            if as_json:
                print(encode_alert(alert).decode(), flush=True)
            else:
                console().print(line(alert), soft_wrap=True)
                sys.stdout.flush()
            if number == count:
                break
    except KeyboardInterrupt:
        return


app.registered_commands += sending_alerts.app.registered_commands
app.registered_commands += channels.app.registered_commands
app.registered_commands += silences.app.registered_commands
app.registered_commands += alerts_check.app.registered_commands


def _follow(settings: Settings, *, from_start: bool) -> Iterator[AlertEvent]:
    """Read ``ml.alerts`` and go on reading; the same id is given once."""
    topic = topic_name(settings.namespace, Topic.ALERTS)
    consumer = make_follower(settings)
    seen: dict[str, None] = {}
    try:
        partitions = consumer.list_topics(topic, timeout=ADMIN_TIMEOUT_S).topics[topic].partitions
        first = OFFSET_BEGINNING if from_start else OFFSET_END
        consumer.assign([TopicPartition(topic, number, first) for number in partitions])
        while True:
            for message in consumer.consume(100, _POLL_S):
                error = message.error()
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:
                        raise KafkaUnavailableError(f"{topic} cannot be read: {error.str()}")
                    continue
                alert = _decoded(message.value())
                if alert is not None and alert.id not in seen:
                    seen[alert.id] = None
                    if len(seen) > _SEEN_MAX:
                        del seen[next(iter(seen))]
                    yield alert
    except KafkaException as error:
        raise KafkaUnavailableError(f"{topic} cannot be read: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _decoded(value: bytes | str | None) -> AlertEvent | None:
    """Read an alert event; None for a tombstone."""
    if not value:
        return None
    try:
        return msgspec.json.decode(value, type=AlertEvent)
    except msgspec.DecodeError as error:
        note(f"a record that is no alert: {error}")
        return None
