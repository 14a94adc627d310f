"""Options that commands share, and the settings they lead to."""

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.running import data_directory, find_running
from stream.settings import Settings, load_settings

_PANEL = "Where things are"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file (TOML). [dim]Default: ./streamgauge.toml, where it exists.[/]",
        rich_help_panel=_PANEL,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Directory of [bold]streamgauge up[/]; a running one is found by it."
        " [dim]Default: ~/.local/share/streamgauge.[/]",
        rich_help_panel=_PANEL,
    ),
]
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        help="What topics and keys are named under. [dim]Default: ml.[/]",
        rich_help_panel=_PANEL,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON for programs.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="Model name.")]
VersionOption = Annotated[
    str, typer.Option("--version", "-v", metavar="VERSION", help="Model version.")
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN",
        help="Which column is what. Repeatable. [dim]Roles: id timestamp prediction probability"
        " label.[/]",
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="Column that is no feature. Repeatable."),
]


def open_settings(
    config: Path | None = None, data_dir: Path | None = None, namespace: str | None = None
) -> Settings:
    """Load the settings; what they leave open comes from a running ``up``.

    An ``up`` with another Kafka or Redis than the settings name is none of theirs, and is passed
    over altogether: half of one system and half of another would be neither.
    """
    options = {"namespace": namespace, "data_dir": None if data_dir is None else str(data_dir)}
    settings = load_settings(config, options=options)
    running = find_running(data_directory(settings.data_dir))
    if running is None:
        return settings
    kafka, url = settings.bootstrap_servers, settings.redis.url
    if kafka not in {None, running.bootstrap_servers} or url not in {None, running.redis_url}:
        return settings
    return load_settings(config, options=options, defaults=running.defaults())
