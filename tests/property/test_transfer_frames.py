"""Frames of transfers from somebody who means no good: nothing fails, nothing is written that was not accepted, and
nobody else's transfer notices."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from esframework import limits
from esframework.filesystem.digests import algorithms
from esframework.managers.files.contracts import (
    ANSWER_DETAILS,
    ANSWERED_ELSEWHERE,
    CANCEL,
    DETAILS,
    ENDED,
    FILE,
    GRANT,
    OUR_FILE,
    PROJECT,
    STARTED,
    AnswerDetailsBody,
    AnsweredElsewhereBody,
    CancelBody,
    DetailsBody,
    EndedBody,
    FileBody,
    GrantBody,
    OurFileBody,
    ProjectBody,
    StartedBody,
)
from esframework.managers.files.options import SendingParameters
from esframework.managers.files.packages import encode_package
from esframework.managers.files.transfer import Transfer
from esframework.testing import MemoryNetwork
from esframework.wire.contracts import (
    ANSWER_FILE,
    BEGIN_FILE,
    AnswerFile6,
    AnswerFile7,
    BeginFile6,
    BeginFile7,
)
from esframework.wire.types import SERVER_ID, MessageType
from tests.peers import FramePeer
from tests.transfers import House

TYPES = [*range(301, 309), *range(1080, 1088)]
# What a sender says, in the order in which it would.
LIKELY = [1080, 301, 1082, 303, 303, 303, 303, 303, 1084]
NAMES = [
    *("file", "one", "two", "three", "a", "a/b", "é"),
    *("../outside", "/outside", r"C:\outside", "..", "", "nul\0", "x" * 300, r"file\..\..\out"),
]
LARGEST = 5000
SIZES = [0, 1, 10, LARGEST]
NUMBERS = [*SIZES, 2**31, 2**63, 2**64 - 1]
OURS = "esframework-python/1.0"


class Villain:
    """A client whose frames are valid, nearly valid or nothing at all, and of anybody's transfers."""

    def __init__(self, network: MemoryNetwork, random: Random, ids: list[str]) -> None:
        self.network = network
        self.random = random
        self.ids = ids
        self.is_ours = random.random() < 0.5
        self.generation = random.choice([6, 7])
        self.step = 0
        self.to = SERVER_ID
        self.id = ids[0]
        self.peer = self._peer()

    def _peer(self) -> FramePeer:
        more = {"authorized_user": OURS} if self.is_ours else {}
        return FramePeer(self.network, "mallory", generation=self.generation, **more).online()  # type: ignore[arg-type]

    def act(self) -> None:
        """One frame; a server may end the connection for it, and then there is a new one."""
        random = self.random
        self.step += 1
        if random.random() < 0.1:
            self.step = 0
            self.to = random.choice([SERVER_ID, SERVER_ID, "bob", "bob", "alice", "nobody"])
            self.id = random.choice(self.ids)
        is_likely = random.random() < 0.8
        message_type = LIKELY[self.step % len(LIKELY)] if is_likely else random.choice(TYPES)
        body = self._body(message_type, self.id if is_likely else random.choice(self.ids))
        if random.random() < 0.03:
            body = self._spoiled(body)
        self.peer.send(message_type, body, random.choice([0, 1, 7, 2**31 - 1]), to=self.to)
        for frame in self.peer.take(MessageType.BEGIN_FILE):
            begin: Any = BEGIN_FILE[self.generation].decode(frame.body)  # type: ignore[attr-defined]
            self.ids.append(begin.project_id)
        if not self.peer.is_connected:
            self.peer = self._peer()

    def _spoiled(self, body: bytes) -> bytes:
        random, spoiled = self.random, bytearray(body)
        match random.randrange(4):
            case 0:
                return random.randbytes(random.randrange(60))
            case 1:
                return bytes(spoiled[: random.randrange(len(spoiled) + 1)])
            case 2:
                spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
            case 3:
                spoiled += b"\0" * random.randrange(1, 9)
        return bytes(spoiled)

    def _body(self, message_type: int, id: str) -> bytes:
        bodies: dict[int, Callable[[str], bytes]] = {
            MessageType.BEGIN_FILE: self._begin,
            MessageType.ANSWER_FILE: self._answer,
            MessageType.FILE_PACKAGE: self._package,
            MessageType.SENDER_CANCELS_FILE: self._cancel,
            MessageType.RECEIVER_CANCELS_FILE: self._cancel,
            MessageType.FILE_ANSWERED_ELSEWHERE: lambda id: ANSWERED_ELSEWHERE.encode(
                AnsweredElsewhereBody(self.random.random() < 0.5, 1, id)
            ),
            MessageType.FILE_DETAILS: self._details,
            MessageType.FILE_ANSWER_DETAILS: self._answer_details,
            MessageType.FILE_STARTED: lambda id: STARTED.encode(StartedBody(project_id=id, skipped=self._skipped())),
            MessageType.FILE_GRANTED: lambda id: GRANT.encode(GrantBody(self._number(), id)),
            MessageType.FILE_ENDED: lambda id: ENDED.encode(EndedBody(self.random.choice([b"", bytes(32)]), id)),
        }
        make = bodies.get(message_type)
        return PROJECT.encode(ProjectBody(id)) if make is None else make(id)

    def _skipped(self) -> int:
        return self.random.choice([0, 0, 0, self._number()])

    def _number(self) -> int:
        return self.random.choice(NUMBERS)

    def _cancel(self, id: str) -> bytes:
        return CANCEL.encode(CancelBody(self.random.choice([None, "why", "x" * 5000]), self.random.random() < 0.5, id))

    def _begin(self, id: str) -> bytes:
        random = self.random
        facts: dict[str, Any] = {
            "comment": random.choice([None, "comment"]),
            "is_folder": random.random() < 0.5,
            "last_update_time": datetime(1970, 1, 1) + timedelta(days=random.randrange(-700_000, 2_900_000)),
            "origin_path": random.choice(NAMES),
            "project_id": id,
            "total_size": random.choice(SIZES),
        }
        begin = BeginFile6(**facts) if self.generation == 6 else BeginFile7(**facts, sender_client_type=1)
        return bytes(BEGIN_FILE[self.generation].encode(begin))  # type: ignore[attr-defined]

    def _answer(self, id: str) -> bytes:
        facts: dict[str, Any] = {
            "agree": self.random.random() < 0.8,
            "disrupted_received_count": self._number(),
            "disrupted_relative_path": self.random.choice([None, *NAMES]),
            "disrupted_size": self._number(),
            "project_id": id,
            "received_count": self._number(),
            "reject_cause": self.random.choice([None, "no"]),
        }
        answer = AnswerFile6(**facts) if self.generation == 6 else AnswerFile7(**facts, answer_client_type=1)
        return bytes(ANSWER_FILE[self.generation].encode(answer))  # type: ignore[attr-defined]

    def _package(self, id: str) -> bytes:
        random = self.random
        kind = random.choice([0, 0, 1, 2, 3, 9])
        size, name = random.choice([*SIZES, 1, 1, 2**63]), random.choice(NAMES)
        data: bytes | None = random.choice([None, b"", bytes(random.choice(SIZES[1:]))])
        if kind == 1:
            ours = OUR_FILE.encode(OurFileBody(size, False, random.choice([0, -(2**63), 2**63 - 1]), name))
            data = random.choice([ours, FILE.encode(FileBody(size, name))])
        elif kind == 2:
            data = name.encode()
        return encode_package(id.encode(), kind, 1, data)

    def _details(self, id: str) -> bytes:
        random = self.random
        return DETAILS.encode(
            DetailsBody(
                digests=random.choice([["crc"], [*algorithms()], [*algorithms()], [*algorithms()]]),
                files=random.choice([0, -1, 2**31 - 1]),
                is_executable=True,
                modified_at=random.choice([0, -(2**63), 2**63 - 1]),
                name=random.choice(NAMES),
                only_by_channel=random.choice([False, False, True]),
                project_id=id,
                subject=random.choice(["", "offline", "disk"]),
            )
        )

    def _answer_details(self, id: str) -> bytes:
        digest, prefix = self.random.choice(["", "crc", *algorithms()]), self.random.choice([b"", b"x" * 32])
        return ANSWER_DETAILS.encode(AnswerDetailsBody(digest, self._number(), prefix, id))


def honest(network: MemoryNetwork, house: House, root: Path) -> list[Transfer]:
    """Transfers that others have under way, slowly."""
    slowly = SendingParameters(rate_limit=40_000)
    transfers = []
    for number, (files, target, _, _) in enumerate(house.ways()):
        path = root / f"honest {number}"
        path.write_bytes(Random(number).randbytes(200_000))
        transfers.append(network.run(files.send(target, path, parameters=slowly)))
    network.advance(0.3)
    return transfers


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_whoever_means_no_good_harms_nobody(seed: int) -> None:
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        network = MemoryNetwork(seed)
        house = House(network, root)
        transfers = honest(network, house, root)
        bait = root / "bait"
        bait.write_bytes(bytes(LARGEST))
        villain = Villain(network, random, ["one", "two", *(transfer.id for transfer in transfers)])
        for _ in range(random.randrange(1, 120)):
            villain.act()
            if random.random() < 0.05:
                files = random.choice([house.server.files, house.alice.files])
                network.run(files.send("mallory", bait))
            if random.random() < 0.2:
                network.advance(random.random())
        network.advance(limits.FILE_SILENCE + 10)
        for number, transfer in enumerate(transfers):
            assert transfer.state.value == "completed", transfer
            assert (house.folder / f"honest {number}").read_bytes() == (root / f"honest {number}").read_bytes()
        assert house.bob.connected and house.alice.connected
        for files in (house.alice.files, house.bob.files, house.server.files):
            for transfer in files.transfers():
                # Whom somebody else has offered something, and has not answered.
                assert "mallory" in (transfer.sender, transfer.receiver) and transfer.state.value == "offered"
        for path in house.folder.rglob("*"):
            assert path.name.startswith("honest") or not path.is_file() or path.stat().st_size <= LARGEST, path
        expected = {"received", "server state", "bob's state", "bait", *(f"honest {number}" for number in range(3))}
        assert {path.name for path in root.iterdir()} <= expected
        network.close()
