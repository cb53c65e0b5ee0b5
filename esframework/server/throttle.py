"""How failed log-ons make the next ones wait: for each account, for each address, and with which exceptions.

Knows user ids and addresses, not passwords. What counts as one address is `net.addresses`'s word.

The owner of an account is never locked out for good by somebody who guesses at it: session tokens, which cannot be
guessed, are neither counted nor held up; and an address from which the account has logged on before has failures of its
own, apart from all others'.
"""

from __future__ import annotations

from dataclasses import dataclass

from esframework import limits
from esframework.machines.throttle import KnownPlaces, Penalties, Rule
from esframework.net.addresses import is_in, network_of
from esframework.net.stream import is_loopback
from esframework.plugins.hooks import Event
from esframework.server.options import ServerOptions

Place = tuple[str, str]
"""(user id, address it is known from, or empty for all the others)"""


@dataclass(frozen=True, slots=True)
class Try:
    """A try to log on. `wait` is 0 when it was reserved, else the seconds after which it may be made.

    `network` and `place` are under which names it was counted; None where it was not.
    """

    user_id: str
    address: str
    wait: float
    network: str | None
    place: Place | None


class LogOnThrottle:
    """Penalties of one server, in memory.

    `locked(user_id, address, seconds)` is told when a failure makes an account or an address wait; the other is None.
    """

    def __init__(self, options: ServerOptions) -> None:
        accounts = options.accounts
        self._exempt = accounts.exempt_networks
        self._counts_loopback = options.limit_loopback
        self._accounts: Penalties[Place] = Penalties(Rule(accounts.free_tries, limits.FORGET_ACCOUNT_FAILURE))
        self._addresses: Penalties[str] = Penalties(Rule(options.max_log_on_tries, limits.FORGET_ADDRESS_FAILURE))
        self._known: KnownPlaces[str] = KnownPlaces()
        self.locked: Event[str | None, str | None, float] = Event("accounts.locked")

    # --- one try ------------------------------------------------------------------------------------------------------
    def begin(self, user_id: str, address: str, with_token: bool, now: float) -> Try:
        """Reserve a try; unless it must wait, it counts as failed until `succeeded` or `undecided` say otherwise."""
        is_exempt = is_in(address, self._exempt)
        if is_exempt or with_token:
            # A house full of devices whose tokens all expired must not find itself locked out by that.
            return Try(user_id, address, 0.0, None, None)
        network = network_of(address) if self._counts(address) else None
        place = self._place(user_id, address)
        wait = self._accounts.wait(place, now)
        if network is not None:
            wait = max(wait, self._addresses.wait(network, now))
        if wait <= 0:
            self._accounts.count(place, now)
            if network is not None:
                self._addresses.count(network, now)
        return Try(user_id, address, wait, network, place)

    def succeeded(self, log_on: Try, now: float) -> None:
        """It was right: the account's failures at this place are forgotten, and the place is known."""
        if log_on.network is not None:
            self._addresses.give_back(log_on.network, now)
        if log_on.place is not None:
            self._accounts.forgive(log_on.place)
        network = network_of(log_on.address)
        if not self._known.knows(log_on.user_id, network):
            # Failures of a time when it was known before.
            self._accounts.forgive((log_on.user_id, network))
        self._known.add(log_on.user_id, network)

    def undecided(self, log_on: Try, now: float) -> None:
        """Nobody had the time to look whether it was right."""
        if log_on.network is not None:
            self._addresses.give_back(log_on.network, now)
        if log_on.place is not None:
            self._accounts.give_back(log_on.place, now)

    def failed(self, log_on: Try, now: float) -> None:
        """It was wrong: what was reserved stays. Tells `locked`."""
        wait = 0.0 if log_on.place is None else self._accounts.wait(log_on.place, now)
        if wait > 0:
            self.locked.fire(log_on.user_id, None, wait)
        wait = 0.0 if log_on.network is None else self._addresses.wait(log_on.network, now)
        if wait > 0:
            self.locked.fire(None, log_on.network, wait)

    # --- whoever looks after it ---------------------------------------------------------------------------------------
    def unlock_account(self, user_id: str) -> bool:
        """Forget an account's failures from everywhere; False when there were none."""
        # Not every address from which somebody ever failed: those that are not known any more are not looked up either.
        forgiven = [self._accounts.forgive((user_id, network)) for network in ("", *self._known.of(user_id))]
        return any(forgiven)

    def unlock_address(self, address: str) -> bool:
        """Forget an address's failures; False when there were none. An address of IPv6 stands for its /64."""
        return self._addresses.forgive(network_of(address.removesuffix("/64")))

    def forget_account(self, user_id: str) -> None:
        """The account is no more: whoever takes the name begins anew."""
        self.unlock_account(user_id)
        self._known.forget(user_id)

    def sweep(self, now: float) -> None:
        """Drop what time has forgiven."""
        self._accounts.forget_old(now)
        self._addresses.forget_old(now)

    # --- inside -------------------------------------------------------------------------------------------------------
    def _place(self, user_id: str, address: str) -> Place:
        network = network_of(address)
        return (user_id, network if self._known.knows(user_id, network) else "")

    def _counts(self, address: str) -> bool:
        return self._counts_loopback or not is_loopback(address)
