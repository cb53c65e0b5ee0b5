"""What makes a Linux router a NAT of each kind: rules of nftables. Knows no addresses and starts nothing.

A router's device towards the internet is called `wan`. The kinds of mapping and filtering are RFC 4787's. For TCP every
kind that maps independently of the endpoint filters by address and port, as the kernel does by itself.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How a router treats what goes out and what comes in.

    POISONABLE is PORT_RESTRICTED that drops nothing new from outside: a packet that comes too early takes the port of
    the answer away, and TCP that nobody asked for is refused. REFUSING refuses TCP too, but cannot be poisoned.
    UDP_BLOCKED is the firewall of an office: PORT_RESTRICTED for TCP, and no UDP.
    """

    FULL_CONE = "full cone"
    ADDRESS_RESTRICTED = "address-restricted"
    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    POISONABLE = "poisonable"
    REFUSING = "refusing"
    UDP_BLOCKED = "UDP blocked"


# What is for a port that the router was asked to forward is let in: nothing else has another destination here.
_NOTHING_NEW_FORWARD = """chain forw {
  type filter hook forward priority 0;
  iifname "wan" ct status dnat accept
  iifname "wan" ct state new drop
 }"""
_NOTHING_NEW = f"""
 chain inpt {{ type filter hook input priority 0; iifname "wan" ct state new drop; }}
 {_NOTHING_NEW_FORWARD}
"""
_MASQUERADE = 'chain po { type nat hook postrouting priority 100; oifname "wan" masquerade; }'

# One outer port for each inner one, the same number, and who may come in by it. Before the masquerading the inner port
# is noted, at priority 90; what comes in for a noted port goes to whom it is noted for.
_CONE = f"""
 map fc {{ type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }}
 set seen {{ type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }}
 chain outm {{
  type filter hook postrouting priority 90;
  oifname "wan" meta l4proto udp update @fc {{ udp sport : ip saddr . udp sport }}
  oifname "wan" meta l4proto udp update @seen {{ ip daddr . udp sport }}
 }}
 chain inpt {{ type filter hook input priority 0; iifname "wan" ct state new drop; }}
 chain forw {{ type filter hook forward priority 0; iifname "wan" meta l4proto tcp ct state new drop; }}
 {_MASQUERADE}
 chain pr {{
  type nat hook prerouting priority -100;
  iifname "wan" meta l4proto udp %s dnat ip to udp dport map @fc;
 }}
"""

_RULES = {
    Kind.FULL_CONE: _CONE % "",
    Kind.ADDRESS_RESTRICTED: _CONE % "ip saddr . udp dport @seen",
    Kind.PORT_RESTRICTED: _MASQUERADE + _NOTHING_NEW,
    Kind.SYMMETRIC: _MASQUERADE.replace("masquerade", "masquerade fully-random") + _NOTHING_NEW,
    Kind.POISONABLE: _MASQUERADE,
    Kind.REFUSING: f"""
 {_MASQUERADE}
 chain inpt {{
  type filter hook input priority 0;
  iifname "wan" meta l4proto tcp ct state new reject with tcp reset
  iifname "wan" ct state new drop
 }}
 {_NOTHING_NEW_FORWARD}
""",
    Kind.UDP_BLOCKED: _MASQUERADE
    + _NOTHING_NEW
    + ' chain noud { type filter hook forward priority 1; oifname "wan" meta l4proto udp drop; }',
}

FORWARDING = """
table inet forwarding {
 chain forw { type filter hook forward priority 0; jump let_in; }
 chain pr { type nat hook prerouting priority -100; jump in; }
 chain po { type nat hook postrouting priority 90; jump out; }
 chain let_in { }
 chain in { }
 chain out { }
}
"""
"""Empty chains, to which miniupnpd adds the ports that it is asked to forward."""

MINIUPNPD = """
ext_ifname=wan
listening_ip=lan
http_port=0
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
uuid=00000000-0000-4000-8000-000000000001
upnp_table_name=forwarding
upnp_nat_table_name=forwarding
upnp_forward_chain=let_in
upnp_nat_chain=in
upnp_nat_postrouting_chain=out
allow 1024-65535 10.0.0.0/8 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""
"""Its configuration: NAT-PMP, PCP and UPnP for every host, for its own address."""


def hairpin(wan: str, network: str) -> str:
    """Rules by which the hosts of `network`, behind a full cone whose address is `wan`, reach each other by their outer
    addresses, and are seen under these (RFC 4787, REQ-9)."""
    return f"""table ip nat {{
 chain hairpin {{
  type nat hook prerouting priority -99;
  iifname "lan" ip daddr {wan} meta l4proto udp dnat ip to udp dport map @fc
 }}
 chain back {{ type nat hook postrouting priority 99; ip saddr {network} ct status dnat snat to {wan}; }}
}}
"""


GUARD_IPV6 = """
table ip6 guard {
 chain forw { type filter hook forward priority 0; iifname "wan" ct state new drop; }
}
"""
"""A firewall as home routers have it: IPv6 needs no NAT, but what comes in must have been asked for."""


def rules(kind: Kind) -> str:
    """The rules of a router of this kind, for `nft -f`."""
    return f"table ip nat {{\n{_RULES[kind]}\n}}\n"
