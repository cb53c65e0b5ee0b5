"""What a benchmark row is made of: figures, goals, and the verdict over them. Pure data and arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS = "esframework"


@dataclass(frozen=True, slots=True)
class Goal:
    """What ours must reach: `limit` times the peer's median, or `limit` itself when there is no peer."""

    limit: float
    against: str | None = None
    metric: str = "per_second"
    at_most: bool = False

    def text(self) -> str:
        """The goal as the table shows it."""
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.limit:g} × {self.against}" if self.against else f"{sign} {self.limit:,.0f}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal after the run. `met` is None when a side was not measured."""

    goal: Goal
    ours: float | None
    peer: float | None
    ratio: float | None
    met: bool | None

    def text(self) -> str:
        """One word, and for a missed goal by how much."""
        if self.met is None or self.ratio is None:
            return "not measured"
        if self.met:
            return "met"
        target = self.goal.limit if self.goal.against else 1.0
        return f"missed by {abs(1 - self.ratio / target):.0%}"


@dataclass(slots=True)
class RowResult:
    """All figures of one kind of work: contestant → one dictionary of metrics a round."""

    name: str
    work: str
    unit: str
    goals: tuple[Goal, ...]
    rate: str = "per_second"
    figures: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, contestant: str, metrics: dict[str, float]) -> None:
        """Keep one round's metrics."""
        self.figures.setdefault(contestant, []).append(metrics)

    def median(self, contestant: str, metric: str | None = None) -> float | None:
        """The median over the rounds, of the rate or of another metric; None when it was not measured."""
        metric = metric or self.rate
        values = [figures[metric] for figures in self.figures.get(contestant, ()) if metric in figures]
        return median(values) if values else None

    def verdicts(self) -> list[Verdict]:
        """Every goal against what was measured."""
        return [self._verdict(goal) for goal in self.goals]

    def _verdict(self, goal: Goal) -> Verdict:
        ours = self.median(OURS, goal.metric)
        peer = self.median(goal.against, goal.metric) if goal.against else None
        base = peer if goal.against else goal.limit
        if ours is None or not base:
            return Verdict(goal, ours, peer, None, None)
        ratio = ours / base
        bar = goal.limit if goal.against else 1.0
        return Verdict(goal, ours, peer, ratio, ratio <= bar if goal.at_most else ratio >= bar)

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``--json``."""
        verdicts = [
            {"goal": v.goal.text(), "metric": v.goal.metric, "ours": v.ours, "peer": v.peer}
            | {"ratio": v.ratio, "met": v.met}
            for v in self.verdicts()
        ]
        return {
            "name": self.name,
            "work": self.work,
            "unit": self.unit,
            "rounds": self.figures,
            "absent": self.absent,
            "verdicts": verdicts,
        }
