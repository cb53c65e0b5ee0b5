"""python -m tests.nat: who reaches whom through which NATs, and how long it takes, with real clients; as a table.

Needs what the tests of the lab need: root, and the programs that make networks (see CONTRIBUTING.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from tests.nat.lab import Lab
from tests.nat.matrix import Met, met
from tests.nat.people import started_server
from tests.nat.places import ALL, BY_CHANCE, WAYS, Map, Places


def table(meetings: Mapping[Places, Met]) -> str:
    """What came of the meetings, a line each."""
    lines = [f"{'':41}{'TCP':>16}{'UDP':>16}{'longest silence':>18}"]
    for places, meeting in meetings.items():
        cells = [_cell(meeting, mode) for mode in WAYS]
        lines.append(f"{places[0]:20} {places[1]:20}{cells[0]:>16}{cells[1]:>16}{meeting.silence * 1000:>15.0f} ms")
    return "\n".join(lines)


def _cell(meeting: Met, mode: str) -> str:
    opened = meeting.opened.get(mode)
    if opened is None:
        return ""
    return f"{opened.seconds * 1000:.0f} ms" if opened.protocol else f"- ({opened.seconds:.1f} s)"


def surprises(meetings: Mapping[Places, Met]) -> list[str]:
    """Where it came out otherwise than it must."""
    return [
        f"{' - '.join(places)}: {mode} {'works' if opened.protocol else 'does not work'}: {opened.why}"
        for places, meeting in meetings.items()
        for mode, opened in meeting.opened.items()
        if bool(opened.protocol) is not WAYS[mode][places] and not (mode == "TCP" and places in BY_CHANCE)
    ]


async def main(reactor: Any) -> None:
    """Prints the table; ends with 1 if it is not the one that must come out."""
    with Lab() as lab, TemporaryDirectory() as folder:
        server = await started_server(lab, Path(folder)).ready()
        meetings = await met(Map(lab), ALL)
        await server.end()
    print(table(meetings))
    print("Times until a channel was open; -: there is none, and the server carried everything, as it did before.")
    wrong = surprises(meetings)
    if wrong:
        sys.exit("Not as it must be:\n" + "\n".join(wrong))


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("The lab makes network namespaces, which only root may; or whoever says: unshare -rn make nat-lab")
    react(lambda reactor: ensureDeferred(main(reactor)))
