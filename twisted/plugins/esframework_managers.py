"""The framework's own managers, found like anybody else's."""

from esframework.managers.accounts.manager import AccountsManager
from esframework.managers.basic.manager import BasicManager
from esframework.managers.contacts.manager import ContactsManager
from esframework.managers.custom.manager import CustomManager
from esframework.managers.delivery.manager import DeliveryManager
from esframework.managers.diagnostics.manager import DiagnosticsManager
from esframework.managers.disk.manager import DiskManager
from esframework.managers.files.manager import FilesManager
from esframework.managers.groups.manager import GroupsManager
from esframework.managers.offline.manager import OfflineManager
from esframework.managers.offline_files.manager import OfflineFilesManager
from esframework.managers.p2p.manager import P2PManager

accounts = AccountsManager()
basic = BasicManager()
contacts = ContactsManager()
custom = CustomManager()
delivery = DeliveryManager()
diagnostics = DiagnosticsManager()
disk = DiskManager()
files = FilesManager()
groups = GroupsManager()
offline = OfflineManager()
offline_files = OfflineFilesManager()
p2p = P2PManager()
