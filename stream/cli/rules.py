"""``rules``: when alerts fire."""

import time
from typing import Annotated

import msgspec
import typer

from schemas.converting import instead
from schemas.models import ModelConfig
from schemas.records import ConfigRecord, record_key
from schemas.rules import RuleConfig
from stream.alerting.rule_list import ListedRule, listed_rules, restored
from stream.cli.config_changes import apply_records
from stream.cli.config_files import read_config_file
from stream.cli.connect import require_kafka
from stream.cli.errors import CommandError
from stream.cli.help import examples
from stream.cli.options import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    NamespaceOption,
    open_settings,
)
from stream.cli.output import console, note, print_json
from stream.cli.rule_views import rule_table, rules_table
from stream.configure import author, publish_rule, read_config

app = typer.Typer(name="rules", no_args_is_help=True, help="Rules: when alerts fire.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the rule.")]


@app.command(
    epilog=examples(
        "streamgauge rules apply rules.toml",
        "streamgauge rules apply rules.toml --dry-run",
        "# the least of a rules.toml",
        "# [[rules]]",
        '# name = "slow"',
        '# condition = "latency_p95_ms > 100"',
        then="[bold]streamgauge alerts check[/] tests rules before they count;"
        " docs/alert-rules.md says how to write them.",
    )
)
def apply(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="TOML or JSON; - is JSON on standard input.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only say what would change.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Make rules as FILE has them; doing it twice changes nothing."""
    settings = open_settings(config, data_dir, namespace)
    given = read_config_file(file)
    require_kafka(settings)
    apply_records(settings, file, given.rules, dry_run=dry_run, as_json=as_json)
    if given.models:
        note("models in it stay as they are: `streamgauge models apply` takes models and rules")


@app.command(
    name="list",
    epilog=examples(
        "streamgauge rules list",
        then="[bold]streamgauge rules show NAME[/] shows one, field by field.",
    ),
)
def list_rules(
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """List all rules in force: default ones, configured ones, bounds of models."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    found = _listed(read_config(settings))
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        console().print(rules_table(found))
    _warn(found, as_json=as_json)


@app.command(
    epilog=examples(
        "streamgauge rules show latency",
        "streamgauge rules show latency --json",
        then="write a rule of the same name into a file and [bold]streamgauge rules apply[/] it:"
        " it overrides what it names.",
    )
)
def show(
    name: NameArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Show one rule as it counts, defaults included."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    known = _listed(read_config(settings))
    found = [rule for rule in known if rule.name == name]
    if not found:
        names = tuple(dict.fromkeys(rule.name for rule in known))
        raise CommandError(f"there is no rule {name!r}: {instead(name, names)}")
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        for rule in found:
            console().print(rule_table(rule))
    _warn(found, as_json=as_json)


@app.command(
    epilog=examples(
        "streamgauge rules delete slow",
        "# a default rule counts again as it comes",
        "streamgauge rules delete latency",
        then="alerts of a rule that is gone end within half a minute.",
    )
)
def delete(
    name: NameArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Delete a configured rule; where it overrode a default one, that counts again."""
    settings = open_settings(config, data_dir, namespace)
    require_kafka(settings)
    records = read_config(settings)
    rules = {r.name: r for r in records.values() if isinstance(r, RuleConfig)}
    after = restored(name, _models(records))
    if name not in rules:
        if after is not None:
            raise CommandError(
                f"{name} is not configured, but comes of itself ({after}): it can be overridden by"
                " a rule of this name, not deleted"
            )
        advice = instead(name, tuple(rules)) if rules else "none is"
        raise CommandError(f"no rule {name!r} is configured: {advice}")
    key = record_key(rules[name])
    publish_rule(settings, key, None, author(), time.time_ns() // 1_000_000)
    if as_json:
        print_json([{"key": key, "change": "deleted", "restored": after}])
        return
    console().print(f"[red]-[/] {key}")
    if after is not None:
        what = "the default rule" if after == "default" else "the bound of `performance_threshold`"
        console().print(f"  {what} of this name counts again")


def _listed(records: dict[str, ConfigRecord]) -> list[ListedRule]:
    rules = {r.name: r for r in records.values() if isinstance(r, RuleConfig)}
    return listed_rules(rules, _models(records))


def _models(records: dict[str, ConfigRecord]) -> list[ModelConfig]:
    return [record for record in records.values() if isinstance(record, ModelConfig)]


def _warn(rules: list[ListedRule], *, as_json: bool) -> None:
    """Warn of rules that are never judged; JSON holds it."""
    for rule in rules if not as_json else ():
        for sentence in rule.warnings:
            note(f"warning: {sentence}")
