"""The drop-in by which twistd finds the P2P server that stands alone."""

from twisted.application.service import ServiceMaker

esframework_p2p = ServiceMaker(
    "esframework-p2p", "esframework.p2p_tap", "A P2P server for clients of ESFramework's protocol.", "esframework-p2p"
)
