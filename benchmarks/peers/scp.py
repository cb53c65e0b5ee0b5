"""OpenSSH's `scp` through an `sshd` of the benchmark's own, with throwaway keys and default ciphers: Debian's packages
`openssh-client` and `openssh-server`.

What counts is the copy: the time that scp needs for an empty file, its handshake, is measured and taken off.
"""

from __future__ import annotations

import getpass
import os
import resource
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.copying import PATIENCE, Copying, Copyist
from benchmarks.process import BenchmarkError, Process, free_port

NEEDED = ("scp", "ssh-keygen", "sshd")
SETTINGS = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _absent() -> str | None:
    missing = [name for name in NEEDED if _program(name) is None]
    return f"{missing[0]} is not installed (apt-get install openssh-client openssh-server)" if missing else None


def _start(stack: ExitStack, folder: Path, into: Path) -> Copying:
    port = free_port()
    for key in ("host_key", "user_key"):
        command = [str(_program("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    (folder / "sshd_config").write_text(SETTINGS.format(port=port, folder=folder))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it leaves its privileges behind
    command = [str(_program("sshd")), "-D", "-e", "-f", str(folder / "sshd_config")]
    server = stack.enter_context(Process("sshd", command, folder / "sshd.log"))
    server.wait_for_port(port)
    options = ["-q", "-B", "-P", str(port), "-i", str(folder / "user_key"), "-F", "none"]
    options += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder / 'known_hosts'}"]
    target = f"{getpass.getuser()}@127.0.0.1:{into}/"
    empty = folder / "empty"
    empty.touch()

    def scp(source: Path) -> tuple[float, float]:
        before, began = _children_seconds(), time.perf_counter()
        done = subprocess.run(
            [str(_program("scp")), *options, str(source), target], capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode:
            raise BenchmarkError(f"scp failed ({done.returncode}): {done.stderr.strip()} {server.last_words()}")
        return time.perf_counter() - began, _children_seconds() - before

    def copy(source: Path) -> dict[str, float]:
        handshake, _ = scp(empty)
        (into / empty.name).unlink()
        seconds, cpu = scp(source)
        return {"seconds": seconds - handshake, "sender_cpu_seconds": cpu}

    return Copying(copy, (server,))


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


SCP = Copyist("scp", _start, _absent)
