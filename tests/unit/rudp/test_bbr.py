"""The controller that measures the path: it fills it whatever is lost at random, and finds its share beside others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esframework.rudp.bbr import Bbr
from esframework.rudp.rtt import Rtt
from tests.bottleneck import Bottleneck, Path


def measured(phase: int = 0) -> Callable[[Rtt], Bbr]:
    """What makes a controller for a flow."""
    return lambda rtt: Bbr(rtt, now=0.0, phase=phase)


@pytest.mark.parametrize(("loss", "share"), [(0.0, 0.9), (0.02, 0.9), (0.05, 0.8), (0.1, 0.6)])
def test_it_fills_the_path_whatever_is_lost_at_random(loss: float, share: float) -> None:
    bottleneck = Bottleneck(Path(loss=loss), 1, measured())
    bottleneck.run(1.0)
    assert bottleneck.share(2.0)[0] >= share
