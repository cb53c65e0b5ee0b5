"""The secrets that application servers and P2P servers share, from a configuration or a file that it names.

Reads that file; knows nothing of what the secrets are for.
"""

from __future__ import annotations

from esframework import limits
from esframework.config.problems import ConfigError
from esframework.config.service import P2PConfig


def p2p_secrets(config: P2PConfig) -> tuple[bytes, ...]:
    """The secrets, the one that makes tokens first: that of the configuration, then those of the file; or none.

    The file has one a line; empty lines and those that begin with # do not count. Raises ConfigError, which repeats no
    secret, for a file that cannot be read or has none, and for a secret that is too short.
    """
    own = () if config.secret is None else _long_enough([config.secret], "[p2p] secret")
    file = config.secret_file
    if file is None:
        return own
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError([f"[p2p] secret_file = {file}: cannot be read ({reason})"]) from None
    secrets = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not secrets:
        raise ConfigError([f"[p2p] secret_file = {file}: expected a secret in it, such as openssl rand -hex 32 gives"])
    return own + _long_enough(secrets, f"[p2p] secret_file = {file}")


def _long_enough(secrets: list[str], place: str) -> tuple[bytes, ...]:
    encoded = tuple(secret.encode() for secret in secrets)
    for number, secret in enumerate(encoded, 1):
        if len(secret) < limits.P2P_SHORTEST_SECRET:
            raise ConfigError(
                [
                    f"{place}: expected at least {limits.P2P_SHORTEST_SECRET} random bytes, number {number} has "
                    f"{len(secret)}; openssl rand -hex 32 makes a good one"
                ]
            )
    return encoded
