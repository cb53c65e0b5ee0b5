"""Sending as often as it takes, while that makes sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError

from esframework.cli.session import DONE, FAILED, NOT_WANTED
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.transferring.people import Alice, Bob, in_the_middle, keeping_server


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(bytes(range(250)) * 8000)
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@simulated
async def test_several_go_one_after_the_other_and_the_first_failure_counts(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    network.server()
    await Bob.there(network, inbox)
    alice = await Alice.there(network)
    (tmp_path / "letter").write_bytes(b"dear bob")
    (inbox / "film").write_bytes(b"mine")
    await alice.sends(film, tmp_path / "nothing", tmp_path / "letter")
    assert alice.codes == [NOT_WANTED]
    assert (inbox / "letter").read_bytes() == b"dear bob"
    refused, missing = alice.diary.texts("complaint")
    assert "bob refused it" in refused
    assert "No such file" in missing


@simulated
async def test_a_receiver_who_is_not_there_is_no_reason_to_wait(network: MemoryNetwork, film: Path) -> None:
    network.server()
    alice = await Alice.there(network)
    await alice.sends(film)
    assert alice.codes == [FAILED]
    assert alice.diary.entries == [
        ("complaint", "bob is not online: --wait SECONDS waits, --offline leaves it with the server")
    ]


@simulated
async def test_a_receiver_may_be_waited_for(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    alice = await Alice.there(network)
    sending = alice.sends(film, wait=60.0)
    network.advance(30.0)
    assert alice.diary.entries == [("note", "bob is not online; waiting up to 1:00 for bob")]
    await Bob.there(network, inbox)
    await sending
    assert alice.codes == [DONE]


@simulated
async def test_and_not_for_ever(network: MemoryNetwork, film: Path) -> None:
    network.server()
    alice = await Alice.there(network)
    alice.sends(film, wait=60.0)
    network.advance(61.0)
    assert alice.codes == [FAILED]
    assert alice.diary.texts("complaint") == ["bob is not online"]


@simulated
async def test_a_connection_that_is_lost_comes_back_and_the_rest_follows(
    network: MemoryNetwork, film: Path, inbox: Path
) -> None:
    network.server()
    await Bob.there(network, inbox)
    alice = await Alice.there(network)
    slowly = in_the_middle(network, lambda: network.cut(alice.client))
    await alice.sends(film, parameters=slowly)
    assert alice.codes == [DONE]
    assert alice.diary.entries == [
        ("started", "film"),
        ("note", "the connection was lost; it comes back by itself"),
        ("note", "logged on again"),
        ("resumed", "film"),
        ("completed", "film"),
    ]
    assert (inbox / "film").read_bytes() == film.read_bytes()


@simulated
async def test_a_receiver_who_is_gone_in_the_middle_is_waited_for(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox, tmp_path / "state"), await Alice.there(network)
    slowly = in_the_middle(network, lambda: network.cut(bob.client))
    await alice.sends(film, parameters=slowly)
    assert alice.codes == [DONE]
    assert alice.diary.texts("note") == ["bob is gone; waiting up to 1:00 for bob"]
    assert alice.diary.texts("resumed") == ["film"]


@simulated
async def test_a_receiver_who_does_not_come_back_is_given_up(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox), await Alice.there(network)
    slowly = in_the_middle(network, lambda: bob.client.close())
    alice.sends(film, parameters=slowly)
    network.advance(60.0)
    assert alice.codes == []
    network.advance(3.0)
    assert alice.codes == [FAILED]


@simulated
async def test_whoever_ends_sending_tells_the_other_end(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox), await Alice.there(network)
    slowly = in_the_middle(network, lambda: sending.cancel())
    sending = alice.sends(film, parameters=slowly)
    with pytest.raises(CancelledError):
        await sending
    network.settle()
    assert alice.diary.texts("note") == ["film to bob is not whole; the same command goes on with it"]
    assert bob.diary.texts("complaint") == [
        "film from alice was interrupted: alice cancelled it: the sending program was ended"
    ]


# --- left with the server ---------------------------------------------------------------------------------------------
@simulated
async def test_what_is_for_somebody_who_is_away_may_be_left_with_the_server(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    keeping_server(network, tmp_path)
    alice = await Alice.there(network)
    await alice.sends(film, offline=True)
    assert alice.codes == [DONE]
    assert alice.diary.texts("note") == ["bob is not online; the server keeps film for bob"]
    bob = await Bob.there(network, inbox, once=True)
    network.advance(2.0)
    assert bob.codes == [DONE]
    assert (inbox / "film").read_bytes() == film.read_bytes()


@simulated
async def test_whoever_is_there_gets_it_at_once(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    keeping_server(network, tmp_path)
    await Bob.there(network, inbox)
    alice = await Alice.there(network)
    await alice.sends(film, offline=True)
    assert alice.diary.entries == [("started", "film"), ("completed", "film")]
    assert (inbox / "film").exists()


@simulated
async def test_nothing_is_left_for_a_name_that_nobody_has(network: MemoryNetwork, film: Path, tmp_path: Path) -> None:
    keeping_server(network, tmp_path)
    alice = await Alice.there(network)
    await alice.sends(film, target="nobody", offline=True)
    assert alice.codes == [FAILED]
    assert "nobody" in alice.diary.texts("complaint")[0]


@simulated
async def test_a_server_that_keeps_no_files_says_so(network: MemoryNetwork, film: Path) -> None:
    network.server()
    alice = await Alice.there(network)
    await alice.sends(film, offline=True)
    assert alice.codes == [FAILED]
