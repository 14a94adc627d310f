"""Generated files are up to date, and examples in docstrings run."""

import doctest
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.generate import DIRECTORY, generated, write
from schemas.yaml_text import yaml_text

MODULES = sorted(module.name for module in pkgutil.iter_modules(schemas.__path__))


def test_generating_again_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    kept = {
        p.relative_to(DIRECTORY): p.read_bytes()
        for p in (*(DIRECTORY / "json").iterdir(), DIRECTORY / "asyncapi.yaml")
    }
    assert made == kept, "run `python -m schemas.generate`"


def test_schemas_no_longer_made_are_removed(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "old.json").write_text("{}")
    write(tmp_path)
    assert {p.name for p in (tmp_path / "json").iterdir()} == {
        name.removeprefix("json/") for name in generated() if name.startswith("json/")
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["no", "1", "~", "- a", "a: b"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab:#-?$"), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["a", "$ref", "y", "1.5", "a b"]), TREES))
def test_yaml_is_read_back(tree: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(tree)) == tree


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"schemas.{name}")).failed == 0
