"""The NAT lab: an internet of network namespaces, and behind routers of every kind the hosts that seek each other.

The internet is itself a router, so that a packet of a short life (TTL 2) leaves its own NAT and dies before the
other's. The addresses of servers, 203.0.113.1 and .2, are the internet's own. Routers and public hosts have a network
each, 11.0.K.0/24, which counts as public for whoever looks at addresses; nothing of it ever leaves the machine.
Addresses of private networks lead nowhere in the internet, and nobody says so.

This makes and changes networks. Who runs in them and what should come of it, it does not know.
"""

from __future__ import annotations

from ipaddress import ip_address
from itertools import count
from pathlib import Path
from types import TracebackType

from tests.nat.namespaces import Namespace
from tests.nat.routers import FORWARDING, GUARD_IPV6, MINIUPNPD, Kind, hairpin, rules

SERVERS = ("203.0.113.1", "203.0.113.2")
HOPS_TO_THE_INTERNET = 2
"""The TTL with which a packet passes a host's own router and dies in the internet."""

_BRIDGE = "02:00:00:00:00:01"
_CUTTING = """
table ip cutting {
 set no_all { type ipv4_addr . ipv4_addr; }
 set no_udp { type ipv4_addr . ipv4_addr; }
 set no_tcp { type ipv4_addr . ipv4_addr; }
 chain forw {
  type filter hook forward priority 0;
  ip saddr . ip daddr @no_all drop
  meta l4proto udp ip saddr . ip daddr @no_udp drop
  meta l4proto tcp ip saddr . ip daddr @no_tcp drop
 }
}
"""


class Host:
    """A machine with one address; `public_address` is where its packets seem to come from."""

    def __init__(self, namespace: Namespace, address: str, router: Router | None) -> None:
        self.namespace = namespace
        self.address = address
        self.router = router

    @property
    def public_address(self) -> str:
        """Its own or that of the outermost router on the way to the internet."""
        router = self.router
        if router is None:
            return self.address
        while router.behind is not None:
            router = router.behind
        return router.wan

    def move(self, address: str) -> None:
        """Changes to another address of its network: what was connected from the old one is cut off."""
        assert self.router is not None, "only what is behind a router moves"
        self.namespace.ip(
            f"addr del {self.address}/24 dev lan",
            f"addr add {address}/24 dev lan",
            f"route add default via {self.router.gateway}",
        )
        self.address = address


class Router:
    """A NAT of one kind between its own network and the internet, or the network of the router it is `behind`."""

    def __init__(self, kind: Kind, namespace: Namespace, wan: str, network: str, behind: Router | None) -> None:
        """`network` is the first three numbers of the addresses in its own network (10.0.1)."""
        self.kind = kind
        self.namespace = namespace
        self.wan = wan
        self.network = network
        self.behind = behind
        self._numbers = count(2)
        self._free_addresses = count(200)
        namespace.set("net.ipv4.ip_forward", 1)
        # With an address of its own: otherwise it is its smallest port's, and changes with each that is plugged in.
        namespace.ip(
            f"link add lan address {_BRIDGE} type bridge", f"addr add {self.gateway}/24 dev lan", "link set lan up"
        )
        namespace.nft(rules(kind))

    @property
    def gateway(self) -> str:
        """Its address in its own network."""
        return f"{self.network}.1"

    def plug_in(self, namespace: Namespace, device: str) -> str:
        """Connects a namespace to its network by a new device there; the address that it has."""
        number = next(self._numbers)
        address = f"{self.network}.{number}"
        namespace.ip(f"link add {device} type veth peer name port{number} netns {self.namespace.path}")
        self.namespace.ip(f"link set port{number} master lan up")
        namespace.ip(
            f"addr add {address}/24 dev {device}",
            f"link set {device} up",
            f"route add default via {self.gateway}",
        )
        namespace.reach(self.gateway, device)
        return address

    def unused_address(self) -> str:
        """An address of its network that nobody has, to move to."""
        return f"{self.network}.{next(self._free_addresses)}"

    def forget(self) -> None:
        """Loses all mappings, as when it starts anew."""
        self.namespace.run(("conntrack", "-F"))
        if self.kind in (Kind.FULL_CONE, Kind.ADDRESS_RESTRICTED):
            self.namespace.nft("flush map ip nat fc\nflush set ip nat seen")

    def hairpin(self) -> None:
        """Lets its hosts reach each other by their outer addresses. For a full cone only."""
        assert self.kind is Kind.FULL_CONE, self.kind
        self.namespace.nft(hairpin(self.wan, f"{self.network}.0/24"))

    def forward_on_request(self, folder: Path, only_upnp: bool = False) -> None:
        """Lets its hosts ask for ports to be forwarded, by UPnP and unless `only_upnp` by NAT-PMP and PCP, as most home
        routers do; miniupnpd is what many of these run. `folder` takes its files."""
        configuration = folder / "miniupnpd.conf"
        configuration.write_text(MINIUPNPD.replace("natpmp=yes", "natpmp=no") if only_upnp else MINIUPNPD)
        self.namespace.nft(FORWARDING)
        self.namespace.start(
            ("miniupnpd", "-d", "-f", str(configuration), "-P", str(folder / "miniupnpd.pid")),
            folder / "miniupnpd.log",
            "HTTP listening on port",
        )

    def keep_mappings_for(self, unanswered: int, answered: int) -> None:
        """Seconds for which an idle UDP mapping lives, by whether an answer came by it once."""
        self.namespace.set("net.netfilter.nf_conntrack_udp_timeout", unanswered)
        self.namespace.set("net.netfilter.nf_conntrack_udp_timeout_stream", answered)


class Lab:
    """All of it. Used as a context manager, or closed; with the process it is gone in any case."""

    def __init__(self) -> None:
        """:raises OSError: this process may make no namespaces."""
        self._namespaces: list[Namespace] = []
        self._devices: dict[Namespace, str] = {}
        self._networks = count(1)
        self.internet = self._namespace("internet")
        self.internet.set("net.ipv4.ip_forward", 1)
        self.internet.ip(
            *(f"addr add {address}/32 dev lo" for address in SERVERS),
            *(f"route add blackhole {network}" for network in ("10.0.0.0/8", "100.64.0.0/10", "192.168.0.0/16")),
        )
        self.internet.nft(_CUTTING)

    def router(self, kind: Kind, *, behind: Router | None = None, network: str | None = None) -> Router:
        """A router on the internet, or in the network of another: the provider's.

        `network`: as for `Router`; without it one that no other router has.
        """
        number = next(self._networks)
        namespace = self._namespace(f"router {number}, {kind}")
        wan = behind.plug_in(namespace, "wan") if behind else self._connect(namespace, "wan", number)
        return Router(kind, namespace, wan, network or f"10.0.{number}", behind)

    def provider(self, kind: Kind) -> Router:
        """A provider's router, behind which its customers' routers share an address (100.64.0.0/10)."""
        return self.router(kind, network=f"100.64.{next(self._networks)}")

    def host(self, router: Router | None = None) -> Host:
        """A machine behind a router, or one with a public address."""
        number = next(self._networks) if router is None else 0
        namespace = self._namespace(f"host behind {router.namespace.name}" if router else f"public host {number}")
        if router is None:
            return Host(namespace, self._connect(namespace, "wan", number), None)
        return Host(namespace, router.plug_in(namespace, "lan"), router)

    def give_ipv6(self, host: Host) -> str:
        """Gives a host behind a router an address of IPv6, without a NAT but behind a firewall; the address."""
        router = host.router
        assert router is not None and router.behind is None, "there is IPv6 behind home routers only"
        network = f"2a00:1:{next(self._networks):x}"
        for namespace in (self.internet, router.namespace, host.namespace):
            namespace.allow_ipv6()
        for namespace in (self.internet, router.namespace):
            namespace.set("net.ipv6.conf.all.forwarding", 1)
        router.namespace.nft(GUARD_IPV6)
        self.internet.ip(
            f"addr add {network}:0::1/64 dev {self._devices[router.namespace]} nodad",
            f"route add {network}:1::/64 via {network}:0::2",
        )
        router.namespace.ip(
            f"addr add {network}:0::2/64 dev wan nodad",
            f"addr add {network}:1::1/64 dev lan nodad",
            f"route add default via {network}:0::1",
        )
        host.namespace.ip(
            f"addr add {network}:1::2/64 dev lan nodad", f"route add default via {network}:1::1"
        )
        host.namespace.reach(f"{network}:0::1", "lan")
        return str(ip_address(f"{network}:1::2"))

    def cut(self, one: Host, other: Host, protocol: str = "all") -> None:
        """Lets nothing pass in the internet between two hosts any more, or no "udp", or no "tcp"."""
        self._change_cut("add", one, other, protocol)

    def mend(self, one: Host, other: Host, protocol: str = "all") -> None:
        """Undoes `cut`."""
        self._change_cut("delete", one, other, protocol)

    def _change_cut(self, verb: str, one: Host, other: Host, protocol: str) -> None:
        first, second = one.public_address, other.public_address
        both_ways = f"{{ {first} . {second}, {second} . {first} }}"
        self.internet.nft(f"{verb} element ip cutting no_{protocol} {both_ways}")

    def _namespace(self, name: str) -> Namespace:
        namespace = Namespace(name)
        self._namespaces.append(namespace)
        return namespace

    def _connect(self, namespace: Namespace, device: str, number: int) -> str:
        network = f"11.0.{number}"
        self._devices[namespace] = f"site{number}"
        namespace.ip(
            f"link add {device} type veth peer name site{number} netns {self.internet.path}",
            f"addr add {network}.2/24 dev {device}",
            f"link set {device} up",
            f"route add default via {network}.1",
        )
        self.internet.ip(f"addr add {network}.1/24 dev site{number}", f"link set site{number} up")
        namespace.reach(SERVERS[0], device)
        return f"{network}.2"

    def close(self) -> None:
        """Lets go of everything; what still runs in there keeps its namespace until it ends."""
        while self._namespaces:
            self._namespaces.pop().close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
