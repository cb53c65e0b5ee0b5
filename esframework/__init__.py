"""A communication framework on Twisted: a server to run, to extend and to embed, and a client for it.

    from esframework import ClientEngine, ServerEngine

Names are imported when they are first used, so that `import esframework` installs no reactor and costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from esframework._version import __version__ as __version__

if TYPE_CHECKING:
    from esframework.client.engine import ClientEngine as ClientEngine
    from esframework.client.keeper import LogonResponse as LogonResponse
    from esframework.client.options import ClientOptions as ClientOptions
    from esframework.client.options import Socks5Proxy as Socks5Proxy
    from esframework.errors import NoP2PChannel as NoP2PChannel
    from esframework.errors import P2PConnectFailed as P2PConnectFailed
    from esframework.interfaces import IAttachmentConsumer as IAttachmentConsumer
    from esframework.interfaces import IAttachmentHandler as IAttachmentHandler
    from esframework.interfaces import ICustomHandler as ICustomHandler
    from esframework.interfaces import IDeliveryHandler as IDeliveryHandler
    from esframework.interfaces import IIntegratedHandler as IIntegratedHandler
    from esframework.interfaces import IManager as IManager
    from esframework.interfaces import IOfflineHandler as IOfflineHandler
    from esframework.interfaces import IVerifier as IVerifier
    from esframework.interfaces import LogOnRequest as LogOnRequest
    from esframework.interfaces import Registrations as Registrations
    from esframework.interfaces import Role as Role
    from esframework.managers.accounts.machine import AccountState as AccountState
    from esframework.managers.accounts.options import AccountsOptions as AccountsOptions
    from esframework.managers.contacts.options import ContactsOptions as ContactsOptions
    from esframework.managers.custom.attachments.contracts import AttachmentSent as AttachmentSent
    from esframework.managers.custom.attachments.reception import Attachment as Attachment
    from esframework.managers.custom.combined import CombinedHandler as CombinedHandler
    from esframework.managers.custom.contracts import Information as Information
    from esframework.managers.delivery.contracts import Delivered as Delivered
    from esframework.managers.delivery.contracts import Receipt as Receipt
    from esframework.managers.delivery.failures import Undelivered as Undelivered
    from esframework.managers.delivery.options import DeliveryOptions as DeliveryOptions
    from esframework.managers.disk.options import DiskOptions as DiskOptions
    from esframework.managers.disk.options import PublicFolder as PublicFolder
    from esframework.managers.files.offer import Offer as Offer
    from esframework.managers.files.options import FilesOptions as FilesOptions
    from esframework.managers.files.options import SendingParameters as SendingParameters
    from esframework.managers.files.transfer import Progress as Progress
    from esframework.managers.files.transfer import Transfer as Transfer
    from esframework.managers.groups.options import GroupsOptions as GroupsOptions
    from esframework.managers.offline.contracts import OfflineMessage as OfflineMessage
    from esframework.managers.offline.options import OfflineOptions as OfflineOptions
    from esframework.managers.offline_files.contracts import KeptFile as KeptFile
    from esframework.managers.offline_files.contracts import SettledFile as SettledFile
    from esframework.managers.offline_files.options import OfflineFilesOptions as OfflineFilesOptions
    from esframework.managers.p2p.client_options import ClientP2POptions as ClientP2POptions
    from esframework.managers.p2p.nat import NatKind as NatKind
    from esframework.managers.p2p.nat import NatReport as NatReport
    from esframework.managers.p2p.options import P2POptions as P2POptions
    from esframework.managers.p2p.state import ChannelState as ChannelState
    from esframework.server.engine import ServerEngine as ServerEngine
    from esframework.server.options import HandlerMode as HandlerMode
    from esframework.server.options import ServerOptions as ServerOptions
    from esframework.server.users import UserData as UserData
    from esframework.stores.verifier import AccountVerifier as AccountVerifier
    from esframework.wire.types import BY_SERVER as BY_SERVER
    from esframework.wire.types import ChannelMode as ChannelMode
    from esframework.wire.types import DisconnectedType as DisconnectedType
    from esframework.wire.types import FileDisruption as FileDisruption
    from esframework.wire.types import Level as Level
    from esframework.wire.types import LogonResult as LogonResult
    from esframework.wire.types import MessageInvalidType as MessageInvalidType
    from esframework.wire.types import MessageType as MessageType
    from esframework.wire.types import OnBusy as OnBusy
    from esframework.wire.types import OnNoP2PChannel as OnNoP2PChannel
    from esframework.wire.types import P2PChannelMode as P2PChannelMode
    from esframework.wire.types import Priority as Priority
    from esframework.wire.types import RelogonMode as RelogonMode

_HOMES = {
    "ClientEngine": "esframework.client.engine",
    "LogonResponse": "esframework.client.keeper",
    "ClientOptions": "esframework.client.options",
    "Socks5Proxy": "esframework.client.options",
    "ServerEngine": "esframework.server.engine",
    "ServerOptions": "esframework.server.options",
    "HandlerMode": "esframework.server.options",
    "UserData": "esframework.server.users",
    "AccountState": "esframework.managers.accounts.machine",
    "AccountVerifier": "esframework.stores.verifier",
    "AccountsOptions": "esframework.managers.accounts.options",
    "ContactsOptions": "esframework.managers.contacts.options",
    "DeliveryOptions": "esframework.managers.delivery.options",
    **dict.fromkeys(("DiskOptions", "PublicFolder"), "esframework.managers.disk.options"),
    "GroupsOptions": "esframework.managers.groups.options",
    "Offer": "esframework.managers.files.offer",
    **dict.fromkeys(("FilesOptions", "SendingParameters"), "esframework.managers.files.options"),
    **dict.fromkeys(("Progress", "Transfer"), "esframework.managers.files.transfer"),
    "CombinedHandler": "esframework.managers.custom.combined",
    "Information": "esframework.managers.custom.contracts",
    "Attachment": "esframework.managers.custom.attachments.reception",
    "AttachmentSent": "esframework.managers.custom.attachments.contracts",
    "OfflineMessage": "esframework.managers.offline.contracts",
    "OfflineOptions": "esframework.managers.offline.options",
    "KeptFile": "esframework.managers.offline_files.contracts",
    "SettledFile": "esframework.managers.offline_files.contracts",
    "OfflineFilesOptions": "esframework.managers.offline_files.options",
    **dict.fromkeys(("Delivered", "Receipt"), "esframework.managers.delivery.contracts"),
    "Undelivered": "esframework.managers.delivery.failures",
    "ClientP2POptions": "esframework.managers.p2p.client_options",
    "P2POptions": "esframework.managers.p2p.options",
    "ChannelState": "esframework.managers.p2p.state",
    **dict.fromkeys(("NatKind", "NatReport"), "esframework.managers.p2p.nat"),
    **dict.fromkeys(("NoP2PChannel", "P2PConnectFailed"), "esframework.errors"),
    **dict.fromkeys(
        (
            "IAttachmentConsumer",
            "IAttachmentHandler",
            "ICustomHandler",
            "IDeliveryHandler",
            "IIntegratedHandler",
            "IManager",
            "IOfflineHandler",
            "IVerifier",
            "LogOnRequest",
            "Registrations",
            "Role",
        ),
        "esframework.interfaces",
    ),
    **dict.fromkeys(
        (
            "BY_SERVER",
            "ChannelMode",
            "DisconnectedType",
            "FileDisruption",
            "Level",
            "LogonResult",
            "MessageInvalidType",
            "MessageType",
            "OnBusy",
            "OnNoP2PChannel",
            "P2PChannelMode",
            "Priority",
            "RelogonMode",
        ),
        "esframework.wire.types",
    ),
}

__all__ = sorted(["__version__", *_HOMES])


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
