"""The C load generator from Python: compiled once per version of its source, run as a process.

It refuses to know whom it loads. `compiled` serves whatever else of the benchmarks is written in C.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.process import BenchmarkError, Process

SOURCE = Path(__file__).with_name("load.c")
FLAGS = ("-O2", "-Wall", "-Wextra")


def compiled(source: Path = SOURCE) -> Path:
    """The binary of one C file, built into the temporary folder unless this very source was built before."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    binary = Path(tempfile.gettempdir()) / f"esframework-{source.stem}-{os.getuid()}-{digest}"
    if binary.exists():
        return binary
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BenchmarkError(f"{source.name} needs a C compiler (cc)")
    unfinished = binary.with_suffix(f".{os.getpid()}")
    done = subprocess.run([compiler, *FLAGS, "-o", str(unfinished), str(source)], capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkError(f"{source.name} does not compile: {done.stderr}")
    unfinished.replace(binary)
    return binary


def start(mode: str, protocol: str, port: int, log: Path, **options: float | int) -> Process:
    """Start the generator; keyword arguments are its options (``warm_up=1`` is ``--warm-up 1``)."""
    command = [str(compiled()), "--mode", mode, "--protocol", protocol, "--port", str(port)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    return Process(f"load generator ({mode}, {protocol})", command, log)
