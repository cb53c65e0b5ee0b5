"""Numbers and switches of accounts, with their defaults. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from esframework import limits
from esframework.net.addresses import Network, networks_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsOptions:
    """Options of `server.accounts`. Times are seconds.

    `register` lets anybody make an account over the network. `free_tries` are failed log-ons of one account that cost
    no waiting (0: none ever does). Log-ons from `exempt` networks (`10.0.0.0/8`) are neither counted nor held up;
    raises ValueError for one that is none. `token_lifetime` is that of session tokens, 0 gives none and takes none;
    None means `limits.SESSION_TOKEN_LIFETIME` where accounts are in the server's store, and none where an application's
    own verifier knows them: that must have tokens revoked whenever it begins to refuse a user.
    """

    register: bool = False
    shortest_password: int = limits.SHORTEST_PASSWORD
    token_lifetime: float | None = None
    free_tries: int = limits.FREE_TRIES_PER_ACCOUNT
    free_registrations: int = limits.FREE_REGISTRATIONS
    exempt: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.exempt_networks  # noqa: B018  # a wrong one is told here, not with the first log-on

    @property
    def exempt_networks(self) -> tuple[Network, ...]:
        """`exempt`, read."""
        return networks_of(self.exempt)
