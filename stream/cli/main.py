"""``streamgauge``: the commands, and how errors reach a person."""

import sys
from pathlib import Path
from typing import Annotated

import click
import typer

from stream.bootstrap import RedisUnavailableError, run_agents, run_worker
from schemas.topics import Topic, topic_name
from stream.kafka import KafkaUnavailableError, ensure_topics, make_producer
from stream.settings import SettingsError, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML).")]


@app.command()
def worker(
    config: ConfigOption = None,
    instance: Annotated[str | None, typer.Option(help="Name for static membership.")] = None,
) -> None:
    """Run one data-plane worker: count events into Redis. Run one a core, on any machine."""
    run_worker(load_settings(config), instance)


@app.command()
def agents(config: ConfigOption = None) -> None:
    """Run one control-plane process: figures, reports, alerts."""
    run_agents(load_settings(config))


@app.command()
def emit(
    file: Annotated[str, typer.Argument(help="JSON lines; - for standard input.")],
    config: ConfigOption = None,
) -> None:
    """Send events, one JSON document a line, unchanged."""
    settings = load_settings(config)
    ensure_topics(settings)
    producer = make_producer(settings)
    topic = topic_name(settings.namespace, Topic.PREDICTIONS)
    with click.open_file(file, "rb") as lines:
        for line in lines:
            if line.strip():
                producer.produce(topic, line.strip())
    producer.flush()


def main() -> None:
    """Run a command; an error is one sentence on stderr. Exit codes: 0, 1 failed, 2 usage."""
    try:
        app()
    except SettingsError as error:
        print(f"streamgauge: {error}", file=sys.stderr)
        sys.exit(2)
    except (KafkaUnavailableError, RedisUnavailableError) as error:
        print(f"streamgauge: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
