"""`esframework nat`: tells somebody behind which NAT they are, and what to expect with whom.

Logs on, since P2P servers answer only whom an application server has given a token. What the answers mean is in
`channelling.prospects`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import click

from esframework.cli.account import Connection, ask_password, connection_options
from esframework.errors import InvalidOption
from esframework.managers.p2p.client_options import ClientP2POptions


@click.command(short_help="Say behind which NAT you are.")
@click.argument("account", required=False, metavar="USER@HOST:PORT")
@click.option("--as", "other_account", metavar="USER@HOST:PORT", help="The same, as other commands say it.")
@click.option("--p2p-server", metavar="HOST:PORT", help="Ask this P2P server, and not those that the server names.")
@connection_options
def nat(account: str | None, other_account: str | None, p2p_server: str | None, connection: Connection) -> None:
    """Tell behind which NAT this machine is, whether UDP works, and what to expect with whom.

    The P2P server of HOST is asked how it sees this machine, which takes some seconds. One at an address within the
    same network sees no NAT; ask one outside. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no connection.
    """
    from esframework.cli.channelling.prospects import REMARK, expectations_of, lines_of, table_of
    from esframework.cli.channelling.telling import Teller
    from esframework.cli.session import FAILED, run_client

    if (account is None) == (other_account is None):
        raise click.UsageError("who logs on, and where? Give USER@HOST:PORT once")
    who = connection.account(account or other_account or "")
    teller = Teller(connection.as_json)

    async def examine(client: Any) -> int | None:
        if client.p2p is None:
            text = "this server has no P2P server to ask: it was started with --p2p off; --p2p-server names another"
            teller.complain(text, error="NoP2PServer")
            return FAILED
        teller.draw("asking …")
        report = await client.p2p.examine_nat()
        lines = [*lines_of(report), "", *table_of(report.kind), REMARK]
        teller.tell("\n".join(lines), **_facts(report), expect=expectations_of(report.kind))
        return None

    # As good as this installation can.
    has_upnp = find_spec("miniupnpc") is not None
    try:
        p2p = ClientP2POptions(server=p2p_server, answers=False, upnp=has_upnp)
    except InvalidOption as error:
        raise click.UsageError(f"--p2p-server: {error}") from None
    options = connection.client_options(auto_reconnect=False, p2p=p2p)
    code = run_client(who, ask_password(who), examine, options=options, as_json=connection.as_json)
    teller.clear()
    click.get_current_context().exit(code)


def _facts(report: Any) -> dict[str, object]:
    from esframework.cli.channelling.ways import place

    def shown(address: Any) -> str | None:
        return None if address is None else place(address)

    return {
        "nat": report.kind.value,
        "is_near": report.is_near,
        "is_translated": report.is_translated,
        "udp": shown(report.udp_address),
        "tcp": shown(report.tcp_address),
        "addresses": list(report.addresses),
        "ipv6": list(report.ipv6_addresses),
        "mapped": [shown(address) for address in report.mapped],
        "rtt_ms": None if report.round_trip is None else round(report.round_trip * 1000, 3),
    }
