"""Help texts: their examples can be copied into a shell."""

import pytest
from typer.testing import CliRunner

from stream.cli.help import examples
from stream.cli.main import app


def test_a_line_that_goes_on_has_one_backslash_and_no_second_prompt() -> None:
    shown = examples("# two", "one \\", "    --more", "two", then="three").splitlines()
    assert shown[2:5] == ["  [green]$[/] one \\", "        --more", "  [green]$[/] two"]
    assert shown[-1] == "[bold]Next[/]  three"


@pytest.mark.parametrize(
    "command", [["backtest"], ["baseline", "build"], ["compare"], ["metrics"]], ids=" ".join
)
def test_no_command_shows_two_backslashes(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"]).output
    assert " \\" in shown
    assert "\\\\" not in shown
