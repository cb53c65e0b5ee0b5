"""What a measurement gives: figures of contestants in cases, goals for ours, and whether they are met. Only arithmetic.

A case is a state of the link, such as a loss of 1 %. Each figure is measured in several rounds; medians are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """In `case` the `contestant` reaches `limit`, or `limit` times what `against` does there. No case: in all."""

    contestant: str
    metric: str
    limit: float
    against: str | None = None
    case: str | None = None
    at_most: bool = False

    def text(self) -> str:
        """As the table shows it."""
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.limit:g} × {self.against}" if self.against else f"{sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal in one case after the run; `is_met` is None when a side was not measured."""

    goal: Goal
    case: str
    figure: float | None
    bar: float | None
    is_met: bool | None

    def text(self) -> str:
        """In a word or two."""
        if self.is_met is None or self.figure is None or not self.bar:
            return "not measured"
        return "met" if self.is_met else f"missed by {abs(1 - self.figure / self.bar):.0%}"


@dataclass(slots=True)
class Row:
    """All figures of one kind of work. `metrics` are those that the table shows, `order` that of its contestants;
    `notes` say what disturbed it, `broken` which measurements failed."""

    name: str
    work: str
    metrics: tuple[str, ...]
    goals: tuple[Goal, ...] = ()
    figures: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, case: str, contestant: str, metrics: dict[str, Any]) -> None:
        """Keep what one round gave."""
        self.figures.setdefault(case, {}).setdefault(contestant, []).append(metrics)

    def median(self, case: str, contestant: str, metric: str) -> float | None:
        """Over the rounds; None when it was not measured."""
        values = [one[metric] for one in self.figures.get(case, {}).get(contestant, ()) if metric in one]
        return median(values) if values else None

    def contestants(self) -> list[str]:
        """All that were measured, in the order in which they are to be shown."""
        measured = {name for cases in self.figures.values() for name in cases}
        return [name for name in self.order if name in measured]

    def verdicts(self) -> list[Verdict]:
        """Each goal in each of its cases."""
        return [
            self._verdict(goal, case) for goal in self.goals for case in ([goal.case] if goal.case else self.figures)
        ]

    def _verdict(self, goal: Goal, case: str) -> Verdict:
        figure = self.median(case, goal.contestant, goal.metric)
        peer = self.median(case, goal.against, goal.metric) if goal.against else 1.0
        if figure is None or peer is None:
            return Verdict(goal, case, figure, None, None)
        bar = goal.limit * peer
        return Verdict(goal, case, figure, bar, figure <= bar if goal.at_most else figure >= bar)

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``--json``."""
        verdicts = [
            {"case": one.case, "contestant": one.goal.contestant, "metric": one.goal.metric, "goal": one.goal.text()}
            | {"figure": one.figure, "bar": one.bar, "met": one.is_met}
            for one in self.verdicts()
        ]
        fields = ("name", "work", "figures", "absent", "notes", "broken")
        return {name: getattr(self, name) for name in fields} | {"verdicts": verdicts}
