"""Options by which the programs say what channels they want. Opens none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.wire.types import P2PChannelMode

_MODES: Final = {"both": P2PChannelMode.TCP_AND_UDP, "tcp": P2PChannelMode.TCP, "udp": P2PChannelMode.UDP}


def mode_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--mode tcp|udp|both`; the command gets it as `mode`."""
    return click.option(
        "--mode",
        type=click.Choice(["tcp", "udp", "both"]),
        default="both",
        show_default=True,
        callback=lambda context, option, word: _MODES[word],
        help="Which kinds of channels are tried.",
    )(command)


def channel_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--mode` and `--no-p2p`; the command gets `mode`, NONE with the latter, and `no_p2p`."""
    option = click.option(
        "--no-p2p", is_flag=True, help="Everything goes by the server, and nobody learns this machine's addresses."
    )
    return mode_option(option(command))


def p2p_options(mode: P2PChannelMode, no_p2p: bool) -> ClientP2POptions:
    """What these options mean to a client engine."""
    return ClientP2POptions(mode=P2PChannelMode.NONE if no_p2p else mode, answers=not no_p2p)
