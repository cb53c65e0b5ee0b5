"""The group chat of examples/groupchat does what its README says, as processes on loopback."""

from __future__ import annotations

import signal

import pytest
import pytest_twisted

from tests.integration.example_programs import ExamplePrograms, types
from tests.integration.support import Child

pytestmark = pytest.mark.integration
PROGRAMS = ExamplePrograms("groupchat")


@pytest_twisted.ensureDeferred
async def test_create_join_talk_quit_and_dissolve(children: list[Child], free_port: int) -> None:
    server = await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    types(bob, "/join chess")
    await bob.shows(r"^! join group to the server failed: there is no group 'chess'$")
    types(bob, "hello?")
    await bob.shows("^! /create GROUP or /join GROUP first$")
    types(alice, "/create chess")
    await alice.shows(r"^\[chess\] here are: alice$")
    types(alice, "anybody?")
    await alice.shows("^! nobody else is there$")
    types(alice, "/invite bob")
    await bob.shows(r"^\* alice invites you: /join chess$")
    types(bob, "/join chess")
    await bob.shows(r"^\[chess\] here are: alice, bob$")
    await alice.shows(r"^\[chess\] \+ bob$")
    types(alice, "你好, bob")
    await bob.shows(r"^\[chess\] alice: 你好, bob$")
    types(bob, "/dissolve")
    await bob.shows(
        "^! dissolve group to the server failed: group_dissolve of group 'chess' is not permitted to 'bob'$"
    )
    types(bob, "/leave")
    await alice.shows(r"^\[chess\] - bob$")
    types(bob, "/join chess")
    await alice.shows(r"\+ bob\n(?s:.)*\+ bob$")
    types(alice, "/dissolve")
    await bob.shows(r"^\[chess\] was dissolved by alice$")
    await server.shows("^chess is no more$")


@pytest_twisted.ensureDeferred
async def test_disconnect_and_come_back(children: list[Child], free_port: int) -> None:
    await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    types(alice, "/create chess")
    await alice.shows("here are: alice")
    types(bob, "/join chess")
    await alice.shows(r"^\[chess\] \+ bob$")
    types(bob, "/drop")
    await alice.shows(r"^\[chess\] - bob$")
    await bob.shows(r"^\* back in: chess$")
    await alice.shows(r"- bob\n(?s:.)*\+ bob$")
    types(bob, "here I am")
    await alice.shows(r"^\[chess\] bob: here I am$")
    types(alice, "/who")
    await alice.shows(r"^\[chess\] online: alice, bob; away: nobody$")
    assert await bob.end(signal.SIGINT) == 0
    await alice.shows(r"- bob\n(?s:.)*- bob$")


@pytest_twisted.ensureDeferred
async def test_a_group_that_was_left_by_all_is_not_there_any_more(children: list[Child], free_port: int) -> None:
    server = await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    types(alice, "/create chess")
    await alice.shows("here are: alice")
    assert await server.end(signal.SIGINT) == 0
    await alice.shows("the connection is lost")
    types(alice, "/who")
    await alice.shows("^! not connected$")
    await PROGRAMS.server_at(children, free_port)
    await alice.shows(r"^\* not there any more: chess$")
    types(alice, "/quit")
    assert await alice.over() == 0


@pytest_twisted.ensureDeferred
async def test_without_a_name_a_client_says_how_it_is_used(children: list[Child]) -> None:
    client = PROGRAMS.runs(children, "client.py")
    assert await client.over() == 1
    assert client.shown.strip() == "usage: python client.py ME [HOST] [PORT]"
