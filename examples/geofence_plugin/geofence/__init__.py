"""Geofence: who comes into a circle on the map, and who leaves it. A manager for esframework, made by a stranger."""
