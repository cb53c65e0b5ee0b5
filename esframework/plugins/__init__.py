"""How features plug in: finding managers, dispatching messages to them, events and filters. Drop-ins may be put here,
too."""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
