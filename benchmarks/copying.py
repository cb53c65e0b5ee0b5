"""What copies of files share: the source, the folder that they come to, and one measured copy.

Everybody copies the same source, which is in memory already, into a folder on the same file system; nobody syncs. The
copy is compared with its source afterwards, and taken away. It refuses to know who copies, and how.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import always_there
from benchmarks.process import BenchmarkError, Process, machine_cpu_seconds

MIB = 1024 * 1024
IN_MEMORY = Path("/dev/shm")
ROOM = 4 * 1024 * MIB
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Copying:
    """A contestant that is ready. `copy` returns after the copy is whole at `into / source.name`, with metrics of its
    own, `seconds` among them; `processes` are those whose CPU time is the servers'."""

    copy: Callable[[Path], dict[str, float]]
    processes: tuple[Process, ...] = ()


@dataclass(frozen=True, slots=True)
class Copyist:
    """A contestant: `start` gets a stack for what is to be ended, a folder of its own, and the one for copies."""

    name: str
    start: Callable[[ExitStack, Path, Path], Copying]
    absent: Callable[[], str | None] = field(default=always_there)


@contextmanager
def working_folder() -> Iterator[Path]:
    """A folder for sources and copies, in memory where there is room, so that no disk is measured."""
    roomy = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM
    with tempfile.TemporaryDirectory(prefix="esframework-bench-", dir=IN_MEMORY if roomy else None) as folder:
        yield Path(folder)


def make_file(path: Path, size: int) -> Path:
    """A file that no link could compress."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "little") + block[8:])
    return path


def make_folder(path: Path, files: int, size: int) -> Path:
    """A folder of so many files, a hundred to a folder in it."""
    for number in range(files):
        parent = path / f"{number // 100:04}"
        if number % 100 == 0:
            parent.mkdir(parents=True)
        (parent / f"{number % 100:02}.bin").write_bytes(os.urandom(size))
    return path


def size_of(path: Path) -> int:
    """Bytes of content in a file or folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def measure_copy(name: str, copying: Copying, source: Path, into: Path, amount: float) -> dict[str, float]:
    """One copy, checked; `amount` is what a second's rate counts. Raises `BenchmarkError` for a copy that is none."""
    into.mkdir()
    machine, before = machine_cpu_seconds(), [process.cpu_seconds() for process in copying.processes]
    began = time.perf_counter()
    figures = copying.copy(source)
    wall = time.perf_counter() - began
    served = sum(p.cpu_seconds() - at for p, at in zip(copying.processes, before, strict=True))
    everybody = machine_cpu_seconds() - machine
    seconds = figures.pop("seconds")
    sent = figures.pop("sender_cpu_seconds", 0.0)
    check_same(name, source, into / source.name)
    shutil.rmtree(into)
    return figures | {
        "rate": amount / seconds,
        "server_cpu": served / seconds,
        "generator_cpu": sent / seconds,
        "others_cpu": max(0.0, everybody - served - sent) / wall,
    }


def check_same(name: str, source: Path, copy: Path) -> None:
    """Raises `BenchmarkError` unless a copy is like its source."""
    if not copy.exists():
        raise BenchmarkError(f"{name}: there is no {copy}")
    if source.is_file():
        same = filecmp.cmp(source, copy, shallow=False)
    else:
        files = sorted(path.relative_to(source) for path in source.rglob("*"))
        same = files == sorted(path.relative_to(copy) for path in copy.rglob("*"))
        pairs = ((source / file, copy / file) for file in files if (source / file).is_file())
        same = same and all(filecmp.cmp(*pair, shallow=False) for pair in pairs)
    if not same:
        raise BenchmarkError(f"{name}: {copy} is not like {source}")


def run_sender(name: str, command: list[str], log: Path) -> dict[str, float]:
    """A program that copies once and prints `seconds` and `cpu_seconds`, as metrics."""
    with Process(f"{name}, sending", command, log) as process:
        line = process.result(PATIENCE)
    figures = {key: float(value) for key, value in line.items() if key not in ("event", "cpu_seconds")}
    return figures | {"sender_cpu_seconds": float(line["cpu_seconds"])}
