"""Eclipse Mosquitto, QoS 0 without persistence: Debian's package ``mosquitto``."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.peers import Contestant

SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
set_tcp_nodelay true
log_type none
"""


def _program() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _absent() -> str | None:
    return None if _program() else "mosquitto is not installed (apt-get install mosquitto)"


def _command(port: int, folder: Path) -> list[str]:
    settings = folder / "mosquitto.conf"
    settings.write_text(SETTINGS.format(port=port))
    return [_program() or "mosquitto", "-c", str(settings)]


MOSQUITTO = Contestant("mosquitto", "mqtt", _command, _absent)
