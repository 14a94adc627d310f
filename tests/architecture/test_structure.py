"""Import rules and sizes, read from the sources themselves."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("schemas", "stream", "sinks")
MODULES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))

LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# The core computes; it neither talks to anybody nor asks the clock.
CORE = (
    "stream.arrays",
    "stream.sketches",
    "stream.stats",
    "stream.window",
    "stream.baseline.build",
    "stream.baseline.promote",
    "stream.baseline.segments",
    "stream.backtest.alarms",
    "stream.backtest.learning",
    "stream.backtest.needs",
    "stream.backtest.outcome",
    "stream.backtest.windows",
    "stream.descriptors",
    "stream.rollup.comparison",
    "stream.rollup.concept",
    "stream.rollup.deciding",
    "stream.profile",
    "stream.reading.columns",
    "stream.reading.drift_check",
    "stream.reading.severity",
    "stream.reading.side_by_side",
    "stream.reading.times",
    "stream.reading.window",
    "stream.reading.wording",
    "stream.rollup.fairness",
    "stream.rollup.finality",
    "stream.rollup.merge",
    "stream.rollup.performance",
    "stream.rollup.quality",
    "stream.rollup.report",
    "stream.rollup.tracker",
    "stream.rollup.with_labels",
    "stream.alerting.absence",
    "stream.alerting.audience",
    "stream.alerting.availability",
    "stream.alerting.board",
    "stream.alerting.evaluate",
    "stream.alerting.events",
    "stream.alerting.figures",
    "stream.alerting.grouping",
    "stream.alerting.incidents",
    "stream.alerting.inhibition",
    "stream.alerting.judge",
    "stream.alerting.losses",
    "stream.alerting.maturity",
    "stream.alerting.muting",
    "stream.alerting.never_judged",
    "stream.alerting.news",
    "stream.alerting.outside",
    "stream.alerting.retire",
    "stream.alerting.routing",
    "stream.alerting.rule_list",
    "stream.alerting.rules",
    "stream.alerting.severities",
    "stream.alerting.silences",
    "stream.alerting.superseded",
    "stream.alerting.telling",
    "stream.alerting.thresholds",
    "stream.alerting.titles",
    "stream.alerting.transitions",
    "stream.alerting.trial",
    "stream.alerting.unit_test_expect",
    "stream.alerting.unit_test_form",
    "stream.alerting.unit_test_series",
    "stream.alerting.unit_tests",
    "stream.alerting.wording",
)
OUTSIDE_WORLD = {
    "aiohttp",
    "asyncio",
    "confluent_kafka",
    "faust",
    "http",
    "random",
    "redis",
    "requests",
    "rich",
    "socket",
    "subprocess",
    "threading",
    "time",
    "typer",
    "urllib",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module


def is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def modules_in(*packages: str) -> list[Path]:
    return [path for path in MODULES if is_in(name_of(path), packages)]


def importers_of(package: str) -> set[str]:
    return {
        name_of(path)
        for path in MODULES
        if any(is_in(imported, (package,)) for imported in imports_of(path))
    }


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_can_be_read_at_once(path: Any) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", modules_in("schemas"), ids=name_of)
def test_schemas_import_nothing_of_ours(path: Any) -> None:
    assert not [m for m in imports_of(path) if is_in(m, ("stream", "sinks"))]


@pytest.mark.parametrize("path", modules_in("sinks"), ids=name_of)
def test_sinks_import_schemas_only(path: Any) -> None:
    assert not [m for m in imports_of(path) if is_in(m, ("stream",))]


@pytest.mark.parametrize("path", modules_in(*CORE), ids=name_of)
def test_the_core_does_no_io_and_asks_no_clock(path: Any) -> None:
    assert not {m.split(".")[0] for m in imports_of(path)} & OUTSIDE_WORLD


def test_one_module_wires_in_the_sinks() -> None:
    assert {m for m in importers_of("sinks") if not is_in(m, ("sinks",))} <= {"stream.bootstrap"}


def test_one_module_knows_faust() -> None:
    assert importers_of("faust") == {"stream.agents"}


def test_three_scripts_change_counts() -> None:
    scripts = {path.name for path in (ROOT / "stream/state/scripts").glob("*.lua")}
    counting = {
        path.name
        for path in (ROOT / "stream/state/scripts").glob("*.lua")
        if {"merged_fields(", "changed_panes("} & set(re.findall(r"\w+\(", path.read_text("utf-8")))
    }
    # The others are parts that these are made of.
    assert counting - {"rows.lua", "figures.lua"} == {"commit.lua", "roll.lua", "join.lua"}
    assert scripts >= counting
