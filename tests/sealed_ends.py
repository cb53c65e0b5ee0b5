"""Both ends of a connection of `sealed`, joined by hand: what one has to say the other hears."""

from __future__ import annotations

from esframework.rudp import keys
from esframework.sealed.connection import Connection, Event
from esframework.sealed.records import connection_keys

SESSION = b"a session of 16b"
LEADER_NONCE, FOLLOWER_NONCE = b"l" * 16, b"f" * 16


def session_keys(is_leader: bool, cipher: str = keys.AES_GCM) -> keys.Keys:
    """What one end has for the session."""
    return keys.derive(b"s" * 32, b"x" * 32, is_leader, SESSION + b"tcp", cipher)


def end(is_leader: bool, now: float = 0.0) -> Connection:
    """One end, whose chance is always one half: heartbeats come after 5 s exactly."""
    own = connection_keys(session_keys(is_leader), LEADER_NONCE, FOLLOWER_NONCE)
    return Connection(own, is_leader, now, lambda: 0.5)


class Pair:
    """Leader and follower, and the time that both see."""

    def __init__(self) -> None:
        self.now = 0.0
        self.leader = end(True)
        self.follower = end(False)

    def deliver(self) -> None:
        """Bring what each has to say to the other, until neither has anything."""
        ends = (self.leader, self.follower)
        while any(one.has_output for one in ends):
            for sender, receiver in (ends, ends[::-1]):
                if sender.has_output:
                    receiver.receive(sender.records(1 << 20, self.now), self.now)

    def events(self) -> tuple[list[Event], list[Event]]:
        """What happened at the leader and at the follower."""
        return self.leader.events(self.now), self.follower.events(self.now)

    def opened(self) -> Pair:
        """The same, with the connection chosen and nothing left to be told."""
        self.deliver()
        self.leader.choose(self.now)
        self.deliver()
        self.events()
        return self
