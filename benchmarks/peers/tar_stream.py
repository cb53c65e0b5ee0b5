"""A folder as `tar cf - | nc` and `nc | tar xf -` would send it: tar at both ends of a plain socket on loopback.

Here the socket itself is tar's output and input, which spares the copying of nc. Nothing is checked, nothing can be
resumed.
"""

from __future__ import annotations

import resource
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.copying import PATIENCE, Copying, Copyist
from benchmarks.process import BenchmarkError


def _absent() -> str | None:
    return None if shutil.which("tar") else "tar is not installed (apt-get install tar)"


def _start(stack: ExitStack, folder: Path, into: Path) -> Copying:
    def copy(source: Path) -> dict[str, float]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            leaving = socket.create_connection(listener.getsockname())
            arriving, _ = listener.accept()
        before, began = _children_seconds(), time.perf_counter()
        packing = subprocess.Popen(["tar", "cf", "-", "-C", str(source.parent), source.name], stdout=leaving.fileno())
        unpacking = subprocess.Popen(["tar", "xf", "-", "-C", str(into)], stdin=arriving.fileno())
        leaving.close()
        arriving.close()
        if packing.wait(PATIENCE) or unpacking.wait(PATIENCE):
            raise BenchmarkError(f"tar failed ({packing.returncode}, {unpacking.returncode})")
        return {"seconds": time.perf_counter() - began, "sender_cpu_seconds": _children_seconds() - before}

    return Copying(copy)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


TAR = Copyist("tar stream", _start, _absent)
