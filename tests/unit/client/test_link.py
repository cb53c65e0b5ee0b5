"""The machine of a client's session: a walk over every state and input."""

from __future__ import annotations

from typing import Any

import pytest
from automat import NoTransition

from esframework.client.link import LinkActions, make_link

INPUTS: dict[str, tuple[Any, ...]] = {
    "begin": (),
    "connected": ("stream",),
    "failed": (ValueError(),),
    "accepted": (),
    "refused": (ValueError(),),
    "lost": (ValueError(),),
    "ended": (ValueError(),),
    "retry": (),
    "close": (),
}
WAYS = {
    "idle": [],
    "connecting": ["begin"],
    "logging_on": ["begin", "connected"],
    "online": ["begin", "connected", "accepted"],
    "waiting": ["begin", "connected", "accepted", "lost"],
    "reconnecting": ["begin", "connected", "accepted", "lost", "retry"],
    "relogging_on": ["begin", "connected", "accepted", "lost", "retry", "connected"],
}
LAW = {
    ("idle", "begin"): ["open_connection"],
    ("connecting", "connected"): ["send_log_on"],
    ("connecting", "failed"): ["first_log_on_failed"],
    ("connecting", "close"): ["release"],
    ("logging_on", "accepted"): ["went_online(True)"],
    ("logging_on", "failed"): ["first_log_on_failed"],
    ("logging_on", "refused"): ["first_log_on_failed"],
    ("logging_on", "close"): ["release"],
    ("online", "lost"): ["session_lost"],
    ("online", "ended"): ["session_over"],
    ("online", "close"): ["release"],
    ("waiting", "retry"): ["begin_rebuild"],
    ("waiting", "close"): ["release"],
    ("reconnecting", "connected"): ["send_log_on"],
    ("reconnecting", "failed"): ["wait_for_retry"],
    ("reconnecting", "close"): ["release"],
    ("relogging_on", "accepted"): ["went_online(False)"],
    ("relogging_on", "failed"): ["wait_for_retry"],
    ("relogging_on", "refused"): ["relogon_refused"],
    ("relogging_on", "close"): ["release"],
}


class Actions(LinkActions):
    """Writes down what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[str] = []


def _recorder(name: str) -> Any:
    def action(self: Actions, *arguments: Any) -> None:
        self.done.append(f"{name}({arguments[0]})" if name == "went_online" else name)

    return action


for _name in (name for name in vars(LinkActions) if not name.startswith("_")):
    setattr(Actions, _name, _recorder(_name))


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("event", INPUTS)
def test_each_event_in_each_state_does_what_the_law_says_or_is_refused(state: str, event: str) -> None:
    actions = Actions()
    link = make_link(actions)
    for step in WAYS[state]:
        getattr(link, step)(*INPUTS[step])
    actions.done.clear()
    if (state, event) in LAW:
        getattr(link, event)(*INPUTS[event])
        assert actions.done == LAW[state, event]
    else:
        with pytest.raises(NoTransition):
            getattr(link, event)(*INPUTS[event])


def test_after_every_end_it_can_begin_again() -> None:
    for end in ("close", "ended"):
        actions = Actions()
        link = make_link(actions)
        for step in (*WAYS["online"], end, "begin"):
            getattr(link, step)(*INPUTS[step])
        assert actions.done[-1] == "open_connection"
