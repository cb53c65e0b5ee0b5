"""Every number of delivery at a server: where options of managers are looked for."""

from esframework.managers.delivery.machine.options import DeliveryOptions

__all__ = ["DeliveryOptions"]
