"""The life of a client's session as a machine: connect, log on, be online, be lost, wait, come back.

States, named for what they are at; `begin`, `close` and `reconnect` are the program's, all else happens to us:

    idle --begin--> connecting --connected--> logging_on --accepted--> online
    online --lost--> waiting --retry--> reconnecting --connected--> relogging_on --accepted--> online
    reconnecting, relogging_on --failed--> waiting        online, relogging_on --ended, refused--> idle

The first log-on fails as a whole; a later one is tried again for ever, unless the server says no.
"""

from __future__ import annotations

from typing import Any, Protocol

from automat import TypeMachineBuilder


class LinkInputs(Protocol):
    """What may happen to a link."""

    def begin(self) -> None:
        """The program logs on."""

    def connected(self, stream: Any) -> None:
        """A connection stands."""

    def failed(self, reason: Exception) -> None:
        """No connection, no answer, or it was lost before the log-on was answered."""

    def accepted(self) -> None:
        """The server admitted us."""

    def refused(self, reason: Exception) -> None:
        """The server did not admit us."""

    def lost(self, reason: Exception) -> None:
        """The connection of a session is gone."""

    def ended(self, reason: Exception) -> None:
        """The server ended the session for good."""

    def retry(self) -> None:
        """The wait is over."""

    def close(self) -> None:
        """The program is done."""


class LinkActions(Protocol):
    """What a link does; the engine implements it."""

    def open_connection(self) -> None: ...
    def send_log_on(self, stream: Any) -> None: ...
    def went_online(self, is_first: bool) -> None: ...
    def first_log_on_failed(self, reason: Exception) -> None: ...
    def session_lost(self) -> None: ...
    def wait_for_retry(self) -> None: ...
    def begin_rebuild(self) -> None: ...
    def relogon_refused(self, reason: Exception) -> None: ...
    def session_over(self) -> None: ...
    def release(self) -> None: ...


_builder: TypeMachineBuilder[LinkInputs, LinkActions] = TypeMachineBuilder(LinkInputs, LinkActions)  # type: ignore[type-abstract]

idle = _builder.state("idle")
connecting = _builder.state("connecting")
logging_on = _builder.state("logging_on")
online = _builder.state("online")
waiting = _builder.state("waiting")
reconnecting = _builder.state("reconnecting")
relogging_on = _builder.state("relogging_on")


@idle.upon(LinkInputs.begin).to(connecting)
def _connect_first(inputs: LinkInputs, actions: LinkActions) -> None:
    actions.open_connection()


@connecting.upon(LinkInputs.connected).to(logging_on)
@reconnecting.upon(LinkInputs.connected).to(relogging_on)
def _log_on(inputs: LinkInputs, actions: LinkActions, stream: Any) -> None:
    actions.send_log_on(stream)


@connecting.upon(LinkInputs.failed).to(idle)
@logging_on.upon(LinkInputs.failed).to(idle)
@logging_on.upon(LinkInputs.refused).to(idle)
def _give_up_first(inputs: LinkInputs, actions: LinkActions, reason: Exception) -> None:
    actions.first_log_on_failed(reason)


@logging_on.upon(LinkInputs.accepted).to(online)
def _be_online(inputs: LinkInputs, actions: LinkActions) -> None:
    actions.went_online(True)


@relogging_on.upon(LinkInputs.accepted).to(online)
def _be_online_again(inputs: LinkInputs, actions: LinkActions) -> None:
    actions.went_online(False)


@online.upon(LinkInputs.lost).to(waiting)
def _lose(inputs: LinkInputs, actions: LinkActions, reason: Exception) -> None:
    actions.session_lost()


@reconnecting.upon(LinkInputs.failed).to(waiting)
@relogging_on.upon(LinkInputs.failed).to(waiting)
def _wait(inputs: LinkInputs, actions: LinkActions, reason: Exception) -> None:
    actions.wait_for_retry()


@waiting.upon(LinkInputs.retry).to(reconnecting)
def _connect_again(inputs: LinkInputs, actions: LinkActions) -> None:
    actions.begin_rebuild()


@relogging_on.upon(LinkInputs.refused).to(idle)
def _refuse(inputs: LinkInputs, actions: LinkActions, reason: Exception) -> None:
    actions.relogon_refused(reason)


@online.upon(LinkInputs.ended).to(idle)
def _end(inputs: LinkInputs, actions: LinkActions, reason: Exception) -> None:
    actions.session_over()


for _state in (connecting, logging_on, online, waiting, reconnecting, relogging_on):

    @_state.upon(LinkInputs.close).to(idle)
    def _close(inputs: LinkInputs, actions: LinkActions) -> None:
        actions.release()


make_link = _builder.build()
