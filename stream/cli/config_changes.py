"""What changes of configuration do, and how they are shown."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from schemas.activations import Activation
from schemas.baselines import Baseline
from schemas.models import ModelConfig
from schemas.records import ConfigRecord, record_key
from schemas.rules import RuleConfig
from stream.activations import chosen_id
from stream.alerting.never_judged import rule_warnings
from stream.baseline.store import read_baselines
from stream.cli.errors import usage
from stream.cli.output import console, escape, notes, print_json, time_text
from stream.configure import Change, author, changes, publish_config, read_config, replanned
from stream.settings import Settings

KINDS = {"added": "[green]+[/]", "changed": "[yellow]~[/]", "unchanged": "[dim]=[/]"}
_NAMES = frozenset({"model_name", "model_version", "name"})


def apply_records(
    settings: Settings,
    file: str,
    wanted: Sequence[ConfigRecord],
    *,
    dry_run: bool = False,
    as_json: bool = False,
) -> None:
    """Make configuration as a file has it, and show what changed.

    Parameters
    ----------
    settings : where Kafka is
    file : the records' source, for errors
    wanted : what is to be
    dry_run : only show what would change
    as_json : for programs

    Raises
    ------
    CommandError
        When one names a baseline that is not there.
    """
    now_ms = time.time_ns() // 1_000_000
    present = read_config(settings)
    made = changes(present, wanted)
    changed = [change.record for change in made if change.kind != "unchanged"]
    baselines = baselines_of(settings, changed)
    check_chosen(file, changed, baselines)
    after = present | {record_key(record): record for record in changed}
    plans = replanned(present, after, baselines, now_ms)
    if not dry_run and changed:
        publish_config(settings, [*changed, *plans], author(), now_ms)
    warn_of_rules([one.name for one in wanted if isinstance(one, RuleConfig)], after.values())
    if as_json:
        print_json([change.document() for change in made])
        return
    out = console()
    for change in made:
        show_change(change)
    show_plans(plans)
    counts = {kind: sum(c.kind == kind for c in made) for kind in KINDS}
    done = "would be " if dry_run else ""
    out.print(", ".join(f"{n} {done}{kind}" for kind, n in counts.items() if n) or "nothing in it")


def warn_of_rules(names: Iterable[str], records: Iterable[ConfigRecord]) -> None:
    """Warn of rules that are never judged, as the configuration is."""
    known = list(records)
    models = [record for record in known if isinstance(record, ModelConfig)]
    rules = [record for record in known if isinstance(record, RuleConfig)]
    for sentence in rule_warnings(names, rules, models):
        notes().print(f"[yellow]warning:[/] {escape(sentence)}")


def baselines_of(settings: Settings, records: Iterable[ConfigRecord]) -> dict[str, Baseline]:
    """Read the baselines where configurations name one, or split by values that one knows."""
    models = [record for record in records if isinstance(record, ModelConfig)]
    if not any(chosen_id(model) or model.segments for model in models):
        return {}
    return {name: one.baseline for name, one in read_baselines(settings).items()}


def check_chosen(
    file: str, records: Iterable[ConfigRecord], baselines: Mapping[str, Baseline]
) -> None:
    """Refuse a configuration that names a baseline which is not there.

    Raises
    ------
    CommandError
        Naming the model.
    """
    for record in records:
        name = chosen_id(record) if isinstance(record, ModelConfig) else None
        if isinstance(record, ModelConfig) and name is not None and name not in baselines:
            raise usage(
                f"{file}: {record.model_name} {record.model_version}: there is no baseline"
                f" {name[:12]}: `streamgauge baseline list` lists all"
            )


def show_plans(plans: Iterable[Activation]) -> None:
    """Say from when on model versions are counted otherwise."""
    for plan in plans:
        console().print(
            f"  {plan.model_name} {plan.model_version} is counted in the new way from"
            f" {time_text(plan.effective_from)} on"
        )


def show_change(change: Change) -> None:
    """Show what applying one record means, field by field."""
    out = console()
    out.print(f"{KINDS[change.kind]} {change.key}  [dim]{change.kind}[/]")
    for name, (before, after) in change.fields.items():
        if name in _NAMES:
            continue
        if change.kind == "added":
            out.print(f"    {name} = {escape(value_text(after))}")
        else:
            out.print(
                f"    {name}: [red]{escape(value_text(before))}[/]"
                f" → [green]{escape(value_text(after))}[/]"
            )


def value_text(value: Any) -> str:
    """Write a field's value: strings bare, all else as JSON."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
