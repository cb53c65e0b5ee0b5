"""`esframework p2p-server`: the same service as `twistd -n esframework-p2p`, with the same options."""

from __future__ import annotations

import click

from esframework.cli.serve import run_service


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Run a P2P server alone; the same as twistd -n esframework-p2p.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def p2p_server(arguments: tuple[str, ...]) -> None:
    """Run a P2P server until it is interrupted; options as for `twistd -n esframework-p2p`."""
    from esframework.p2p_tap import Options

    run_service("p2p-server", "esframework-p2p", Options, arguments)
