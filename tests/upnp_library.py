"""The library miniupnpc, played: it raises bare exceptions with words, as the real one does."""

from __future__ import annotations


class FakeLibrary:
    """Module and device in one. `url`: who answers, None nobody; `taken`: outer ports of other machines."""

    lanaddr = "10.0.0.2"

    def __init__(
        self,
        url: str | None = "http://10.0.0.1:5000/ctl/IPConn",
        only_permanent: bool = False,
        taken: set[int] | None = None,
    ) -> None:
        self.url = url
        self.only_permanent = only_permanent
        self.taken = taken or set()
        self.discoverdelay = 0
        self.searches = 0
        self.added: list[tuple[object, ...]] = []
        self.mapped: dict[tuple[str, int], int] = {}

    def UPnP(self) -> FakeLibrary:
        return self

    def discover(self) -> int:
        self.searches += 1
        return 1

    def selectigd(self) -> str:
        if self.url is None:
            raise Exception("No UPnP device discovered")
        return self.url

    def externalipaddress(self) -> str:
        return "203.0.113.5"

    def addportmapping(
        self, outer: int, protocol: str, host: str, inner: int, description: str, remote: str, lease: int
    ) -> bool:
        self.added.append((outer, protocol, host, inner, description, remote, lease))
        if outer in self.taken:
            raise Exception("ConflictInMappingEntry")
        if lease and self.only_permanent:
            raise Exception("OnlyPermanentLeasesSupported")
        self.mapped[protocol, outer] = inner
        return True

    def deleteportmapping(self, outer: int, protocol: str) -> bool:
        if (protocol, outer) not in self.mapped:
            raise Exception("NoSuchEntryInArray")
        del self.mapped[protocol, outer]
        return True
