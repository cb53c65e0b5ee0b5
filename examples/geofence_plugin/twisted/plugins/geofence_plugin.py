"""The drop-in by which engines find the manager."""

from geofence.manager import Geofence

geofence = Geofence()
