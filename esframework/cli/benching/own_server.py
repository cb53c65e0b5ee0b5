"""Starting, asking and ending the server of `server.py` in a child process; everything here blocks.

Ended by its own handle only; it ends by itself when this process does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from esframework.errors import RemoteError

STOP_SECONDS: Final = 15.0
BACKLOG: Final = 1024
"""Connections that wait to be accepted; thousands come at once."""


class OwnServerFailed(RemoteError):
    """The bench's own server did not start, or ended; repeats what it said."""


class OwnServer:
    """A server on a free port of loopback, in a process of its own. `start` it, and `stop` it in any case."""

    def __init__(self, max_user_id: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="esframework-bench-")
        self._log = Path(self._folder.name) / "server.log"
        listen = f"tcp:0:interface=127.0.0.1:backlog={BACKLOG}"
        self._command = [sys.executable, "-m", "esframework.cli.benching.server", "--open", "--listen", listen]
        self._command += ["--data", self._folder.name, "--log-level", "warn", "--max-user-id", str(max_user_id)]
        self._process: subprocess.Popen[str] | None = None
        self.process_id = 0
        self.endpoint = ""

    def start(self) -> None:
        """Start it, and return when it listens. Raises OwnServerFailed."""
        source = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": path},
            )
        facts = self._ask()
        self.process_id = int(facts["pid"])
        self.endpoint = f"tcp:127.0.0.1:{facts['port']}"

    def handled(self) -> int:
        """Messages that its handler has been given. Raises OwnServerFailed."""
        return int(self._ask()["handled"])

    def stop(self) -> None:
        """End it."""
        process = self._process
        if process is not None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        self._folder.cleanup()

    def _ask(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            said = self._log.read_text(errors="replace").strip()[-2000:]
            raise OwnServerFailed(f"the bench's own server ended: {said or 'it said nothing'}")
        facts: dict[str, Any] = json.loads(line)
        return facts
