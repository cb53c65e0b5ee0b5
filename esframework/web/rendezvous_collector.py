"""A P2P server's figures as Prometheus metrics, read when somebody asks and kept nowhere.

Needs the extra `metrics`: import it only where figures are served. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from esframework.net.rendezvous import RendezvousService


def rendezvous_registry_of(service: RendezvousService) -> CollectorRegistry:
    """A registry of its own for a P2P server that stands alone, and the process around it."""
    registry = CollectorRegistry()
    registry.register(RendezvousCollector(service))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class RendezvousCollector(Collector):
    """Reads one `RendezvousService`; in the reactor's thread."""

    def __init__(self, service: RendezvousService) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        return rendezvous_metrics(self._service)


def rendezvous_metrics(service: RendezvousService) -> Iterator[Metric]:
    """A P2P server's figures, within a server engine or alone."""
    for name, about, count in (
        ("requests", "Requests to the P2P server, by UDP and TCP.", service.requests),
        ("answers", "Those that were answered.", service.answers),
        ("connections_told", "TCP connections that were told how they are seen.", service.connections_told),
    ):
        yield CounterMetricFamily(f"esframework_p2p_{name}", about, value=count)
    refused = CounterMetricFamily("esframework_p2p_refused", "What was not answered, by reason.", labels=["reason"])
    for reason, count in sorted(service.refused.items()):
        refused.add_metric([reason], count)
    yield refused
    connections = service.connections
    yield GaugeMetricFamily("esframework_p2p_connections", "TCP connections that are open now.", value=connections)
    counted = service.answering.addresses_counted
    yield GaugeMetricFamily("esframework_p2p_addresses", "Addresses whose requests are counted.", value=counted)
