"""Help texts: their examples can be copied into a shell."""

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from stream.cli.help import examples
from stream.cli.main import COMMANDS, make_app


def test_a_line_that_goes_on_has_one_backslash_and_no_second_prompt() -> None:
    shown = examples("# two", "one \\", "    --more", "two", then="three").splitlines()
    assert shown[2:5] == ["  [green]$[/] one \\", "        --more", "  [green]$[/] two"]
    assert shown[-1] == "[bold]Next[/]  three"


@pytest.mark.parametrize(
    "command", [["backtest"], ["baseline", "build"], ["compare"], ["metrics"]], ids=" ".join
)
def test_no_command_shows_two_backslashes(command: list[str]) -> None:
    shown = CliRunner().invoke(make_app(), [*command, "--help"]).output
    assert " \\" in shown
    assert "\\\\" not in shown


def test_every_command_is_found_where_the_table_says() -> None:
    def names(app: typer.Typer) -> list[str]:
        made = typer.main.get_command(app)
        assert isinstance(made, TyperGroup)
        return list(made.commands)

    assert sorted(names(make_app())) == sorted(COMMANDS)
    for name in COMMANDS:
        assert name in names(make_app(name))
