"""`esframework bench`: the manual's stress test against any server, or an application's handlers alone.

Reads the command line and prints the report; what a load does is known in `benching`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from esframework.cli.account import PASSWORD_VARIABLE, Connection
from esframework.cli.benching.handlers import Work, find_handler
from esframework.cli.benching.measuring import usage_of
from esframework.cli.benching.progress import Progress
from esframework.cli.benching.report import Report
from esframework.cli.benching.running import Target, run_bench, run_handlers
from esframework.cli.benching.schemes import (
    FLOOD_SIZE,
    HEADER_USER_ID,
    INFORMATION_TYPE,
    SCHEMES,
    PlanError,
    make_plan,
)
from esframework.cli.session import DONE, FAILED, WRONG_USAGE, run, tell_error
from esframework.errors import LocalError
from esframework.wire.identity import LONGEST_NAME


@click.command(short_help="Measure a server, or handlers, under load.")
@click.argument("server", metavar="[HOST:PORT]", required=False)
@click.option(
    "--endpoint", metavar="STRING", help="Where the server is, instead of HOST:PORT: tls:HOST:PORT, unix:PATH."
)
@click.option("--mode", type=click.Choice(["flood", "relay", "query"]), default="flood", show_default=True)
@click.option(
    "--scheme",
    type=click.Choice(list(SCHEMES)),
    help="The manual's: 3000 connections each 100 ms; 6000 each 300 ms; 12 flat out.  [default: three]",
)
@click.option("--connections", type=click.IntRange(1, 1_000_000), metavar="N", help="Instead of the scheme's.")
@click.option("--pairs", type=click.IntRange(1, 500_000), metavar="N", help="Pairs that relay, or ask each other.")
@click.option(
    "--interval",
    type=click.FloatRange(0),
    metavar="MS",
    help="Milliseconds between two messages of one connection, instead of the scheme's; 0 is flat out.",
)
@click.option(
    "--size",
    type=click.IntRange(0, 1_000_000),
    default=FLOOD_SIZE,
    show_default=True,
    metavar="BYTES",
    help="Content of each message.",
)
@click.option("--seconds", type=click.FloatRange(0.1), default=10.0, show_default=True, metavar="S")
@click.option(
    "--outstanding",
    type=click.IntRange(1, 60_000),
    metavar="K",
    help="Unanswered messages of each pair (default 1), questions of each client (default 64).",
)
@click.option(
    "--user-prefix",
    default="bench",
    show_default=True,
    metavar="P",
    help="Accounts are P0, P1, P2 and so on; "
    "all have the password in ESFRAMEWORK_PASSWORD. A server with --open takes any.",
)
@click.option(
    "--server-pid",
    type=click.IntRange(1),
    metavar="PID",
    help="The server's process on this machine, to watch its CPU and memory.",
)
@click.option("--generation", type=click.Choice(["6", "7"]), default="6", show_default=True)
@click.option(
    "--max-user-id",
    type=click.IntRange(1, LONGEST_NAME),
    default=HEADER_USER_ID,
    show_default=True,
    metavar="N",
    help="Longest account id in bytes; 11 makes the header of 36 bytes.",
)
@click.option(
    "--handlers",
    metavar="MODULE:OBJECT",
    help="No server: call these handlers, an object, a class or a function that makes one.",
)
@click.option(
    "--callers",
    type=click.IntRange(1, 5000),
    default=20,
    show_default=True,
    help="Callers at once of --handlers; the manual advises 20 to 500.",
)
@click.option(
    "--type",
    "information_type",
    type=int,
    default=INFORMATION_TYPE,
    show_default=True,
    help="Information type of all messages.",
)
@click.option(
    "--run-in",
    type=click.Choice(["auto", "threads", "reactor"]),
    default="auto",
    show_default=True,
    help="Where --handlers are called; auto: coroutine functions in the reactor, all others in threads.",
)
@click.option("--query", "is_query", is_flag=True, help="Let --handlers answer queries instead of information.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(**options: Any) -> None:
    """Measure a server under load, or handlers without a server.

    Without HOST:PORT a server is started for the time of the test, whose handler counts and echoes. Ctrl-C ends early
    and still reports. Exit codes: 0 done, 1 refused or nothing came through, 2 wrong usage, 3 no connection.
    """
    try:
        code = _handlers(options) if options["handlers"] else _server(options)
    except LocalError as error:
        tell_error(error, options["as_json"])
        code = WRONG_USAGE
    sys.exit(code)


def _server(options: dict[str, Any]) -> int:
    plan = make_plan(
        options["mode"],
        scheme=options["scheme"],
        connections=options["connections"],
        pairs=options["pairs"],
        interval=None if options["interval"] is None else options["interval"] / 1000,
        size=options["size"],
        seconds=options["seconds"],
        outstanding=options["outstanding"],
        user_prefix=options["user_prefix"],
        information_type=options["information_type"],
        generation=int(options["generation"]),
        max_user_id=options["max_user_id"],
    )
    endpoint = None
    if options["server"] is not None or options["endpoint"] is not None:
        endpoint = Connection(options["endpoint"]).server(options["server"])
    process_id = options["server_pid"]
    if process_id is not None and (endpoint is None or usage_of(process_id) is None):
        raise PlanError(
            f"--server-pid {process_id}: the process of the server at HOST:PORT, on this machine, is expected"
        )
    target = Target(endpoint, os.environ.get(PASSWORD_VARIABLE, ""), process_id)
    return _run(lambda reactor: run_bench(reactor, plan, target, Progress()), options["as_json"])


def _handlers(options: dict[str, Any]) -> int:
    if options["server"] is not None or options["endpoint"] is not None:
        raise PlanError("--handlers calls handlers without a server; HOST:PORT does not go with it")
    handler = find_handler(options["handlers"])
    work = Work(
        handler.handle_query if options["is_query"] else handler.handle_information,
        options["information_type"],
        bytes(options["size"]),
        options["callers"],
        options["seconds"],
        None if options["run_in"] == "auto" else options["run_in"] == "threads",
    )
    settings = {
        "object": options["handlers"],
        "callers": work.callers,
        "type": work.information_type,
        "size": options["size"],
        "query": options["is_query"],
    }
    return _run(lambda reactor: run_handlers(reactor, work, settings, Progress()), options["as_json"])


def _run(work: Callable[[Any], Awaitable[Report]], as_json: bool) -> int:
    async def main(reactor: Any) -> int:
        report = await work(reactor)
        click.echo(json.dumps(report.as_json(), ensure_ascii=False) if as_json else report.as_text())
        return DONE if report.total else FAILED

    return run(main, as_json=as_json)
