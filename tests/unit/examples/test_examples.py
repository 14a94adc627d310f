"""Examples are read before anything of Streamgauge is known, and copied elsewhere."""

import ast
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[3] / "docs" / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_needs_a_kafka_client_at_most(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) < 80
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported - {"confluent_kafka"} <= sys.stdlib_module_names


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["autoscaler.py", "retrain.py"]
