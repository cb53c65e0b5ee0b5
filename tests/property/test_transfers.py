"""The law of transfers, with real engines on a simulated network: whatever is cut, killed, delayed, changed or planted
at whatever moment, what has its name is what was sent, and what does not come whole is interrupted, for a reason."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.world import world

EXAMPLES = int(os.environ.get("ESFRAMEWORK_SIMULATIONS", "25"))
"""How many stories are told; some thousands find what is rare."""


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 40))
def test_whatever_happens_nothing_wrong_has_a_name(seed: int, length: int) -> None:
    with world(seed) as here:
        here.new_source()
        for _ in range(length):
            here.step()
        here.calm_down()
        here.check_results()
        here.check_litter()
        here.send_the_rest()
        here.check_nothing_stays()
        here.close()
