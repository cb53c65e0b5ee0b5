"""Copies, ours and those of others: a file of 1 GiB to the server and to a client, and a folder of small files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.copying import MIB, Copying, Copyist, make_file, make_folder, measure_copy, working_folder
from benchmarks.measurement import Goal, RowResult
from benchmarks.peers.bare_copy import BARE_COPY, BARE_RELAYED
from benchmarks.peers.ftp_copy import FTP
from benchmarks.peers.our_copy import OUR_COPY, OUR_RELAYED
from benchmarks.peers.scp import SCP
from benchmarks.peers.tar_stream import TAR
from benchmarks.running import Pace

FILE_SIZE = 1024 * MIB
SMALL_FILES = 10_000
SMALL_SIZE = 4096
TO_SERVER: tuple[Copyist, ...] = (OUR_COPY, SCP, FTP, BARE_COPY)
RELAYED: tuple[Copyist, ...] = (OUR_RELAYED, SCP, BARE_RELAYED)
FOLDER: tuple[Copyist, ...] = (OUR_COPY, TAR)


def measure_file(name: str, relayed: bool, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row: every contestant copies the same file once a round."""
    way = "client → client through the server" if relayed else "client → server"
    result = RowResult(name, f"a file of 1 GiB, {way}", "MiB/s", goals, rate="mib_per_second")
    with working_folder() as folder:
        source = make_file(folder / "source.bin", FILE_SIZE)
        _measure(result, RELAYED if relayed else TO_SERVER, source, folder, FILE_SIZE / MIB, pace)
    return result


def measure_folder(name: str, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row, with a folder."""
    work = f"a folder of {SMALL_FILES:,} files of {SMALL_SIZE:,} bytes, client → server"
    result = RowResult(name, work, "files/s", goals, rate="files_per_second")
    with working_folder() as folder:
        source = make_folder(folder / "source", SMALL_FILES, SMALL_SIZE)
        _measure(result, FOLDER, source, folder, SMALL_FILES, pace)
    return result


def _measure(
    result: RowResult, contestants: Sequence[Copyist], source: Path, folder: Path, amount: float, pace: Pace
) -> None:
    with ExitStack() as stack:
        ready: list[tuple[str, Copying, Path]] = []
        for number, contestant in enumerate(contestants):
            reason = contestant.absent()
            if reason is not None:
                result.absent[contestant.name] = reason
                continue
            own, into = folder / str(number), folder / f"copies-{number}"
            own.mkdir()
            ready.append((contestant.name, contestant.start(stack, own, into), into))
        for _ in range(pace.rounds):
            for name, copying, into in ready:
                figures = measure_copy(name, copying, source, into, amount)
                result.add(name, {result.rate: figures.pop("rate"), **figures})
