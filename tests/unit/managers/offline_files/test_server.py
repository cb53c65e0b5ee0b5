"""Files are left for those who are away, and handed over when they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from esframework import limits
from esframework.errors import (
    FileQuotaExceeded,
    InvalidText,
    InvalidUserId,
    KeptOffline,
    NotDelivered,
    NotKept,
    RequestError,
    StoreAway,
    TargetAbsent,
    TransferInterrupted,
)
from esframework.managers.files.options import SendingParameters
from esframework.managers.offline_files.blobs import Blobs
from esframework.managers.offline_files.contracts import FileOutcome, SettledFile
from esframework.testing import MemoryNetwork
from esframework.wire.types import FileDisruption, MessageType, RequestFailure
from tests.transfers import SLOWLY, ForeignReceiver, ForeignSender, make_tree, read_tree
from tests.unit.managers.offline_files.parts import PostOffice


@pytest.fixture
def network() -> Any:
    made = MemoryNetwork()
    yield made
    made.close()


@pytest.fixture
def office(network: MemoryNetwork, tmp_path: Path) -> PostOffice:
    return PostOffice(network, tmp_path)


def tidy(network: MemoryNetwork) -> None:
    """Let the server look for what belongs to nothing."""
    network.advance(limits.OFFLINE_FILE_SWEEP + 1)


# --- the ordinary way -------------------------------------------------------------------------------------------------
def test_a_file_waits_on_the_disk_until_its_receiver_comes(office: PostOffice) -> None:
    office.leave(comment="for you")
    (kept,) = office.waiting()
    assert (kept.target, kept.source, kept.name, kept.size, kept.comment) == ("bob", "alice", "报告.pdf", 5, "for you")
    assert office.contents() == [b"hello"]
    office.comes("bob")
    (offer,) = office.offers
    assert (offer.source, offer.name, offer.size, offer.comment) == ("alice", "报告.pdf", 5, "for you")
    assert offer.left_at == pytest.approx(kept.received_at, abs=0.001)
    assert office.taken() == {"报告.pdf": b"hello"}
    assert office.waiting() == office.litter() == []


def test_a_folder_waits_with_all_that_is_in_it(office: PostOffice, network: MemoryNetwork) -> None:
    tree = {"inner": None, "inner/deep": b"deep", "empty": b""}
    root = make_tree(office.root / "album", tree)
    transfer = network.run(office.alice.offline_files.send("bob", root))
    network.run(transfer.done())
    (kept,) = office.waiting()
    assert (kept.is_folder, kept.files, kept.size) == (True, 2, 4)
    office.comes("bob")
    assert read_tree(office.received / "album") == tree
    assert office.litter() == []


def test_a_receiver_who_is_there_gets_it_at_once(office: PostOffice) -> None:
    office.comes("bob")
    office.leave()
    assert office.taken() == {"报告.pdf": b"hello"}
    assert office.waiting() == office.litter() == []


def test_several_come_one_after_another_in_their_order(office: PostOffice) -> None:
    office.decide = lambda offer: None
    for number in range(3):
        office.leave(name=f"{number}", content=bytes([number]) * 10)
    office.comes("bob")
    for number in range(3):
        assert [offer.name for offer in office.offers] == [f"{each}" for each in range(number + 1)]
        office.offers[-1].accept_into(office.received)
        office.network.settle()
    assert len(office.taken()) == 3
    assert office.litter() == []


def test_nobody_is_offered_anything_before_being_ready(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave()
    bob = office.comes("bob", ready=False)
    assert office.offers == []
    network.run(bob.offline_files.ready())
    network.settle()
    assert office.taken() == {"报告.pdf": b"hello"}


def test_where_nobody_listens_it_stays(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave()
    bob = office.comes("bob", listens=False)
    network.advance(600)
    assert len(office.waiting()) == 1
    bob.files.offered.subscribe(lambda offer: offer.accept_into(office.received))
    network.run(bob.offline_files.ready())
    network.settle()
    assert office.taken() == {"报告.pdf": b"hello"}
    assert office.waiting() == []


def test_the_sender_hears_what_became_of_it(office: PostOffice) -> None:
    heard: list[SettledFile] = []
    office.alice.offline_files.settled.subscribe(heard.append)
    office.leave(id="mine-1")
    office.leave(id="mine-2", name="other")
    office.decide = lambda offer: offer.accept_into(office.received) if offer.name == "other" else offer.refuse("no")
    office.comes("bob")
    assert heard == [
        SettledFile("mine-1", "bob", "报告.pdf", FileOutcome.REFUSED),
        SettledFile("mine-2", "bob", "other", FileOutcome.RECEIVED),
    ]


def test_applications_of_the_server_are_told_what_happens(office: PostOffice) -> None:
    told: list[Any] = []
    files = office.server.offline_files
    assert files.is_enabled
    files.kept.subscribe(lambda file: told.append(("kept", file.name)))
    files.settled.subscribe(lambda file, outcome: told.append((outcome.name, file.name)))
    office.leave()
    office.comes("bob")
    assert told == [("kept", "报告.pdf"), ("RECEIVED", "报告.pdf")]


# --- refused ----------------------------------------------------------------------------------------------------------
def test_what_is_refused_is_deleted(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave()
    office.decide = lambda offer: offer.refuse("not wanted")
    office.comes("bob")
    assert office.waiting() == office.litter() == []


def test_nothing_is_kept_for_somebody_who_is_not(office: PostOffice, network: MemoryNetwork) -> None:
    with pytest.raises(TargetAbsent, match="no user 'nobody' on this server"):
        network.run(office.alice.offline_files.send("nobody", office.file()))
    assert office.server.refusals.counts["offline_file_target_absent"] == 1
    assert office.litter() == []


@pytest.mark.parametrize("target", ["_0", "*", "_group", ""])
def test_nothing_is_kept_for_whom_nobody_can_be(office: PostOffice, network: MemoryNetwork, target: str) -> None:
    with pytest.raises(RequestError):
        network.run(office.alice.offline_files.send(target, office.file()))
    assert office.litter() == []


def test_a_quota_that_is_full_is_told_at_once_with_both_numbers(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, files=1)
    office.leave()
    with pytest.raises(NotDelivered, match="nothing more fits: 1 files .5 bytes. are kept for 'bob', at") as refusal:
        network.run(office.alice.offline_files.send("bob", office.file()))
    assert refusal.value.reason == RequestFailure.QUOTA_EXCEEDED
    office.leave("carol")


def test_what_is_too_large_is_refused_with_both_numbers(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, bytes_per_sender=9)
    office.leave()
    with pytest.raises(TransferInterrupted, match="5 bytes does not fit.*kept of 'alice'.*9 bytes may") as refusal:
        office.leave("carol")
    assert refusal.value.disruption == FileDisruption.REJECTED
    assert len(office.litter()) == 1


@pytest.mark.parametrize(("inside", "cause"), [("{}", "3 files; at most 2"), ("{}/empty", "more than 2 files and")])
def test_a_folder_holds_so_much_and_no_more(network: MemoryNetwork, tmp_path: Path, inside: str, cause: str) -> None:
    office = PostOffice(network, tmp_path, entries=2)
    for number in range(3):
        place = tmp_path / "full" / inside.format(number)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir() if "/" in inside else place.touch()
    transfer = network.run(office.alice.offline_files.send("bob", tmp_path / "full"))
    with pytest.raises(TransferInterrupted, match=cause):
        network.run(transfer.done())
    assert office.waiting() == office.litter() == []


def test_the_servers_own_disk_is_a_limit(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = PostOffice(network, tmp_path)
    monkeypatch.setattr(Blobs, "free", 9)
    parameters = SendingParameters(package_size=1, interval=1.0)
    slowly = network.run(office.alice.offline_files.send("bob", office.file("slow"), parameters=parameters))
    network.advance(2)
    with pytest.raises(TransferInterrupted, match="disk has no room") as refusal:
        office.leave(name="quick")
    assert refusal.value.disruption == FileDisruption.REJECTED
    network.run(slowly.done())
    office.leave(name="quick")
    assert sorted(office.contents()) == [b"hello", b"hello"]


def test_what_is_on_its_way_counts_against_the_quota(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, bytes=9)
    slowly = network.run(office.alice.offline_files.send("bob", office.file("slow")))
    with pytest.raises(TransferInterrupted, match="1 files .5 bytes. are kept for 'bob'"):
        office.leave(name="quick")
    network.run(slowly.done())
    assert [file.name for file in office.waiting()] == ["slow"]


def test_the_application_may_forbid_it(network: MemoryNetwork, tmp_path: Path) -> None:
    asked: list[Any] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        if action == "leave_file":
            asked.append((user_id, target))
        return False if action == "leave_file" and target == "carol" else None

    office = PostOffice(network, tmp_path, permit=permit)
    office.leave("bob")
    with pytest.raises(RequestError, match="'alice' may not leave files for 'carol'"):
        network.run(office.alice.offline_files.send("carol", office.file()))
    assert set(asked) == {("alice", "bob"), ("alice", "carol")}


def test_whoever_is_blocked_can_leave_nothing_and_what_was_left_before_is_deleted(office: PostOffice) -> None:
    office.leave()
    heard: list[SettledFile] = []
    office.alice.offline_files.settled.subscribe(heard.append)
    office.server.router.refuse_from("bob", frozenset({"alice"}))
    with pytest.raises(RequestError, match="'bob' takes nothing from 'alice'"):
        office.network.run(office.alice.offline_files.send("bob", office.file()))
    office.comes("bob")
    assert office.offers == [] == heard
    assert office.waiting() == office.litter() == []


@pytest.mark.parametrize("options", [{"enabled": False}, {"folder": None}], ids=["off", "no folder"])
def test_a_server_that_keeps_nothing_says_so(network: MemoryNetwork, tmp_path: Path, options: Any) -> None:
    office = PostOffice(network, tmp_path, **options)
    assert not office.server.offline_files.is_enabled
    bob = office.comes("bob", ready=False)
    for call in (
        lambda: office.alice.offline_files.send("bob", office.file()),
        bob.offline_files.ready,
        lambda: bob.offline_files.discard([1]),
    ):
        with pytest.raises(RequestError, match="keeps no files"):
            network.run(call())
    assert network.run(bob.offline_files.waiting()) == []


@pytest.mark.parametrize("more", [{"name": "x" * 1025}, {"name": "a\0b"}, {"comment": "a\0b"}], ids=str)
def test_what_no_store_could_keep_is_refused_before_it_comes(office: PostOffice, more: Any) -> None:
    transfer = office.network.run(office.alice.offline_files.send("bob", office.file(), **more))
    with pytest.raises(TransferInterrupted, match="without NUL") as error:
        office.network.run(transfer.done())
    assert error.value.disruption == FileDisruption.REJECTED
    assert office.litter() == []


# --- ids --------------------------------------------------------------------------------------------------------------
def test_the_same_id_is_kept_once(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave(id="mine")
    with pytest.raises(KeptOffline, match="kept for 'bob' already") as error:
        network.run(office.alice.offline_files.send("bob", office.file(), id="mine"))
    assert error.value.id == "mine"
    office.leave("carol", id="mine")
    assert len(office.waiting()) == 1


def test_the_same_id_at_the_same_time_is_kept_once(office: PostOffice, network: MemoryNetwork) -> None:
    both = [
        network.run(office.alice.offline_files.send("bob", office.file(name), id="mine", parameters=SLOWLY))
        for name in "ab"
    ]
    network.run(both[0].done())
    with pytest.raises(TransferInterrupted, match="kept for 'bob' already"):
        network.run(both[1].done())
    assert [file.name for file in office.waiting()] == ["a"]
    tidy(network)
    assert office.contents() == [b"hello"]


def test_an_id_cannot_be_anything(office: PostOffice, network: MemoryNetwork) -> None:
    with pytest.raises(NotDelivered, match="1 to 128 letters") as refusal:
        network.run(office.alice.offline_files.send("bob", office.file(), id="../x"))
    assert refusal.value.reason == RequestFailure.INVALID


# --- the store --------------------------------------------------------------------------------------------------------
class Forgetful:
    """A store of files of which some calls fail while `failing` has their names."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.failing: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name in self.failing:
                return fail(StoreAway("the database at /secret/place cannot be reached"))
            return getattr(self._store, name)(*arguments)

        return call


@pytest.fixture
def forgetful(office: PostOffice) -> Forgetful:
    made = Forgetful(office.stores.offline_files)
    office.stores.offline_files = made
    return made


def test_nobody_is_told_that_it_is_kept_before_it_is_recorded(office: PostOffice, forgetful: Forgetful) -> None:
    forgetful.failing = {"add"}
    with pytest.raises(TransferInterrupted, match="could not write it down") as error:
        office.leave()
    assert "/secret" not in str(error.value)
    assert error.value.disruption == FileDisruption.CANCELLED_BY_OTHER or error.value.disruption is (
        FileDisruption.OTHER_INNER_ERROR
    )
    forgetful.failing = set()
    assert office.waiting() == office.litter() == []


def test_a_store_that_fails_refuses_without_telling_where_it_is(office: PostOffice, forgetful: Forgetful) -> None:
    forgetful.failing = {"usage"}
    with pytest.raises(NotDelivered, match="try again later") as refusal:
        office.network.run(office.alice.offline_files.send("bob", office.file()))
    assert refusal.value.reason == RequestFailure.STORE_FAILED


@pytest.mark.parametrize("call", ["waiting", "handed_out", "remove"])
def test_a_store_that_fails_at_a_hand_over_is_asked_again(
    office: PostOffice, forgetful: Forgetful, network: MemoryNetwork, call: str
) -> None:
    office.leave()
    forgetful.failing = {call}
    office.comes("bob")
    forgetful.failing = set()
    assert len(office.waiting()) == 1
    network.advance(limits.OFFLINE_FILE_RETRY + 2)
    assert office.taken() == {"报告.pdf": b"hello"}
    assert len(office.offers) == 1
    assert office.waiting() == office.litter() == []


# --- interrupted ------------------------------------------------------------------------------------------------------
def test_what_breaks_off_on_its_way_to_the_receiver_is_gone_on_with(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, rate_limit=1_000_000)
    content = bytes(range(256)) * 20_000
    office.leave(content=content)
    bob = office.comes("bob")
    network.advance(2)
    network.cut(bob)
    (first,) = office.offers
    assert first.transfer.disruption == FileDisruption.SELF_OFFLINE and len(office.waiting()) == 1
    office.comes("bob")
    network.advance(10)
    resumed = office.offers[-1]
    assert resumed.resumable is not None and resumed.transfer.skipped > 1_000_000
    assert office.taken() == {"报告.pdf": content}
    assert office.waiting() == office.litter() == []


def test_what_the_receiver_breaks_off_comes_when_it_is_ready_again(office: PostOffice, network: MemoryNetwork) -> None:
    content = bytes(10_000_000)
    office.leave(content=content)
    bob = office.comes("bob", ready=False)
    stop = bob.files.receiving.started.subscribe(lambda transfer: transfer.cancel("not now"))
    network.run(bob.offline_files.ready())
    network.advance(300)
    assert len(office.offers) == 1 and len(office.waiting()) == 1
    stop.cancel()
    network.run(bob.offline_files.ready())
    network.settle()
    assert office.taken() == {"报告.pdf": content}


def test_what_nobody_has_decided_is_refused_by_nobody(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave()
    office.decide = lambda offer: None
    bob = office.comes("bob")
    bob.files.cancel_all()
    network.settle()
    assert len(office.waiting()) == 1
    office.decide = lambda offer: offer.refuse("no")
    network.run(bob.offline_files.ready())
    network.settle()
    assert office.waiting() == office.litter() == []


def break_off(office: PostOffice, path: Path) -> None:
    """Alice begins to leave something for bob, and stops."""
    transfer = office.network.run(office.alice.offline_files.send("bob", path, parameters=SLOWLY))
    stop = office.alice.files.sending.progress.subscribe(
        lambda transfer, progress: transfer.cancel("enough") if progress.transferred > 1_000_000 else None
    )
    with pytest.raises(TransferInterrupted):
        office.network.run(transfer.done())
    stop.cancel()
    office.network.settle()


def test_what_breaks_off_on_its_way_in_is_gone_on_with_at_the_same_place(
    office: PostOffice, network: MemoryNetwork
) -> None:
    content = bytes(range(256)) * 10_000
    path = office.file(content=content)
    break_off(office, path)
    tidy(network)
    (blob,) = office.litter()
    assert office.waiting() == [] == office.contents()
    transfer = network.run(office.alice.offline_files.send("bob", path))
    network.run(transfer.done())
    assert transfer.skipped > 0
    assert office.litter() == [blob] == [file.blob for file in office.waiting()]
    assert office.contents() == [content]


def test_what_was_left_half_and_is_not_gone_on_with_goes(office: PostOffice, network: MemoryNetwork) -> None:
    break_off(office, office.file(content=bytes(3_000_000)))
    assert len(office.litter()) == 1
    (partial,) = network.run(office.server.files.resumables())
    partial.part.unlink()
    tidy(network)
    assert office.litter() == []


def test_what_was_left_half_counts_against_its_sender_s_quota(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, bytes_per_sender=3_000_000)
    path = office.file(content=bytes(3_000_000))
    break_off(office, path)
    for _ in range(2):
        with pytest.raises(TransferInterrupted, match="are kept of 'alice'"):
            office.leave("carol", name="other", content=bytes(2_990_000))
        tidy(network)
    transfer = network.run(office.alice.offline_files.send("bob", path))
    network.run(transfer.done())
    assert transfer.skipped > 0


def test_what_was_withdrawn_at_the_last_moment_is_not_kept(office: PostOffice, forgetful: Forgetful) -> None:
    waiting: Deferred[None] = Deferred()
    add = forgetful._store.add
    forgetful._store.add = lambda *arguments: waiting.addCallback(lambda _: add(*arguments))
    withdrawn = office.network.run(office.alice.offline_files.send("bob", office.file()))
    office.network.settle()
    withdrawn.cancel("never mind")
    with pytest.raises(TransferInterrupted):
        office.network.run(withdrawn.done())
    office.network.settle()
    waiting.callback(None)
    office.network.settle()
    assert office.waiting() == office.litter() == []


# --- received, and not known to be ------------------------------------------------------------------------------------
def test_what_was_received_is_not_taken_twice(office: PostOffice, network: MemoryNetwork) -> None:
    """The confirmation is lost: at its next log-on, the client says what it has."""
    office.leave()
    bob = office.comes("bob", ready=False)
    heard: list[SettledFile] = []
    office.alice.offline_files.settled.subscribe(heard.append)
    send = bob.channel(None).__class__.send

    def lose(channel: Any, message_type: int, *rest: Any, **more: Any) -> Any:
        if message_type == MessageType.FILE_KEPT:
            network.connection_of(bob).cut()
            return None
        return send(channel, message_type, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bob.channel(None).__class__, "send", lose)
        network.run(bob.offline_files.ready())
        network.settle()
    assert office.taken() == {"报告.pdf": b"hello"}
    assert len(office.waiting()) == 1
    network.run(bob.log_on("bob", "", network.endpoint_of(bob)))
    network.run(bob.offline_files.ready())
    network.settle()
    assert len(office.offers) == 1
    assert office.waiting() == office.litter() == []
    assert [each.outcome for each in heard] == [FileOutcome.RECEIVED]


def test_what_a_server_had_no_time_to_delete_is_not_taken_twice(
    office: PostOffice, network: MemoryNetwork, forgetful: Forgetful
) -> None:
    office.leave()
    forgetful.failing = {"remove"}
    bob = office.comes("bob")
    assert office.taken() == {"报告.pdf": b"hello"}
    assert len(office.waiting()) == 1
    network.run(office.server.close())
    forgetful.failing = set()
    after = PostOffice(network, office.root, stores=office.stores)
    network.run(bob.log_on("bob", "", network.endpoint_of(bob)))
    network.settle()
    assert len(office.offers) == 1
    assert after.waiting() == after.litter() == []


def test_what_another_server_keeps_in_the_same_folder_is_not_deleted(office: PostOffice, tmp_path: Path) -> None:
    tidy(office.network)
    office.leave()
    tidy(office.network)
    network = MemoryNetwork()
    other = PostOffice(network, tmp_path)
    tidy(network)
    assert office.contents() == [b"hello"]
    office.network.run(office.server.close())
    tidy(network)
    assert other.contents() == [], "now it is a folder of this one alone"


# --- lists ------------------------------------------------------------------------------------------------------------
def test_what_waits_and_what_was_left_is_listed(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave(comment="first", id="one")
    office.leave("carol", name="other")
    bob = office.comes("bob", ready=False)
    (waiting,) = network.run(bob.offline_files.waiting())
    assert (waiting.id, waiting.name, waiting.source, waiting.target) == ("one", "报告.pdf", "alice", "bob")
    assert (waiting.size, waiting.files, waiting.comment, waiting.is_folder) == (5, 1, "first", False)
    assert waiting.expires_at - waiting.left_at == pytest.approx(limits.OFFLINE_EXPIRY, abs=0.01)
    left = network.run(office.alice.offline_files.left())
    assert [(each.target, each.name) for each in left] == [("bob", "报告.pdf"), ("carol", "other")]
    assert network.run(bob.offline_files.left()) == []
    assert office.offers == []
    assert [each.name for each in network.run(office.server.offline_files.waiting("bob"))] == ["报告.pdf"]
    assert len(network.run(office.server.offline_files.left_by("alice"))) == 2


def test_long_lists_come_in_pages(office: PostOffice, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OFFLINE_PAGE", 2)
    for number in range(5):
        office.leave(name=f"{number}")
    left = network.run(office.alice.offline_files.left())
    assert [each.name for each in left] == list("01234")
    assert network.run(office.alice.offline_files.withdraw([each.number for each in left])) == 5
    assert office.litter() == []


def test_what_waits_can_be_discarded_and_what_was_left_withdrawn(office: PostOffice, network: MemoryNetwork) -> None:
    for name in "abc":
        office.leave(name=name)
    bob = office.comes("bob", ready=False)
    first, second, third = (file.number for file in office.waiting())
    assert network.run(bob.offline_files.discard([first, 999])) == 1
    assert network.run(bob.offline_files.withdraw([second])) == 0
    assert network.run(office.alice.offline_files.discard([second])) == 0
    assert network.run(office.alice.offline_files.withdraw([second])) == 1
    assert [file.number for file in office.waiting()] == [third]
    assert len(office.litter()) == 1


def test_what_is_withdrawn_while_it_is_handed_over_stops(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave()
    office.decide = lambda offer: None
    office.comes("bob")
    (file,) = office.waiting()
    assert network.run(office.alice.offline_files.withdraw([file.number])) == 1
    network.advance(100)
    assert office.offers[0].transfer.disruption == FileDisruption.CANCELLED_BY_OTHER
    assert len(office.offers) == 1 and office.litter() == []


def test_too_much_at_once_is_refused(office: PostOffice, network: MemoryNetwork) -> None:
    with pytest.raises(NotDelivered, match="files to discard; at most"):
        network.run(office.alice.offline_files.discard(range(limits.OFFLINE_DISCARDS + 1)))


# --- what the application leaves --------------------------------------------------------------------------------------
def test_the_application_of_the_server_leaves_files_and_folders(office: PostOffice, network: MemoryNetwork) -> None:
    tree = {"inner": None, "inner/deep": b"deep", "empty": b""}
    files = office.server.offline_files
    kept = network.run(files.leave("bob", make_tree(office.root / "album", tree), "from us"))
    again = network.run(files.leave("bob", office.file(), source="alice", name="other", id="one"))
    assert network.run(files.leave("bob", office.file(), source="alice", id="one")) == again
    assert (kept.source, kept.files, kept.size, kept.is_folder) == (None, 2, 4, True)
    assert (again.source, again.name, again.size) == ("alice", "other", 5)
    assert len(office.litter()) == 2
    office.comes("bob")
    assert [(offer.source, offer.comment) for offer in office.offers] == [(None, "from us"), ("alice", None)]
    assert read_tree(office.received) == {"album": None, **{f"album/{key}": each for key, each in tree.items()}} | {
        "other": b"hello"
    }
    assert office.waiting() == office.litter() == []


def test_what_cannot_be_left_leaves_nothing(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, bytes=9)
    files = office.server.offline_files
    for path, error in ((tmp_path / "gone", OSError), (office.file(content=bytes(10)), FileQuotaExceeded)):
        with pytest.raises(error):
            network.run(files.leave("bob", path))
    with pytest.raises(InvalidUserId):
        network.run(files.leave("_0", tmp_path / "not even looked at"))
    with pytest.raises(InvalidText, match="letters, digits"):
        # Its receiver would not know it again.
        network.run(files.leave("bob", office.file(), id="a:b"))
    assert office.litter() == []
    nowhere = PostOffice(MemoryNetwork(), tmp_path, folder=None)
    with pytest.raises(NotKept, match="OfflineFilesOptions.folder"):
        nowhere.network.run(nowhere.server.offline_files.leave("bob", office.file()))
    nowhere.network.close()


# --- tidying up -------------------------------------------------------------------------------------------------------
def test_what_expired_is_deleted(network: MemoryNetwork, tmp_path: Path) -> None:
    office = PostOffice(network, tmp_path, expiry=2 * limits.OFFLINE_FILE_SWEEP)
    told: list[int] = []
    office.server.offline_files.expired.subscribe(told.append)
    office.leave()
    tidy(network)
    assert (told, len(office.litter())) == ([], 1)
    tidy(network)
    assert told == [1]
    assert office.waiting() == office.litter() == []


def test_what_is_purged_is_deleted_soon(office: PostOffice, network: MemoryNetwork) -> None:
    office.leave()
    office.leave("carol", name="other", content=b"other")
    assert network.run(office.server.offline_files.purge("bob")) == 1
    network.advance(2)
    assert office.contents() == [b"other"]


def test_what_a_crash_left_is_deleted_at_the_next_start(network: MemoryNetwork, tmp_path: Path) -> None:
    for blob in ("of a record that was deleted", "of one that never was"):
        make_tree(tmp_path / "offline-files" / blob, {"content": b"x", ".content.1.part": b"y"})
    office = PostOffice(network, tmp_path)
    office.leave()
    network.advance(2)
    assert office.contents() == [b"hello"]
    assert len(office.litter()) == 1


# --- clients of another make ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("generation", [6, 7])
def test_a_comment_that_names_a_user_leaves_the_file_for_that_user(
    office: PostOffice, network: MemoryNetwork, generation: int
) -> None:
    sender = ForeignSender(network, generation, "_0")
    sender.offer(r"C:\Users\carol\report.pdf", 5, comment="bob")
    assert sender.answer().agree
    sender.package(0, b"hello")
    (kept,) = office.waiting()
    assert (kept.source, kept.name, kept.comment, kept.size) == ("carol", "report.pdf", None, 5)
    office.comes("bob")
    assert (office.offers[0].source, office.offers[0].comment) == ("carol", None)
    assert office.taken() == {"report.pdf": b"hello"}
    assert office.litter() == []


def test_any_other_comment_is_the_application_s(office: PostOffice, network: MemoryNetwork) -> None:
    offers: list[Any] = []
    office.server.files.offered.subscribe(offers.append)
    sender = ForeignSender(network, 6, "_0")
    for comment in ("nobody", "_not a name", None, ""):
        sender.offer(r"C:\report.pdf", 5, comment=comment)
        assert offers.pop().comment == comment
        office.server.files.cancel_all()
        sender.peer.take()


def test_without_an_application_any_other_comment_is_refused(office: PostOffice, network: MemoryNetwork) -> None:
    sender = ForeignSender(network, 6, "_0")
    sender.offer(r"C:\report.pdf", 5, comment="nobody")
    assert not sender.answer().agree


def test_a_comment_of_ours_is_a_comment(office: PostOffice, network: MemoryNetwork) -> None:
    offers: list[Any] = []
    office.server.files.offered.subscribe(offers.append)
    network.run(office.alice.files.send(None, office.file(), "bob"))
    network.settle()
    assert [offer.comment for offer in offers] == ["bob"]
    office.server.files.cancel_all()


@pytest.mark.parametrize("generation", [6, 7])
def test_a_receiver_of_another_make_is_offered_it_at_log_on_with_the_sender_as_comment(
    office: PostOffice, network: MemoryNetwork, generation: int
) -> None:
    office.leave("carol", comment="never seen")
    receiver = ForeignReceiver(network, generation)
    receiver.accept()
    assert (receiver.begin.comment, receiver.source) == ("alice", "_0")
    assert receiver.begin.origin_path.endswith("\\报告.pdf")
    assert receiver.packages() == [(0, b"hello")]
    assert len(office.waiting("carol")) == 1, "its connection must last for a while"
    network.advance(limits.OFFLINE_FILE_PROOF)
    assert office.waiting("carol") == office.litter() == []


def test_a_receiver_of_another_make_that_is_cut_at_the_end_is_offered_it_again(
    office: PostOffice, network: MemoryNetwork
) -> None:
    office.leave("carol")
    receiver = ForeignReceiver(network, 6)
    receiver.accept()
    receiver.packages()
    receiver.peer.stranger.transport.loseConnection()
    network.settle()
    network.advance(limits.OFFLINE_FILE_PROOF + 1)
    assert len(office.waiting("carol")) == 1
    again = ForeignReceiver(network, 6)
    again.accept()
    assert again.packages() == [(0, b"hello")]


def test_clients_of_another_make_cannot_ask(office: PostOffice, network: MemoryNetwork) -> None:
    sender = ForeignSender(network, 6, "_0")
    sender.peer.send(MessageType.LIST_OFFLINE_FILES, b"", 1)
    assert office.server.refusals.counts["unknown_type"] == 1
    assert sender.peer.take() == []
