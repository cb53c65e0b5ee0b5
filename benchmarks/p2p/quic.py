"""QUIC by aioquic, with a congestion control of its name, in a role of `traffic`: a stream, no messages."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import ssl
from typing import Any

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from benchmarks.p2p.traffic import CHUNK, Arrivals, options, say

PROTOCOL = ["benchmark"]
WINDOW = 16 << 20
"""Bytes of flow control: as much as ours grows to, so that it is not what is measured."""
BACKLOG = 1 << 20


class Receiving(QuicConnectionProtocol):  # type: ignore[misc]
    """Counts what comes. `arrivals` and `over` are set on the class, before any connection."""

    arrivals: Arrivals
    over: asyncio.Event

    def quic_event_received(self, event: QuicEvent) -> None:
        """Count, and say when it is enough."""
        if isinstance(event, StreamDataReceived) and self.arrivals.came(len(event.data)):
            self.over.set()


class Sending(QuicConnectionProtocol):  # type: ignore[misc]
    """Keeps a stream full for ever."""

    stream: int | None = None

    def transmit(self) -> None:
        """Fill the stream before anything leaves. What waits in it is told by no public name."""
        if self.stream is not None:
            sender = self._quic._streams[self.stream].sender
            while sender._buffer_stop - sender._buffer_start < BACKLOG:
                self._quic.send_stream_data(self.stream, CHUNK)
        super().transmit()


def _configuration(chosen: argparse.Namespace, is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=is_client,
        alpn_protocols=PROTOCOL,
        congestion_control_algorithm=chosen.algorithm,
        max_datagram_size=chosen.size,
        max_data=WINDOW,
        max_stream_data=WINDOW,
        verify_mode=ssl.CERT_NONE,
    )


def _certified(configuration: QuicConfiguration) -> QuicConfiguration:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    configuration.certificate, configuration.private_key = builder.sign(key, SHA256()), key
    return configuration


async def receive(chosen: argparse.Namespace) -> None:
    """Count what comes."""
    Receiving.arrivals = arrivals = Arrivals(chosen.seconds)
    Receiving.over = over = asyncio.Event()
    configuration = _certified(_configuration(chosen, False))
    await serve(chosen.here, chosen.port, configuration=configuration, create_protocol=Receiving)
    say(ready=True)
    while not arrivals.is_over() and not over.is_set():
        await asyncio.sleep(0.1)
    arrivals.report()


async def send(chosen: argparse.Namespace) -> None:
    """Send for ever."""
    configuration = _configuration(chosen, True)
    sending: Any
    async with connect(chosen.there, chosen.port, configuration=configuration, create_protocol=Sending) as sending:
        sending.stream = sending._quic.get_next_available_stream_id()
        sending._quic.send_stream_data(sending.stream, CHUNK)
        sending.transmit()
        await asyncio.Event().wait()


def main() -> None:
    """Do what the command line says."""
    chosen = options()
    asyncio.run({"receive": receive, "send": send}[chosen.role](chosen))


if __name__ == "__main__":
    main()
