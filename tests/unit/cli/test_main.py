"""The command `esframework` as a whole: what its help shows."""

from __future__ import annotations

from click.testing import CliRunner

from esframework.cli.main import main


def test_no_summary_of_a_command_is_cut_off() -> None:
    for arguments in ([], ["user"], ["store"], ["offline"], ["transfers"], ["config"], ["message"]):
        shown = CliRunner().invoke(main, [*arguments, "--help"], terminal_width=80).output
        _, found, commands = shown.partition("Commands:")
        assert found
        assert not [line for line in commands.splitlines() if line.endswith(("...", "…"))]
