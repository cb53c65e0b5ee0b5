"""Which offers are wanted, and when it is enough."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail

from esframework.cli.session import DONE, FAILED, NOT_WANTED
from esframework.cli.transferring.asking import NobodyAnswers
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


class Asked:
    """Answers questions, when it is told to."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.answer: Deferred[bool | None] = Deferred()

    def __call__(self, question: str) -> Deferred[bool | None]:
        self.questions.append(question)
        self.answer = Deferred()
        return self.answer


@simulated
async def test_everything_is_accepted_where_nobody_is_asked(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox), await Alice.there(network)
    await alice.sends(film)
    assert (inbox / "film").read_bytes() == film.read_bytes()
    assert (alice.codes, bob.codes) == ([DONE], [])
    assert bob.diary.entries == [("started", "film"), ("completed", "film")]


@simulated
async def test_one_may_be_enough(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox, once=True), await Alice.there(network)
    await alice.sends(film)
    assert bob.codes == [DONE]


@simulated
async def test_what_is_there_is_not_replaced_unasked(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox), await Alice.there(network)
    (inbox / "film").write_bytes(b"mine")
    await alice.sends(film)
    assert (inbox / "film").read_bytes() == b"mine"
    assert alice.codes == [NOT_WANTED]
    assert "--replace" in bob.diary.texts("complaint")[0]


@simulated
async def test_a_file_that_is_there_already_is_no_reason_to_refuse_it(
    network: MemoryNetwork, film: Path, inbox: Path
) -> None:
    network.server()
    await Bob.there(network, inbox)
    alice = await Alice.there(network)
    await alice.sends(film)
    await alice.sends(film)
    assert alice.codes == [DONE, DONE]
    os.utime(inbox / "film", ns=(0, 0))
    await alice.sends(film)
    assert alice.codes[2:] == [NOT_WANTED]


@simulated
async def test_what_is_there_is_replaced_when_that_is_meant(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    await Bob.there(network, inbox, replace=True)
    alice = await Alice.there(network)
    (inbox / "film").write_bytes(b"mine")
    await alice.sends(film)
    assert (inbox / "film").read_bytes() == film.read_bytes()


@simulated
async def test_only_those_named_may_send(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    await Bob.there(network, inbox, senders=frozenset({"carol"}))
    alice = await Alice.there(network)
    await alice.sends(film)
    assert alice.codes == [NOT_WANTED]
    assert "nothing is received from you here" in alice.diary.texts("complaint")[0]


@simulated
async def test_whoever_is_asked_sees_what_it_is_and_decides(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    asked = Asked()
    await Bob.there(network, inbox, ask=asked)
    alice = await Alice.there(network)
    sending = alice.sends(film, comment="with \x1blove")
    network.settle()
    assert asked.questions == [f"alice offers film (2.0 MB): with \\u001blove\nReceive it into {inbox}? [y/N]"]
    asked.answer.callback(True)
    await sending
    assert alice.codes == [DONE]
    sending = alice.sends(film)
    network.settle()
    assert asked.questions[1].endswith(f"Replace {inbox / 'film'} with it? [y/N]")
    asked.answer.callback(None)
    await sending
    assert alice.codes == [DONE, NOT_WANTED]


@simulated
async def test_a_question_about_what_is_withdrawn_is_taken_back(
    network: MemoryNetwork, film: Path, inbox: Path
) -> None:
    network.server()
    asked = Asked()
    bob, alice = await Bob.there(network, inbox, ask=asked), await Alice.there(network)
    alice.sends(film)
    network.settle()
    alice.client.files.cancel_all("changed my mind")
    network.settle()
    assert asked.answer.called
    assert "alice cancelled it: changed my mind" in bob.diary.texts("note")[0]
    assert list(inbox.iterdir()) == []


@simulated
async def test_where_nobody_answers_offers_are_refused(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob = await Bob.there(network, inbox, ask=lambda question: fail(NobodyAnswers()))
    alice = await Alice.there(network)
    await alice.sends(film)
    assert alice.codes == [NOT_WANTED]
    assert "--yes" in bob.diary.texts("complaint")[0]


@simulated
async def test_what_goes_on_is_not_asked_about_again(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    asked = Asked()
    bob, alice = await Bob.there(network, inbox, ask=asked), await Alice.there(network)
    slowly = in_the_middle(network, lambda: network.cut(alice.client))
    sending = alice.sends(film, parameters=slowly)
    network.settle()
    asked.answer.callback(True)
    await sending
    assert len(asked.questions) == 1
    assert bob.diary.texts("resumed") == ["film"]
    assert (inbox / "film").read_bytes() == film.read_bytes()


@simulated
async def test_a_sender_who_is_gone_is_waited_for_and_not_for_ever(
    network: MemoryNetwork, film: Path, inbox: Path
) -> None:
    network.server()
    bob, alice = await Bob.there(network, inbox, once=True, wait=30.0), await Alice.there(network)
    slowly = in_the_middle(network, lambda: alice.client.close())
    alice.sends(film, parameters=slowly)
    network.advance(8.0)
    assert bob.codes == []
    assert "alice is gone; it goes on when alice sends it again within 0:30" in bob.diary.texts("note")[0]
    network.advance(30.0)
    assert bob.codes == [FAILED]
    assert bob.diary.texts("complaint") == ["film from alice was interrupted: alice is gone"]


@simulated
async def test_who_stops_receiving_interrupts_and_keeps_what_has_come(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    network.server()
    bob = await Bob.there(network, inbox, tmp_path / "state")
    alice = await Alice.there(network)
    slowly = in_the_middle(network, bob.receiver.stop)
    await alice.sends(film, parameters=slowly)
    assert alice.codes == [FAILED]
    assert "bob cancelled it: the receiving program was ended" in alice.diary.texts("complaint")[0]
    assert not (inbox / "film").exists()
    await bob.client.close()
    again = await Bob.there(network, inbox, tmp_path / "state")
    await alice.sends(film)
    assert again.diary.entries == [("resumed", "film"), ("completed", "film")]
    assert (inbox / "film").read_bytes() == film.read_bytes()


@simulated
async def test_a_name_that_leads_elsewhere_is_refused(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    network.server()
    bob = await Bob.there(network, inbox)
    alice = await Alice.there(network)
    transfer = await alice.client.files.send("bob", film, name="../film")
    network.settle()
    assert transfer.disruption is not None
    assert "cannot be a path here" in bob.diary.texts("complaint")[0]
    assert not (inbox.parent / "film.part").exists() and list(inbox.iterdir()) == []


@simulated
async def test_what_was_left_is_shown_with_its_time_and_stays_there_until_somebody_decides(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    keeping_server(network, tmp_path)
    alice = await Alice.there(network)
    await alice.sends(film, offline=True)
    # Who takes nothing from alice, has such a file already, or is not there to be asked, has not refused it.
    stranger = await Bob.there(network, inbox, senders=frozenset({"carol"}))
    network.advance(1.0)
    await stranger.client.close()
    (inbox / "film").write_bytes(b"mine")
    keeper = await Bob.there(network, inbox)
    network.advance(1.0)
    assert "--replace" in keeper.diary.texts("complaint")[0]
    await keeper.client.close()
    (inbox / "film").unlink()
    # Enter and Ctrl-C are no answer.
    undecided = Asked()
    putter_off = await Bob.there(network, inbox, ask=undecided)
    network.advance(1.0)
    undecided.answer.callback(None)
    network.advance(1.0)
    assert putter_off.diary.texts("note")[-1] == "it stays with the server, until the next time"
    await putter_off.client.close()
    leaver = await Bob.there(network, inbox, ask=Asked())
    network.advance(1.0)
    leaver.receiver.stop()
    await leaver.client.close()
    asked = Asked()
    await Bob.there(network, inbox, ask=asked)
    network.advance(1.0)
    assert asked.questions[0].startswith("alice left film (2.0 MB) for you at 20")
    assert "with n the server deletes it, with Enter it stays there" in asked.questions[0]
    assert asked.questions[0].endswith("[y/n]")
    asked.answer.callback(True)
    network.advance(1.0)
    assert (inbox / "film").read_bytes() == film.read_bytes()
