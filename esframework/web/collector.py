"""A server engine's figures as Prometheus metrics, read from the engine when somebody asks and kept nowhere.

Needs the extra `metrics`: import it only where figures are served. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from esframework.web.rendezvous_collector import rendezvous_metrics

SLOW_CLIENTS = 10
"""The slowest clients that are named: each is a time series of its own for Prometheus."""


def registry_of(engine: Any) -> CollectorRegistry:
    """A registry of its own for one server engine and the process around it."""
    registry = CollectorRegistry()
    registry.register(EngineCollector(engine))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class EngineCollector(Collector):
    """Reads one `ServerEngine`; in the reactor's thread."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        yield from self._people()
        yield from self._traffic()
        yield from self._queues()
        yield from self._handlers()
        yield from self._task_queue()

    def _people(self) -> Iterator[Metric]:
        yield _gauge("users_online", "Users that are logged on.", self._engine.users.count)
        yield _gauge("connections", "Connections, logged on or not.", self._engine.connection_count)

    def _traffic(self) -> Iterator[Metric]:
        engine = self._engine
        yield _counter("frames_received", "Frames taken from logged-on clients.", engine.frames_received)
        yield _gauge("open_requests", "Requests of the server that wait for an answer.", len(engine.calls))
        if "contacts" in engine.dispatcher.names():
            contacts = engine.manager("contacts")
            yield _counter("presence_notices", "Notices of comings and goings.", contacts.notices_sent)
            yield _counter("broadcast_copies", "Copies of broadcasts that were queued.", contacts.copies_sent)
            passed_over = contacts.copies_passed_over
            yield _counter("broadcast_passed_over", "Copies that busy members did without.", passed_over)
        if "delivery" in engine.dispatcher.names():
            delivery = engine.manager("delivery")
            messages, size = delivery.waiting
            yield _gauge("delivery_messages", "Messages of delivery that are held in mailboxes.", messages)
            yield _gauge("delivery_bytes", "Bytes of their contents.", size)
            yield _gauge("delivery_mailboxes", "Users who have a mailbox.", delivery.mailboxes)
        if "p2p" in engine.dispatcher.names():
            yield from rendezvous_metrics(engine.manager("p2p").rendezvous.service)
        refusals = (([reason], count) for reason, count in sorted(engine.refusals.counts.items()))
        yield _counters("refusals", "What was refused, by reason.", ["reason"], refusals)

    def _queues(self) -> Iterator[Metric]:
        waiting = busy = 0
        for connection in self._engine.factory.connections:
            waiting += connection.outgoing.size
            busy += connection.is_busy
        yield _gauge("outgoing_bytes", "Bytes that wait for clients to take them.", waiting)
        yield _gauge("busy_connections", "Connections with more bytes waiting than the high-water mark.", busy)
        slowest = GaugeMetricFamily(
            "esframework_slow_client_bytes", "Bytes waiting for each of the slowest clients.", labels=["user_id"]
        )
        for user_id, size in self._engine.users.slow_clients(SLOW_CLIENTS):
            slowest.add_metric([user_id], size)
        yield slowest

    def _handlers(self) -> Iterator[Metric]:
        engine = self._engine
        yield _counter("handler_failures", "Application handlers that raised.", engine.model.failures)
        if "custom" in engine.dispatcher.names():
            unhandled = engine.manager("custom").unhandled
            yield _counter("unhandled", "Information that came in while there was no handler.", unhandled)
        yield _counter("reactor_blocked", "Times the reactor was held up for over a second.", engine.reactor_blocked)
        if not engine.options.diagnostics:
            return
        rows = engine.manager("diagnostics").statistics()
        labels = ["information_type", "style"]
        handled = [([_type_label(row.information_type), row.style], row) for row in rows]
        yield _counters(
            "handled", "Messages given to handlers.", labels, ((label, row.count) for label, row in handled)
        )
        yield _counters(
            "handled_failures", "Those whose handler raised.", labels, ((label, row.failures) for label, row in handled)
        )

    def _task_queue(self) -> Iterator[Metric]:
        info = self._engine.task_queue
        if info is not None:
            yield _gauge("task_queue_waiting", "Messages that wait for a worker thread.", info.waiting)
            yield _gauge("task_queue_highest", "The most that ever waited.", info.highest)
            yield _gauge("task_queue_threads", "Worker threads at the most.", info.threads)
            yield _gauge("task_queue_working", "Handlers at work, in worker threads or awaited.", info.working)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"esframework_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"esframework_{name}", about, value=value)


def _counters(name: str, about: str, labels: list[str], values: Iterable[tuple[list[str], float]]) -> Metric:
    family = CounterMetricFamily(f"esframework_{name}", about, labels=labels)
    for label, value in values:
        family.add_metric(label, value)
    return family


def _type_label(information_type: int | None) -> str:
    return "others" if information_type is None else str(information_type)
