"""The same server and the same client under each of Twisted's reactors for this platform."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted

from tests.integration.support import ROOT, TWISTD, Child, Daemon, logged_on

pytestmark = pytest.mark.integration
REACTORS = pytest.mark.parametrize("kind", ["epoll", "asyncio", "select", "poll"])

THREE_ENGINES = """
import runpy, sys
from twisted.application.reactors import installReactor
installReactor(sys.argv[1])
from twisted.internet.task import react
talk = runpy.run_path(sys.argv[2])["talk"]

async def main(reactor):
    print(type(reactor).__name__, await talk(reactor, int(sys.argv[3])), flush=True)

react(main)
"""


@REACTORS
@pytest_twisted.ensureDeferred
async def test_the_daemon_serves(start: Callable[..., Daemon], kind: str) -> None:
    daemon = await start("--open", program=(*TWISTD, f"--reactor={kind}", "esframework")).ready()
    assert kind in (await daemon.shows(r"reactor class: (\S+)"))[1].lower()
    alice = await logged_on("alice", daemon.endpoint)
    bob = await logged_on("bob", daemon.endpoint)
    assert await alice.custom.query("bob", 1, b"there?") == b"there?"
    await alice.custom.send_blob("bob", 2, bytes(3_000_000))
    await alice.custom.send_acked("bob", 3, b"last")
    assert [(kind, len(content or b"")) for _, kind, content in bob.handler.told] == [(2, 3_000_000), (3, 4)]
    await alice.close()
    await bob.close()
    await daemon.end()
    await daemon.shows("closed")
    assert "Traceback" not in daemon.shown


@REACTORS
@pytest_twisted.ensureDeferred
async def test_engines_talk(children: list[Child], free_port: int, kind: str) -> None:
    example = str(ROOT / "docs" / "examples" / "three_engines.py")
    program = Child(["-c", THREE_ENGINES, kind, example, str(free_port)])
    children.append(program)
    assert await program.over() == 0, program.shown
    assert kind in program.shown.partition("Reactor")[0].lower()
    assert "b'PING'" in program.shown
