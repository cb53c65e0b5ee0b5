"""`esframework doctor`: looks at the machine and says how to mend what would hurt a server. Changes nothing.

Reads the command line and prints findings; what is looked at is known in `examining`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from esframework.cli.examining.finding import Finding, Status, fail, ok, warn
from esframework.cli.examining.kernel import (
    check_clock,
    check_congestion_control,
    check_descriptors,
    check_local_ports,
    check_udp_buffers,
    check_waiting_connections,
)
from esframework.cli.examining.ports import check_p2p, check_ports, examine_endpoints
from esframework.cli.examining.software import check_extras, check_plugins, check_reactor, check_versions
from esframework.cli.examining.storage import check_accounts, check_data_folder
from esframework.config import OFF, ConfigError, ServiceConfig, check_exposure, exposure_warnings, load_config
from esframework.daemon import default_endpoints

_COLOURS: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}


@click.command(short_help="Look for what would hurt a server here.")
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="The server's configuration file."
)
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="The server's data folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def doctor(file: Path | None, data: Path | None, as_json: bool) -> None:
    """Look at this machine before a server runs here, or when one does not do well.

    Each line is ok, warn or fail, with what mends it. Run it as the user that runs the server. Exit codes: 0 nothing
    fails, 1 something does, 2 wrong usage.
    """
    failed = False
    for finding in examine(file, data):
        failed = failed or finding.status is Status.FAIL
        if as_json:
            click.echo(json.dumps(finding.as_json(), ensure_ascii=False))
        else:
            _print(finding)
    if failed:
        raise click.exceptions.Exit(1)


def examine(file: Path | None, data: Path | None) -> Iterator[Finding]:
    """All findings for a configuration file and a data folder; None is what the server takes without them."""
    config, problems = _configuration(file, data)
    yield from problems
    endpoints = list(config.listen) or default_endpoints()
    places, endpoint_findings = examine_endpoints(endpoints)
    yield from check_versions()
    yield from check_plugins()
    yield from check_extras(config.metrics not in (None, OFF))
    yield check_reactor()
    yield check_descriptors(config.session.max_connections)
    yield check_waiting_connections()
    yield check_udp_buffers()
    yield check_congestion_control()
    yield from check_local_ports([place.port for place in places])
    yield from endpoint_findings
    yield from check_ports(places)
    yield from check_p2p(config.p2p, places)
    yield check_data_folder(config.data)
    yield from check_accounts(config.data, not (config.open or config.auth), config.store)
    yield from check_clock()


def _configuration(file: Path | None, data: Path | None) -> tuple[ServiceConfig, list[Finding]]:
    """The configuration, or the default one when it is wrong, so that the rest can still be looked at."""
    folder = None if data is None else str(data)
    try:
        config = load_config(file, {"data": folder})
        check_exposure(config)
    except ConfigError as error:
        mend = "mend the file; esframework config check FILE shows what would be in force"
        return load_config(None, {"data": folder}), [fail("configuration", text, mend) for text in error.problems]
    what = "the defaults" if file is None else str(file)
    warnings = [warn("configuration", text, "see docs: howto/serve-others") for text in exposure_warnings(config)]
    return config, [ok("configuration", f"{what}: every key is valid"), *warnings]


def _print(finding: Finding) -> None:
    status = click.style(f"{finding.status.value:<4}", fg=_COLOURS[finding.status])
    click.echo(f"{status}  {finding.check}: {finding.text}")
    if finding.mend:
        click.echo(f"      -> {finding.mend}")
