"""How fast the UDP driver is: a file from one process to another over loopback, and what idle channels cost.

    python -m benchmarks.p2p.loopback [--seconds 5] [--size 1200] [--cipher aes-128-gcm] [--plain]
    python -m benchmarks.p2p.loopback --idle 100

`--plain` sends each datagram by a call of its own, `--size` keeps datagrams at so many bytes. Says one JSON object.
This process is one end, with all of the product's driver and reactor; a second one, which it starts, is the other.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from typing import Any

from twisted.application.reactors import installReactor

HOST = "127.0.0.1"
CHUNK = bytes(range(256)) * 256
FILES = 2


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to send, or to be idle")
    parser.add_argument("--size", type=int, help="bytes of a datagram; by default what the path is found to carry")
    parser.add_argument("--cipher", default="aes-128-gcm", choices=["aes-128-gcm", "chacha20-poly1305"])
    parser.add_argument("--plain", action="store_true", help="no segmentation offload")
    parser.add_argument("--reactor", default="epoll")
    parser.add_argument("--idle", type=int, default=0, metavar="CHANNELS", help="channels with nothing to say")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


class User:
    """The user of one channel: writes whenever there is room, or counts what comes."""

    def __init__(self, end: End, writes: bool) -> None:
        self.end = end
        self.writes = writes

    def opened(self, channel: Any) -> None:
        """Part of IP2PChannelUser."""
        self.end.opened += 1
        if self.writes:
            self.writable(channel)

    def writable(self, channel: Any) -> None:
        """Part of IP2PChannelUser."""
        while channel.is_open and not channel.is_busy:
            channel.write(FILES, CHUNK)

    def received(self, channel: Any, stream: int, data: bytes) -> None:
        """Part of IP2PChannelUser."""
        now = self.end.driver.seconds()
        if not self.end.received:
            self.end.began_at = now
        self.end.received += len(data)
        self.end.last_at = now

    def moved(self, channel: Any, address: Any) -> None:
        """Part of IP2PChannelUser."""

    def closed(self, channel: Any, code: int, reason: str, is_remote: bool) -> None:
        """Part of IP2PChannelUser."""
        self.end.ended(channel)


class End:
    """One process: its driver and its channels."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        from twisted.internet import reactor

        from esframework.net.clock import use_monotonic_time
        from esframework.net.udp import UdpDriver

        self.chosen = chosen
        self.reactor: Any = reactor
        self.received = self.opened = 0
        self.began_at = self.last_at = 0.0
        use_monotonic_time(reactor)
        self.driver = UdpDriver(reactor, hosts=[HOST])
        if chosen.plain:
            for part in self.driver._port._parts.values():
                part._segments = part._merges = False  # type: ignore[attr-defined]

    def open(self, port: int) -> None:
        """Begin all channels with the end at a port; their indexes are small numbers, as if they had been told."""
        from esframework.rudp.keys import derive

        for index in range(1, max(1, self.chosen.idle) + 1):
            keys = derive(b"server", b"shared", not self.chosen.answer, b"%d" % index, self.chosen.cipher)
            user = User(self, writes=not self.chosen.idle and not self.chosen.answer)
            self.driver.open(keys, index, index, (HOST, port), user, round_trip=0.001)  # type: ignore[arg-type]

    def ended(self, channel: Any) -> None:
        """The last channel of the answering end is over: it says what came."""
        if self.chosen.answer and not self.driver.channels[1:] and self.reactor.running:
            took = self.last_at - self.began_at
            say({"bytes": self.received, "seconds": took, "cpu": cpu()} | dict(channel.facts()))
            self.reactor.callLater(0, self.reactor.stop)


def cpu() -> float:
    """Seconds of processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def say(what: dict[str, Any]) -> None:
    """Tell the process at the other end of the pipe."""
    print(json.dumps(what), flush=True)


def answer(chosen: argparse.Namespace) -> None:
    """The end that receives."""
    end = End(chosen)
    say({"port": end.driver.port})
    end.open(json.loads(sys.stdin.readline())["port"])
    end.reactor.run()


def ask(chosen: argparse.Namespace) -> None:
    """The end that sends, and says how it went."""
    command = [sys.executable, "-m", "benchmarks.p2p.loopback", "--answer", *sys.argv[1:]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        end = End(chosen)
        port = json.loads(other.stdout.readline())["port"]
        print(json.dumps({"port": end.driver.port}), file=other.stdin, flush=True)
        end.open(port)
        begin = cpu()
        facts: list[dict[str, Any]] = []

        def finish() -> None:
            facts.append(dict(end.driver.channels[0].facts()))
            facts.append({"cpu": cpu() - begin, "opened": end.opened})
            end.driver.abort()
            end.reactor.stop()

        end.reactor.callLater(chosen.seconds, finish)
        end.reactor.run()
        there = json.loads(other.stdout.readline())
    report(chosen, facts, there)


def report(chosen: argparse.Namespace, facts: list[dict[str, Any]], there: dict[str, Any]) -> None:
    """One object of what was measured."""
    sender, used = facts
    said: dict[str, Any] = {
        "channels": used["opened"],
        "cpu_sender": round(used["cpu"] / chosen.seconds, 4),
        "cpu_receiver": round(there["cpu"] / chosen.seconds, 4),
        "datagram_size": sender["datagram_size"],
        "datagrams": sender["datagrams_sent"],
        "acknowledgements": sender["datagrams_received"],
        "lost": sender["datagrams_lost"],
        "round_trip_ms": round(sender["round_trip"] * 1000, 3),
    }
    if not chosen.idle:
        said["mbit_s"] = round(there["bytes"] * 8e-6 / there["seconds"], 1)
    say(said)


def main() -> None:
    """Run one end."""
    chosen = _options()
    installReactor(chosen.reactor)
    if chosen.size is not None:
        from esframework.limits import rudp

        rudp.PROBED_DATAGRAMS = tuple(size for size in (chosen.size,) if size > rudp.BASE_DATAGRAM)  # type: ignore[misc]
    (answer if chosen.answer else ask)(chosen)


if __name__ == "__main__":
    main()
