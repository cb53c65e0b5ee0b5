"""A `ServerEngine` whose application says who is in the group "all", and who is whose contact.

Run as ``python -m benchmarks.contacts_server --port 4530 --users 2000 --contacts 50``. Users are called as the load
generator calls its clients; each one's contacts are its neighbours in a ring, half of them before it, half behind.
"""

from __future__ import annotations

import argparse

from zope.interface import implementer

from esframework import ServerEngine
from esframework.interfaces import IContacts


@implementer(IContacts)
class Ring:
    """`users` in a ring, each of whom has its nearest `contacts`; and one group of all but the first."""

    def __init__(self, users: int, contacts: int) -> None:
        self._names = [f"u{number:06d}" for number in range(users)]
        self._distances = [step for step in range(-contacts // 2, contacts - contacts // 2 + 1) if step]

    def contacts_of(self, user_id: str) -> list[str]:
        """The neighbours."""
        place = int(user_id[1:])
        return [self._names[(place + step) % len(self._names)] for step in self._distances] if self._distances else []

    def members_of(self, group_id: str) -> list[str]:
        """All but the first, who broadcasts."""
        return self._names[1:] if group_id == "all" else []


def main() -> None:
    """Serve on loopback until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--contacts", type=int, default=0)
    arguments = parser.parse_args()

    from twisted.internet import reactor

    engine = ServerEngine(
        contacts=Ring(arguments.users, arguments.contacts),
        endpoints=[f"tcp:{arguments.port}:backlog=1024:interface=127.0.0.1"],
    )
    engine.startService()
    reactor.addSystemEventTrigger("before", "shutdown", engine.stopService)
    reactor.run()


if __name__ == "__main__":
    main()
