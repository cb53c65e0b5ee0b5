"""Figures for Prometheus over HTTP: one page, `/metrics`, made when it is fetched.

Knows HTTP; what the figures are is `collector`'s. The package that writes them is needed only when a page is served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.web.http import Request
from twisted.web.pages import notFound
from twisted.web.resource import Resource
from twisted.web.server import Site

from esframework.errors import MissingExtra

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_TEXT_FORMAT = b"text/plain; version=0.0.4; charset=utf-8"


def metrics_endpoint(reactor: Any, engine: Any, endpoint: str) -> Deferred[IListeningPort]:
    """Serve a server engine's figures at `/metrics` of a Twisted endpoint string.

    Fires with the listening port. Fails with `MissingExtra` without the extra `metrics`, or with what Twisted says
    when it cannot listen there. Whoever can reach the endpoint sees the ids of the slowest users: it belongs on
    loopback or behind a firewall.
    """

    def registry() -> CollectorRegistry:
        from esframework.web.collector import registry_of

        return registry_of(engine)

    return Deferred.fromCoroutine(_listen(reactor, registry, endpoint))


def rendezvous_metrics_endpoint(reactor: Any, service: Any, endpoint: str) -> Deferred[IListeningPort]:
    """Serve the figures of a P2P server that stands alone, a `RendezvousService`; as `metrics_endpoint`."""

    def registry() -> CollectorRegistry:
        from esframework.web.rendezvous_collector import rendezvous_registry_of

        return rendezvous_registry_of(service)

    return Deferred.fromCoroutine(_listen(reactor, registry, endpoint))


async def _listen(reactor: Any, registry: Callable[[], CollectorRegistry], endpoint: str) -> IListeningPort:
    try:
        resource = metrics_resource(registry())
    except ImportError:
        raise MissingExtra("metrics", "metrics") from None
    site = _QuietSite(resource, reactor=reactor)  # type: ignore[no-untyped-call]
    port: IListeningPort = await serverFromString(reactor, endpoint).listen(site)
    return port


def metrics_resource(registry: CollectorRegistry) -> Resource:
    """The pages of a twisted.web site: `/metrics` and nothing else."""
    root = _Folder()  # type: ignore[no-untyped-call]
    root.putChild(b"metrics", MetricsPage(registry))
    return root


class _Folder(Resource):
    """Has the children that it was given and says of others that they are not there."""

    def getChild(self, path: bytes, request: Request) -> Any:
        """Part of IResource."""
        return notFound()


class MetricsPage(_Folder):
    """A registry's figures, in the text format that every Prometheus reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        """Collect in the reactor's thread, where nothing changes meanwhile."""
        from prometheus_client import generate_latest

        page = generate_latest(self._registry)
        request.setHeader(b"content-type", _TEXT_FORMAT)
        return page


class _QuietSite(Site):
    """Fetched every few seconds for ever, so it fills no log."""

    noisy = False

    def log(self, request: Request) -> None:
        """Part of Site; says nothing."""
