"""With which seeds simulations run: a few; as many as ESFRAMEWORK_SIM_SEEDS says; or that of ESFRAMEWORK_SIM_SEED."""

from __future__ import annotations

import os

SEEDS_BY_DEFAULT = 2


def seeds() -> list[int]:
    """The seeds of this run; a failure is found again by its own."""
    one = os.environ.get("ESFRAMEWORK_SIM_SEED")
    if one is not None:
        return [int(one)]
    return list(range(int(os.environ.get("ESFRAMEWORK_SIM_SEEDS", SEEDS_BY_DEFAULT))))
