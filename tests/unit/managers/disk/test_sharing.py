"""Sharing: who sees what where, with groups, after a restart, and when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esframework import ClientEngine
from esframework.managers.disk.contracts import DiskShare
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.refusals import NotAllowed
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.unit.managers.disk.house import House, names, refusal


async def people(
    network: MemoryNetwork, tmp_path: Path, **options: Any
) -> tuple[House, ClientEngine, ClientEngine, ClientEngine]:
    """alice, with /docs/letter; bob and carol."""
    house = House(network, tmp_path, **options)
    alice, bob, carol = await house.people("alice", "bob", "carol")
    await alice.disk.make_folder("/docs")
    await house.put(alice, "/docs/letter")
    house.told.clear()
    return house, alice, bob, carol


@simulated
async def test_what_is_shared_to_read_is_seen_and_not_changed(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, bob, carol = await people(network, tmp_path)
    share = await alice.disk.share("/docs", ["bob"])
    assert share == DiskShare(
        owner="alice",
        path="/docs",
        shared_path="/shared/alice/docs",
        users=["bob"],
        groups=[],
        writing_users=[],
        writing_groups=[],
        may_write=True,
    )
    assert await names(bob, "/shared") == ["alice"]
    (entry,) = (await bob.disk.list_folder("/shared/alice")).entries
    assert (entry.path, entry.is_folder, entry.may_write) == ("/shared/alice/docs", True, False)
    (letter,) = (await bob.disk.list_folder("/shared/alice/docs")).entries
    assert (letter.path, letter.may_write) == ("/shared/alice/docs/letter", False)
    for asked in (
        bob.disk.remove("/shared/alice/docs/letter"),
        bob.disk.make_folder("/shared/alice/docs/new"),
        bob.disk.move("/shared/alice/docs/letter", "/mine"),
        bob.disk.upload(house.file("x"), "/shared/alice/docs/"),
        bob.disk.share("/shared/alice/docs", ["carol"]),
    ):
        assert await refusal(asked) is RequestFailure.NOT_ALLOWED
    assert house.told == [("share", "alice", "/docs")]
    assert await names(carol, "/shared") == []


@pytest.mark.parametrize(
    "path", ["/shared/alice", "/shared/alice/docs", "/shared/alice/docs/letter", "/shared/nobody", "/shared/alice/x"]
)
def test_who_is_given_nothing_cannot_tell_whether_it_is_there(tmp_path: Path, path: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house, alice, _, carol = await people(network, tmp_path)
        await alice.disk.share("/docs", ["bob"])
        for asked in (
            carol.disk.list_folder(path),
            carol.disk.information(path),
            carol.disk.information(path, "blake2b"),
        ):
            assert await refusal(asked) is RequestFailure.NO_SUCH_THING
        if path.count("/") > 2:
            for asked in (
                carol.disk.remove(path),
                carol.disk.upload(house.file("x"), path),
                carol.disk.download(path, tmp_path / "x"),
                carol.disk.quota(path),
            ):
                assert await refusal(asked) is RequestFailure.NO_SUCH_THING

    test()


@simulated
async def test_what_is_shared_to_write_is_changed_by_others_and_its_owner_pays(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"], may_write=True)
    await house.put(bob, "/shared/alice/docs/reply", b"hi")
    assert await names(alice, "/docs") == ["letter", "reply"]
    assert (await alice.disk.quota()).used == 7
    assert (await bob.disk.quota()).used == 0
    assert (await bob.disk.quota("/shared/alice/docs")).used == 7
    await bob.disk.rename("/shared/alice/docs/reply", "answer")
    await bob.disk.move("/shared/alice/docs/answer", "/")
    assert (await alice.disk.quota()).used == 5
    assert (await bob.disk.quota()).used == 2
    await bob.disk.remove("/shared/alice/docs/letter")
    assert await names(alice, "/docs") == []


@simulated
async def test_the_share_itself_is_its_owners(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"], may_write=True)
    (house.local / "folder").mkdir()
    for asked in (
        bob.disk.remove("/shared/alice/docs", recursive=True),
        bob.disk.move("/shared/alice/docs", "/mine"),
        bob.disk.upload(house.local / "folder", "/shared/alice/docs", replace=True),
    ):
        assert await refusal(asked) is RequestFailure.NOT_ALLOWED


@simulated
async def test_nothing_leads_out_of_a_share(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await house.put(alice, "/private")
    await alice.disk.share("/docs", ["bob"], may_write=True)
    (house.tree("alice") / "docs" / "up").symlink_to("..")
    for path in ("/shared/alice/docs/up/private", "/shared/alice/docs/up"):
        assert await refusal(bob.disk.information(path)) is RequestFailure.NO_SUCH_THING
    await bob.disk.set_folder("/shared/alice/docs")
    # Clients make paths absolute by themselves, so that this is the list of alice's shares.
    assert await refusal(bob.disk.information("../private")) is RequestFailure.NO_SUCH_THING


@simulated
async def test_a_single_file_is_shared(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs/letter", ["bob"], may_write=True)
    assert await names(bob, "/shared/alice") == ["letter"]
    await (await bob.disk.download("/shared/alice/letter", tmp_path / "x")).done()
    await house.put(bob, "/shared/alice/letter", b"changed", replace=True)
    assert (house.tree("alice") / "docs" / "letter").read_bytes() == b"changed"
    assert await names(bob, "/shared/alice") == ["letter"], "it is shared still"
    entry = (await alice.disk.information("/docs/letter")).entry
    assert entry.is_shared


@simulated
async def test_lists_tell_both_sides(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice, bob, carol = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"])
    await alice.disk.share("/docs", ["carol"], may_write=True)
    (mine,) = (await alice.disk.shared_by_me()).shares
    assert (mine.path, mine.users, mine.writing_users) == ("/docs", ["bob"], ["carol"])
    (bobs,) = (await bob.disk.shared_with_me()).shares
    assert (bobs.owner, bobs.shared_path, bobs.path, bobs.users, bobs.may_write) == (
        "alice",
        "/shared/alice/docs",
        "",
        [],
        False,
    )
    (carols,) = (await carol.disk.shared_with_me()).shares
    assert carols.may_write
    assert (await bob.disk.shared_by_me()).shares == []


@simulated
async def test_lists_come_in_pages(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice, bob, _ = await people(network, tmp_path)
    for name in "abc":
        await alice.disk.make_folder(f"/{name}")
        await alice.disk.share(f"/{name}", ["bob"])
    page = await bob.disk.shared_with_me(limit=2)
    assert ([share.shared_path for share in page.shares], page.has_more) == (
        ["/shared/alice/a", "/shared/alice/b"],
        True,
    )
    page = await bob.disk.shared_with_me(after="/shared/alice/b")
    assert ([share.shared_path for share in page.shares], page.has_more) == (["/shared/alice/c"], False)


@simulated
async def test_a_share_ends_for_some_or_for_all(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice, bob, carol = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob", "carol"])
    left = await alice.disk.unshare("/docs", ["bob"])
    assert left.users == ["carol"]
    assert await names(bob, "/shared") == []
    assert await names(carol, "/shared") == ["alice"]
    left = await alice.disk.unshare("/docs")
    assert left.users == []
    assert await names(carol, "/shared") == []
    assert await refusal(alice.disk.unshare("/docs")) is RequestFailure.NO_SUCH_THING


@simulated
async def test_shares_follow_a_move_and_end_with_a_removal(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"])
    await alice.disk.rename("/docs", "papers")
    assert await names(bob, "/shared/alice") == ["papers"]
    await alice.disk.remove("/papers", recursive=True)
    assert await names(bob, "/shared") == []
    await alice.disk.make_folder("/papers")
    assert await names(bob, "/shared") == [], "a new one of that name is not shared"


@simulated
async def test_what_somebody_removed_at_the_servers_machine_is_not_listed(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.make_folder("/more")
    await alice.disk.share("/docs", ["bob"])
    await alice.disk.share("/more", ["bob"])
    (house.tree("alice") / "more").rmdir()
    assert await names(bob, "/shared/alice") == ["docs"]
    assert await refusal(bob.disk.list_folder("/shared/alice/more")) is RequestFailure.NO_SUCH_THING
    assert (await bob.disk.information("/shared/alice")).entry.is_folder
    assert (await bob.disk.information("/shared")).entry.is_folder


@simulated
async def test_an_application_shares_in_a_users_name(tmp_path: Path, network: MemoryNetwork) -> None:
    house, _, bob, _ = await people(network, tmp_path)
    disk = house.server.disk
    await disk.share("alice", "/docs", ["bob"])
    assert await names(bob, "/shared/alice/docs") == ["letter"]
    assert [share.path for share in (await disk.shares("alice", by_me=True)).shares] == ["/docs"]
    assert [share.owner for share in (await disk.shares("bob", by_me=False)).shares] == ["alice"]
    await disk.unshare("alice", "/docs")
    assert await names(bob, "/shared") == []


@simulated
async def test_no_permission_shares_what_is_anothers(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path, permit=lambda action, user_id, target: True)
    alice, bob = await house.people("alice", "bob")
    for each in alice, bob:
        await each.disk.make_folder("/docs")
    await alice.disk.share("/docs", ["bob"], may_write=True)
    await alice.disk.make_folder("/docs/docs")
    assert await refusal(bob.disk.share("/shared/alice/docs/docs", ["carol"])) is RequestFailure.NOT_ALLOWED
    with pytest.raises(NotAllowed):
        await house.server.disk.share("bob", "/shared/alice/docs/docs", ["carol"])
    assert (await bob.disk.shared_by_me()).shares == []


@simulated
async def test_what_is_replaced_by_something_else_is_not_shared_any_more(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    _, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"])
    await alice.disk.make_folder("/private")
    await alice.disk.move("/private", "/docs", replace=True)
    assert await names(bob, "/shared") == []


@pytest.mark.parametrize(
    ("users", "groups", "reason"),
    [
        ([], [], RequestFailure.INVALID),
        (["alice"], [], RequestFailure.INVALID),
        (["_bob"], [], RequestFailure.INVALID),
        ([""], [], RequestFailure.INVALID),
        ([], ["nobodys"], RequestFailure.NO_SUCH_THING),
        ([], ["*"], RequestFailure.INVALID),
        ([f"user{number}" for number in range(201)], [], RequestFailure.INVALID),
    ],
)
def test_there_must_be_somebody_to_share_with(
    tmp_path: Path, users: list[str], groups: list[str], reason: RequestFailure
) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        _, alice, _, _ = await people(network, tmp_path)
        assert await refusal(alice.disk.share("/docs", users, groups)) is reason
        assert (await alice.disk.shared_by_me()).shares == []

    test()


@pytest.mark.parametrize("path", ["/nothing", "/", "/shared"])
def test_there_must_be_something_to_share(tmp_path: Path, path: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        _, alice, _, _ = await people(network, tmp_path)
        reason = await refusal(alice.disk.share(path, ["bob"]))
        assert reason in (RequestFailure.NO_SUCH_THING, RequestFailure.INVALID)

    test()


# --- groups -----------------------------------------------------------------------------------------------------------
@simulated
async def test_a_groups_members_see_it_as_long_as_they_are_members(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice, bob, carol = await people(network, tmp_path)
    await alice.groups.create("team", members=["bob"])
    await alice.disk.share("/docs", groups=["team"], may_write=True)
    assert await names(bob, "/shared/alice/docs") == ["letter"]
    assert await refusal(carol.disk.list_folder("/shared/alice/docs")) is RequestFailure.NO_SUCH_THING
    await carol.groups.join("team")
    assert await names(carol, "/shared/alice/docs") == ["letter"]
    await bob.groups.quit("team")
    assert await refusal(bob.disk.list_folder("/shared/alice/docs")) is RequestFailure.NO_SUCH_THING
    assert (await bob.disk.shared_with_me()).shares == []


@simulated
async def test_what_was_shared_with_a_group_that_has_ended_is_shared_with_nobody(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    _, alice, bob, carol = await people(network, tmp_path)
    await alice.groups.create("team", members=["bob"])
    await alice.disk.share("/docs", groups=["team"])
    await alice.groups.dissolve("team")
    await carol.groups.create("team", members=["bob"])
    assert await names(bob, "/shared") == []
    assert (await alice.disk.shared_by_me()).shares == []


class Company:
    """An application's own contacts: bob is in its group `staff`."""

    def contacts_of(self, user_id: str) -> list[str]:
        return []

    def members_of(self, group_id: str) -> list[str]:
        return ["bob"] if group_id == "staff" else []


@simulated
async def test_an_applications_own_groups_count_as_well(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice, bob, carol = await people(network, tmp_path, contacts=Company())
    await alice.disk.share("/docs", groups=["staff"])
    assert await names(bob, "/shared/alice/docs") == ["letter"]
    assert await names(carol, "/shared") == []


# --- kept -------------------------------------------------------------------------------------------------------------
@simulated
async def test_shares_survive_a_restart(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"])
    await network_down(network, house, alice, bob)
    again = House(network, tmp_path)
    (bob,) = await again.people("bob")
    assert await names(bob, "/shared/alice/docs") == ["letter"]


async def network_down(network: MemoryNetwork, house: House, *clients: ClientEngine) -> None:
    for client in clients:
        await client.close()
    await house.server.close()


@simulated
async def test_a_share_that_cannot_be_written_down_is_none(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, alice, bob, _ = await people(network, tmp_path)

    def full(*_: object) -> None:
        raise OSError(5, "broken")

    monkeypatch.setattr(DiskFolder, "write_shares", full)
    assert await refusal(alice.disk.share("/docs", ["bob"])) is RequestFailure.STORE_FAILED
    assert await names(bob, "/shared") == []


@simulated
async def test_where_nobody_knows_what_is_shared_nothing_is_served(tmp_path: Path, network: MemoryNetwork) -> None:
    home = tmp_path / "disk" / "users" / "alice"
    home.mkdir(parents=True)
    (home / "shares.json").write_text("nonsense")
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    assert await refusal(alice.disk.list_folder()) is RequestFailure.STORE_FAILED
    assert (home / "shares.json").read_text() == "nonsense"


@simulated
async def test_a_user_who_is_deleted_loses_what_was_shared_with_it(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice, bob, _ = await people(network, tmp_path)
    await alice.disk.share("/docs", ["bob"])
    house.server.accounts.deleted.fire("bob")
    network.settle()
    assert await names(bob, "/shared") == []
    assert DiskFolder(house.folder).read_shares() == []
