"""`server.diagnostics` and `client.diagnostics`: what handlers do, for people who ask (manual, chapter 12).

The figures are `machine`'s; here they get the time, the worker pool, and a place in the log.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted.logger import Logger

from esframework.interfaces import IContext, Registrations
from esframework.managers.diagnostics.machine import HandlerRecords, InformationStatistics, UncommittedRecord
from esframework.net.threads import hops_to_reactor

_log = Logger()


class Diagnostics:
    """What the engine's handlers do and did (manual: IDiagnosticsViewer), while the option `diagnostics` is on.

    `begun` and `ended` are the handler model's; `begun` may be called in any thread, `ended` in the reactor's. Times of
    day are in UTC; they are reckoned back from now, so that a wall clock that was set moves them all alike.
    """

    def __init__(self, context: IContext) -> None:
        self._context = context
        self.reactor = context.clock
        self._records = HandlerRecords(context.clock.seconds)
        self._logged_at = context.clock.seconds()
        # Not methods, to save each message two calls.
        self.begun = self._records.begun
        self.ended = self._records.ended

    @property
    def enabled(self) -> bool:
        """Whether handlers are observed; otherwise there is nothing to see but the worker pool."""
        return bool(self._context.options.diagnostics)

    @hops_to_reactor
    def statistics(self) -> list[InformationStatistics]:
        """For each information type and style since the start: count, failures, the last ten records."""
        return self._records.statistics(datetime.now(UTC))

    @hops_to_reactor
    def uncommitted(self) -> list[UncommittedRecord]:
        """What is being handled right now, the oldest first: here is what hangs."""
        return self._records.uncommitted(datetime.now(UTC))

    @hops_to_reactor
    def worker_pool(self) -> Any:
        """The task queue now, a `TaskQueueInfo`; None in direct mode, which has no workers, and so on clients."""
        info = getattr(self._context.model, "info", None)
        return None if info is None else info()

    def report(self) -> str:
        """All of it as lines of text, as in the periodic log."""
        return "\n".join(
            [
                *(_pool_line(pool) for pool in [self.worker_pool()] if pool is not None),
                *map(_statistics_line, self.statistics()),
                *map(_uncommitted_line, self.uncommitted()),
            ]
        )

    def registrations(self) -> Registrations:
        """What this half brings to an engine."""
        return Registrations(facade=self, sweep=self._sweep)

    def _sweep(self, now: float) -> None:
        interval = self._context.options.diagnostics_log_interval
        if self.enabled and interval > 0 and now - self._logged_at >= interval:
            self._logged_at = now
            _log.info("diagnostics:\n{report}", report=self.report() or "nothing was handled yet")


def _pool_line(pool: Any) -> str:
    return (
        f"  workers: {pool.working} handlers at work in {pool.threads} threads, {pool.waiting} messages waiting, "
        f"{pool.highest} at the highest"
    )


def _statistics_line(row: InformationStatistics) -> str:
    kind = "other types" if row.information_type is None else f"type {row.information_type}"
    durations = " ".join(f"{record.duration:.1f}" for record in row.last_records)
    return f"  {kind} {row.style}: {row.count} handled, {row.failures} failed; last ms: {durations or 'none'}"


def _uncommitted_line(record: UncommittedRecord) -> str:
    return (
        f"  in hand: type {record.information_type} {record.style}, id {record.id}, "
        f"since {record.start:%Y-%m-%d %H:%M:%S} UTC ({record.age / 1000:.1f} s)"
    )
