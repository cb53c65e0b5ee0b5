"""`esframework disk`: a user's files on a server, from a terminal or a script.

What is done with them is in `disking`; how transfers look, in `transferring`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from esframework.cli.account import Connection, ask_password, connection_options
from esframework.cli.transferring.options import quiet_option, rate
from esframework.cli.transferring.state import state_option

if TYPE_CHECKING:
    from esframework.cli.disking.errands import Errands
    from esframework.client.options import ClientOptions

_EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 failed (nothing of that name, a name that is taken, interrupted: the same command goes on),"
    " 2 wrong usage, 3 no connection, 4 refused: not permitted, or no room; 130 ended by Ctrl-C."
)
_CHECKSUMS: Final = ("blake2b", "blake3")

as_option = click.option(
    "--as", "account", required=True, metavar="USER@HOST:PORT", help="Whose disk, on which server."
)
users_option = click.option("--user", "users", multiple=True, metavar="USER", help="A user; may be repeated.")
groups_option = click.option(
    "--group", "groups", multiple=True, metavar="GROUP", help="The members of a group; may be repeated."
)
replace_option = click.option("--replace", is_flag=True, help="Replace what is there already.")


@click.group(epilog=_EXIT_CODES)
def disk() -> None:
    """Use the network disk: files and folders on a server.

    Paths are / (your folder), /shared/OWNER/NAME (what others share with you) and /public/NAME. A path without / at its
    beginning begins in your folder.
    """


@disk.command("ls", short_help="List folders.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--long", "-l", "is_long", is_flag=True, help="Kind and rights, size, time and name.")
@as_option
@connection_options
def ls(paths: tuple[str, ...], is_long: bool, account: str, connection: Connection) -> None:
    """List what is in each folder PATH, a name a line; that of a folder ends in a slash.

    With --long: d folder, x may be run, w you may change it, s you share it; bytes; time; name.
    """
    _run(account, connection, lambda errands: errands.each(paths or ("/",), lambda path: errands.list(path, is_long)))


@disk.command("mkdir", short_help="Make folders.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--parents", "-p", is_flag=True, help="Those on the way, too; one that is there is no error.")
@as_option
@connection_options
def mkdir(paths: tuple[str, ...], parents: bool, account: str, connection: Connection) -> None:
    """Make each folder PATH."""
    _run(account, connection, lambda errands: errands.each(paths, lambda path: errands.make_folder(path, parents)))


@disk.command("rm", short_help="Remove files and folders.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--recursive", "-r", is_flag=True, help="Folders with all that is in them.")
@as_option
@connection_options
def rm(paths: tuple[str, ...], recursive: bool, account: str, connection: Connection) -> None:
    """Remove each PATH, a file or an empty folder. It cannot be had back."""
    _run(account, connection, lambda errands: errands.each(paths, lambda path: errands.remove(path, recursive)))


@disk.command("mv", short_help="Rename and move.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("target")
@replace_option
@as_option
@connection_options
def mv(sources: tuple[str, ...], target: str, replace: bool, account: str, connection: Connection) -> None:
    """Give SOURCE the path TARGET; or move each SOURCE into the folder TARGET."""
    _run(account, connection, lambda errands: errands.move_all(sources, target, replace))


@disk.command("info", short_help="Tell all about files and folders.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--checksum", type=click.Choice(_CHECKSUMS), default=None, help="Have the server read all of it, for a checksum."
)
@as_option
@connection_options
def info(paths: tuple[str, ...], checksum: str | None, account: str, connection: Connection) -> None:
    """Tell all that there is to know of each PATH.

    The checksum of a file is what b2sum -l 256 and b3sum print for its content.
    """
    _run(
        account,
        connection,
        lambda errands: errands.each(paths, lambda path: errands.information(path, checksum or "")),
    )


@disk.command("quota", short_help="Tell how much room there is.")
@click.argument("path", default="/")
@as_option
@connection_options
def quota(path: str, account: str, connection: Connection) -> None:
    """Tell how much room there is, for what is put into PATH."""
    _run(account, connection, lambda errands: errands.attempt(lambda: errands.quota(path)))


@disk.command("share", short_help="Share with users and groups.")
@click.argument("path")
@users_option
@groups_option
@click.option("--write", is_flag=True, help="They may change it, too.")
@as_option
@connection_options
def share(
    path: str, users: tuple[str, ...], groups: tuple[str, ...], write: bool, account: str, connection: Connection
) -> None:
    """Let users and the members of groups see PATH, or with --write change it, besides those who may already."""
    if not users and not groups:
        raise click.UsageError("with whom? --user USER or --group GROUP, each as often as you like")
    _run(account, connection, lambda errands: errands.attempt(lambda: errands.share(path, users, groups, write)))


@disk.command("unshare", short_help="Share no more.")
@click.argument("path")
@users_option
@groups_option
@as_option
@connection_options
def unshare(path: str, users: tuple[str, ...], groups: tuple[str, ...], account: str, connection: Connection) -> None:
    """Share PATH with these users and groups no more; without any, with nobody."""
    _run(account, connection, lambda errands: errands.attempt(lambda: errands.unshare(path, users, groups)))


@disk.command("shares", short_help="List what is shared.")
@click.option("--by-me", is_flag=True, help="What you share with others; else what others share with you.")
@as_option
@connection_options
def shares(by_me: bool, account: str, connection: Connection) -> None:
    """List what is shared with you, or what you share."""
    _run(account, connection, lambda errands: errands.attempt(lambda: errands.list_shares(by_me)))


@disk.command("put", short_help="Upload files and folders.")
@click.argument("locals_", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="LOCAL...")
@click.argument("path")
@replace_option
@click.option("--follow-links", is_flag=True, help="Upload what symbolic links lead to; else they are left out.")
@click.option("--rate-limit", callback=rate, metavar="BYTES", help="At most so many bytes a second: 500k, 1.5M.")
@as_option
@quiet_option
@connection_options
def put(
    locals_: tuple[Path, ...],
    path: str,
    replace: bool,
    follow_links: bool,
    rate_limit: int | None,
    account: str,
    quiet: bool,
    connection: Connection,
) -> None:
    """Upload each LOCAL, a file or a whole folder: to PATH, or into it where it is a folder or ends in a slash.

    When the connection is lost it waits, and goes on where it was. Ctrl-C interrupts; the same command goes on later.
    """
    from esframework.cli.disking.carrying import Carrier
    from esframework.cli.transferring.looks import look_for
    from esframework.managers.files.options import SendingParameters

    parameters = SendingParameters(rate_limit=rate_limit or 0)

    async def upload(errands: Errands, client: Any) -> int:
        with look_for(as_json=connection.as_json, quiet=quiet) as look:
            carrier = Carrier(client, look, errands)
            return await carrier.put_all(locals_, path, replace, follow_links, parameters)

    _run_with_client(account, connection, upload)


@disk.command("get", short_help="Download files and folders.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.argument("local", type=click.Path(path_type=Path))
@replace_option
@state_option
@as_option
@quiet_option
@connection_options
def get(
    paths: tuple[str, ...],
    local: Path,
    replace: bool,
    state: Path,
    account: str,
    quiet: bool,
    connection: Connection,
) -> None:
    """Download each PATH, a file or a whole folder: to LOCAL, or into it where it is a folder (. for this one).

    When the connection is lost it waits, and goes on where it was. Ctrl-C interrupts; the same command goes on later.
    """
    from esframework.cli.disking.carrying import Carrier
    from esframework.cli.transferring.looks import look_for
    from esframework.managers.files.options import FilesOptions

    async def download(errands: Errands, client: Any) -> int:
        with look_for(as_json=connection.as_json, quiet=quiet) as look:
            return await Carrier(client, look, errands).get_all(paths, local, replace)

    _run_with_client(account, connection, download, connection.client_options(files=FilesOptions(state_folder=state)))


def _run(account: str, connection: Connection, work: Callable[[Errands], Awaitable[int]]) -> None:
    _run_with_client(account, connection, lambda errands, client: work(errands))


def _run_with_client(
    account: str,
    connection: Connection,
    work: Callable[[Errands, Any], Awaitable[int]],
    options: ClientOptions | None = None,
) -> None:
    from esframework.cli.disking.errands import Errands
    from esframework.cli.session import run_client

    who = connection.account(account)
    code = run_client(
        who,
        ask_password(who),
        lambda client: work(Errands(client, connection.as_json), client),
        options=options or connection.client_options(),
        as_json=connection.as_json,
    )
    click.get_current_context().exit(code)
