"""Bodies of P2P in the protocol itself, as clients of another make use it (protocol, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from esframework.wire.compact import codec
from esframework.wire.contracts import P2PAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class MyP2PAddressBody:
    """401: where the sender can be reached."""

    is_public_ip: bool = field(metadata={"wire": "IsPublicIP"})
    p2p_address: P2PAddress | None = field(metadata={"wire": "P2PAddress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PAddressOf6:
    """402 of generation 6: whose address is asked for."""

    friend_id: str = field(metadata={"wire": "FriendID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PAddressOf7(P2PAddressOf6):
    """402 of generation 7: that of which kind of device."""

    client_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PAddressAnswer6:
    """Answer to a 402 of generation 6; the address is null when there is none."""

    p2p_address: P2PAddress | None = field(metadata={"wire": "P2PAddress"})
    user_id: str = field(metadata={"wire": "UserID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PAddressAnswer7(P2PAddressAnswer6):
    """Answer to a 402 of generation 7."""

    client_type: int


@dataclass(frozen=True, slots=True)
class PublicEndpointBody:
    """Answer to a 405: how the sender is seen."""

    ip: str | None = field(metadata={"wire": "IP"})
    public_port: int


MY_P2P_ADDRESS = codec(MyP2PAddressBody)
P2P_ADDRESS_OF: dict[int, Any] = {6: codec(P2PAddressOf6), 7: codec(P2PAddressOf7)}
P2P_ADDRESS_ANSWER: dict[int, Any] = {6: codec(P2PAddressAnswer6), 7: codec(P2PAddressAnswer7)}
PUBLIC_ENDPOINT = codec(PublicEndpointBody)
