"""Strangers' plugins that are broken: the daemon says which and why, leaves them out, and serves everything else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.support import ROOT, SERVE, Conversation, Daemon

pytestmark = pytest.mark.integration

MANAGER = """
from twisted.plugin import IPlugin
from zope.interface import implementer
from esframework.interfaces import IManager, Registrations

@implementer(IPlugin, IManager)
class Manager:
    name = "stranger"
    requires = {requires}

    def server_half(self, server):
        {server_half}

    def client_half(self, client):
        return None

stranger = Manager()
"""
GOOD_HALF = "return Registrations(facade=self, handlers={10_000: lambda sender, message_id, body: None})"
TAKEN_HALF = "return Registrations(facade=self, handlers={203: lambda sender, message_id, body: None})"
PLUGINS = {
    "a requirement that is missing": (
        MANAGER.format(requires="('teleport',)", server_half=GOOD_HALF),
        r"a plugin is left out: manager 'stranger' requires \['teleport'\], which is not installed",
    ),
    "a message type that is taken": (
        MANAGER.format(requires="()", server_half=TAKEN_HALF),
        r"a plugin is left out: manager 'stranger' wants message types \[203\], which belong to the protocol",
    ),
    "a half that raises": (
        MANAGER.format(requires="()", server_half="raise RuntimeError('no map here')"),
        r"manager 'stranger' is left out: RuntimeError\('no map here'\)",
    ),
    "a name that is taken": (
        MANAGER.replace('"stranger"', '"custom"').format(requires="()", server_half=GOOD_HALF),
        r"a plugin is left out: two managers are called 'custom'",
    ),
    "an exception at import": (
        "raise RuntimeError('no map here')",
        r"RuntimeError: no map here",
    ),
    "a mistake in its spelling": (
        "def",
        r"SyntaxError",
    ),
    "an object that is no manager": (
        MANAGER.format(requires="()", server_half=GOOD_HALF).replace("    def client_half", "    def half"),
        r"a plugin is left out: .* is no manager",
    ),
}


@pytest.mark.parametrize("fault", PLUGINS)
@pytest_twisted.ensureDeferred
async def test_a_plugin_is_left_out_with_a_word_for(start: Callable[..., Daemon], tmp_path: Path, fault: str) -> None:
    source, complaint = PLUGINS[fault]
    drop_in = tmp_path / "library" / "twisted" / "plugins" / "stranger_plugin.py"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(source)
    path = os.pathsep.join((str(ROOT), str(tmp_path / "library")))
    daemon = await start("--open", path=path).ready()
    await daemon.shows(complaint)
    talk = await Conversation.begun(daemon.endpoint)
    await talk.goes_on()
    await talk.end()
    assert await daemon.end() == 0


@pytest_twisted.ensureDeferred
async def test_where_the_frameworks_own_plugins_are_hidden_one_line_says_what_to_do(
    start: Callable[..., Daemon],
) -> None:
    hidden = "import twisted.plugins; twisted.plugins.__path__ = []; "
    daemon = start("--open", program=("-c", hidden + SERVE[1], "serve"))
    assert await daemon.over() == 1
    assert "the service was not found under twisted/plugins" in daemon.shown
    assert daemon.shown.count("\n") == 1
