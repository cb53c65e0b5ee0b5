"""`esframework serve`: the same service as `twistd -n esframework`, with the same options."""

from __future__ import annotations

import sys
from typing import Any

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Run a server; the same as twistd -n esframework.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Run a server until it is interrupted; options as for `twistd -n esframework`."""
    from esframework.tap import Options

    run_service("serve", "esframework", Options, arguments)


def run_service(command: str, tap_name: str, options_class: Any, arguments: tuple[str, ...]) -> None:
    """What `twistd -n TAP_NAME ARGUMENTS` does, under the name of a command of ours."""
    from twisted.application.service import IServiceMaker
    from twisted.plugin import getPlugins
    from twisted.python.usage import UsageError
    from twisted.scripts._twistd_unix import ServerOptions, UnixApplicationRunner

    from esframework.plugins.loader import HIDDEN

    if "--help" in arguments or "-h" in arguments:
        options = options_class()
        usage = options.getUsage().partition("\n")[2]
        click.echo(f"Usage: esframework {command} {options.synopsis}\n{usage}")
        return
    if not any(maker.tapname == tap_name for maker in getPlugins(IServiceMaker)):
        click.echo(f"esframework {command}: the service was not found {HIDDEN}", err=True)
        sys.exit(1)
    twistd = ServerOptions()
    try:
        twistd.parseOptions(["--nodaemon", "--pidfile=", tap_name, *arguments])
    except UsageError as error:
        click.echo(f"esframework {command}: {error}", err=True)
        sys.exit(2)
    # Not twistd's runApp, which ends with the signal that was received: an orderly end is exit code 0 here.
    UnixApplicationRunner(twistd).run()
