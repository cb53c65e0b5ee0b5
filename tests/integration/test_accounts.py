"""Accounts at a real daemon: registering, tokens that outlive it, unlocking by another process, a storm of log-ons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from esframework import ClientEngine, ClientOptions
from esframework.errors import LogonFailed
from esframework.interfaces import Account, Role
from esframework.stores.passwords import PasswordHashing
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import FILE_NAME, Part, open_database
from esframework.stores.sql.versions import prepare
from tests.integration.support import Daemon, logged_on, reactor, within
from tests.integration.test_daemon import PASSWORD, command

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]

STORM = 400
"""Clients that log on at once: more than may wait for their passwords to be checked."""


def make_accounts(data: Path, *names: str, role: Role = Role.USER) -> None:
    """Accounts with one password, hashed once."""
    data.mkdir(parents=True, exist_ok=True)
    database = open_database(data / FILE_NAME)
    prepare(database)
    password_hash = PasswordHashing().hash(PASSWORD)
    with database.writing(Part.ACCOUNTS) as connection:
        rows = SqlAccountRows(connection)
        for name in names:
            rows.add(Account(name, role), password_hash)
    database.close()


async def registered(endpoint: str, name: str, password: str = PASSWORD) -> ClientEngine:
    client = ClientEngine(reactor=reactor)
    await within(client.accounts.register(name, password, endpoint), f"the registration of {name}")
    return client


@pytest_twisted.ensureDeferred
async def test_an_account_is_registered_and_its_token_outlives_the_server(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "kept"
    daemon = await start(data=data, config="[accounts]\nregister = true\n").ready()
    alice = await registered(daemon.endpoint, "alice")
    assert (await alice.accounts.state("alice")).exists
    with pytest.raises(LogonFailed, match="is taken"):
        await registered(daemon.endpoint, "alice")
    with pytest.raises(LogonFailed, match="at least 8"):
        await registered(daemon.endpoint, "bob", "short")
    token = alice.accounts.session_token
    assert token is not None
    await alice.close()
    await daemon.end()
    again = await start(data=data).ready()
    client = await logged_on("alice", again.endpoint, password=token)
    assert client.accounts.session_token == token
    await client.accounts.log_out()
    with pytest.raises(LogonFailed, match="session token"):
        await logged_on("alice", again.endpoint, password=token)
    with pytest.raises(LogonFailed, match="not made over the network"):
        await registered(again.endpoint, "bob")
    await logged_on("alice", again.endpoint, password=PASSWORD)


@pytest_twisted.ensureDeferred
async def test_an_administrator_unlocks_an_account_from_another_process(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "kept"
    make_accounts(data, "alice", "bob")
    make_accounts(data, "root", role=Role.ADMINISTRATOR)
    daemon = await start(data=data, config="[accounts]\nfree_tries = 12\n").ready()
    refused = ""
    while "too many log-ons failed" not in refused:
        with pytest.raises(LogonFailed) as caught:
            await logged_on("alice", daemon.endpoint, password="guess")
        refused = str(caught.value)
    await daemon.shows("log-on of alice from 127.0.0.1 refused")

    async def unlock(*arguments: str) -> tuple[int, str]:
        ended = await deferToThread(command, "user", "unlock", *arguments)
        return ended.returncode, ended.stdout + ended.stderr

    place = f"@127.0.0.1:{daemon.port}"
    code, said = await unlock("alice", "--as", f"bob{place}")
    assert (code, "unlock is not permitted to 'bob'" in said) == (1, True)
    assert await unlock("alice", "--as", f"root{place}") == (0, "alice may be tried again\n")
    assert await unlock("alice", "--as", f"root{place}") == (0, "alice: nothing was locked\n")
    await logged_on("alice", daemon.endpoint, password=PASSWORD)


@pytest_twisted.ensureDeferred
async def test_a_storm_of_log_ons_holds_nobody_up_and_all_come_in(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "kept"
    names = [f"user{number}" for number in range(STORM)]
    make_accounts(data, "early", *names)
    daemon = await start(data=data).ready()
    early = await logged_on("early", daemon.endpoint, password=PASSWORD)
    before = daemon.resident
    told_to_wait: list[float] = []

    async def come_in(name: str) -> ClientEngine:
        client = ClientEngine(options=ClientOptions(log_on_timeout=60), reactor=reactor)
        while True:
            try:
                await client.log_on(name, PASSWORD, daemon.endpoint)
                return client
            except LogonFailed as refusal:
                assert refusal.retry_after is not None, refusal
                told_to_wait.append(refusal.retry_after)
                await deferLater(reactor, refusal.retry_after, lambda: None)

    storm = [ensureDeferred(come_in(name)) for name in names]
    pings, most = [], 0
    everybody: Any = DeferredList(storm, fireOnOneErrback=True)
    while not everybody.called:
        pings.append(await within(early.basic.ping(), "a ping during the storm"))
        most = max(most, daemon.resident)
        await deferLater(reactor, 0.02, lambda: None)
    clients = [client for _, client in await everybody]
    assert (await early.accounts.who_is_online(limit=1000)).users == sorted(["early", *names])
    assert told_to_wait
    assert len(set(told_to_wait)) > 1
    # Messages are not held up by it; how fast they are is for a quiet machine to say: `make bench`.
    assert sorted(pings)[len(pings) // 2] < 1.0
    # Two hashes of 19 MiB at a time, and what some hundred connections take.
    assert most - before < 128 * 1024 * 1024
    await DeferredList([client.close() for client in clients])
