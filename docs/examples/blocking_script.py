"""A script that asks one thing after another, and is told others meanwhile."""

from __future__ import annotations

import sys

from esframework import blocking
from esframework.errors import TargetAbsent


class Telephone:
    """Called in the reactor's thread, while the script does something else."""

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(f"{source}: {content.decode()}", flush=True)

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        return b"I am only a script"


def main(endpoint: str = "tcp:localhost:4530") -> None:
    with blocking.connect("alice", "secret", endpoint, Telephone()) as client:
        print("online:", client.basic.all_online_users())
        print("the server answers in", f"{client.basic.ping() * 1000:.0f} ms")
        try:
            client.custom.send_acked("bob", 1, b"the backup is done")
        except TargetAbsent as error:
            print("not delivered:", error)


if __name__ == "__main__":
    main(*sys.argv[1:])
