"""Invitations are remembered, used, and forgotten with their group."""

from __future__ import annotations

from esframework.managers.groups.invitations import Invitations


def test_an_invitation_is_for_one_user_and_one_group_until_it_is_dropped() -> None:
    invitations = Invitations()
    invitations.add("chess", ["alice", "bob"])
    assert ("chess", "alice") in invitations
    assert ("go", "alice") not in invitations
    invitations.drop("chess", "alice")
    invitations.drop("chess", "alice")
    assert ("chess", "alice") not in invitations
    assert len(invitations) == 1


def test_with_its_group_all_of_them_go() -> None:
    invitations = Invitations()
    invitations.add("chess", ["alice", "bob"])
    invitations.add("go", ["alice"])
    invitations.drop_group("chess")
    invitations.drop_group("nothing")
    assert len(invitations) == 1
    assert ("go", "alice") in invitations


def test_the_oldest_go_when_there_are_too_many() -> None:
    invitations = Invitations(most=2)
    invitations.add("chess", ["alice", "bob"])
    invitations.add("chess", ["alice"])
    invitations.add("go", ["carol"])
    assert ("chess", "bob") not in invitations
    assert ("chess", "alice") in invitations
