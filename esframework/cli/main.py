"""The command `esframework`: its subcommands, each imported only when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from esframework._version import __version__

_COMMANDS = {
    "serve": ("esframework.cli.serve", "serve"),
    "p2p-server": ("esframework.cli.p2p_server", "p2p_server"),
    "user": ("esframework.cli.user", "user"),
    "store": ("esframework.cli.store", "store"),
    "offline": ("esframework.cli.offline", "offline"),
    "config": ("esframework.cli.config", "config"),
    "chat": ("esframework.cli.chat", "chat"),
    "message": ("esframework.cli.message", "message"),
    "send": ("esframework.cli.send", "send"),
    "receive": ("esframework.cli.receive", "receive"),
    "transfers": ("esframework.cli.transfers", "transfers"),
    "p2p": ("esframework.cli.p2p", "p2p"),
    "nat": ("esframework.cli.nat", "nat"),
    "disk": ("esframework.cli.disk", "disk"),
    "demo": ("esframework.cli.demo", "demo"),
    "bench": ("esframework.cli.bench", "bench"),
    "doctor": ("esframework.cli.doctor", "doctor"),
    "contract-format": ("esframework.cli.contract_format", "contract_format"),
}


class _LazyGroup(click.Group):
    """Knows its commands by name; starting one does not pay for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(import_module(place[0]), place[1])
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="esframework")
def main() -> None:
    """A communication framework on Twisted: run a server, talk through it, look after it.

    An account is USER@HOST:PORT; passwords come from ESFRAMEWORK_PASSWORD or a prompt, never from the command line.
    Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no connection.
    """
