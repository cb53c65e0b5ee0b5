"""The drop-in by which twistd finds the service."""

from twisted.application.service import ServiceMaker

esframework = ServiceMaker(
    "esframework", "esframework.tap", "A communication server for ESFramework's protocol.", "esframework"
)
